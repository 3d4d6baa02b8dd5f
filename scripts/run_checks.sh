#!/bin/sh
# SPDX-License-Identifier: MIT
# `make check`: runs every part, shows each in short, and ends with one line, `N passed, N failed`, over all of them.
# A part passes on its exit status and on its own count, `N passed, N failed` or Check's `P%: Checks: N, Failures: N,
# Errors: N`; a part without a count is one test. Needs what `make all examples check-build asan` builds.
BUILD=${BUILD:-build}
CC=${CC:-cc}
export BUILD CC
unset MAKEFLAGS MFLAGS MAKELEVEL
logs=$BUILD/check-logs
rm -rf "$logs"
mkdir -p "$logs"
total_passed=0
total_failed=0

# run NAME COMMAND...: output, exit status and seconds into files
run() {
    name=$1
    shift
    start=$(date +%s)
    status=0
    "$@" > "$logs/$name.log" 2>&1 < /dev/null || status=$?
    echo "$status $(($(date +%s) - start))" > "$logs/$name.status"
}

# report NAME: counts what run has left, shows a line, and the end of the output if something failed
report() {
    name=$1
    log=$logs/$name.log
    read -r status seconds < "$logs/$name.status"
    counts=$(awk '
        /^[0-9]+ passed, [0-9]+ failed/ { p = $1; f = $3; seen = 1 }
        /^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/ {
            gsub(/,/, ""); p = $3 - $5 - $7; f = $5 + $7; seen = 1 }
        END { if (seen) print p, f }' "$log")
    passed=${counts% *}
    failed=${counts#* }
    if [ -z "$counts" ]; then
        passed=0 failed=0
        [ "$status" -ne 0 ] || passed=1
    fi
    # a crash after, or instead of, the count
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    printf '%-24s %5d passed %4d failed %5d s\n' "$name" "$passed" "$failed" "$seconds"
    [ "$failed" -eq 0 ] || { grep -vE '^ok |:P:' "$log" | tail -n 40 | sed 's/^/    | /'; }
}

part() {
    run "$@"
    report "$1"
}

# the sanitizers take longest: beside everything else, on the second core. One process: their reports come at its end
run check_vae_sanitized env CK_FORK=no "$BUILD/asan/check_vae" &

for script in scripts/check_*.sh; do
    part "$(basename "$script" .sh)" "$script"
done

part check_vae "$BUILD/check_vae"
part random_models "$BUILD/random_models" --models 300 --seed 1 --quiet

mkdir -p "$BUILD/examples/run"
for example in examples/*.c; do
    name=$(basename "$example" .c)
    part "example_$name" sh -c "cd '$BUILD/examples/run' && exec ../$name"
done
for script in tests/check_*.sh; do
    [ -e "$script" ] || continue
    part "$(basename "$script" .sh)" sh "$script"
done

wait
report check_vae_sanitized

echo
echo "$total_passed passed, $total_failed failed"
[ "$total_failed" -eq 0 ]
