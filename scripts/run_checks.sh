#!/bin/sh
# SPDX-License-Identifier: MIT
# run_checks.sh - `make check` runs every part, prints a summary of each, and ends with one line, `N passed, N failed`, for all parts.
# A part passes if its exit status is 0 and its own count, `N passed, N failed` or Check's `P%: Checks: N, Failures: N,
# Errors: N`, has no failure; a part without a count is one test. The script needs the programs that `make check` builds before.
#
# Two lanes (LANES=N changes the number) each run one part after another, the longest parts first. The report has the parts in the order
# of the names below. Parts run at the same time, so no two parts may write to the same files.
BUILD=${BUILD:-build}
CC=${CC:-cc}
export BUILD CC
unset MAKEFLAGS MFLAGS MAKELEVEL
logs=$BUILD/check-logs
rm -rf "$logs"
mkdir -p "$logs"
total_passed=0
total_failed=0

names() {
    for script in scripts/check_*.sh; do basename "$script" .sh; done
    echo check_vae
    echo random_models
    for example in examples/*.c; do echo "example_$(basename "$example" .c)"; done
    for script in tests/check_*.sh; do basename "$script" .sh; done
    echo check_vae_sanitized
}

# what takes longest begins first, so that no lane is left alone with it at the end
longest='check_vae_sanitized check_vae check_consumers check_golden random_models check_m32 check_fuzz check_failures check_power_loss
         check_package check_program'

# a shell lets what runs in the background ignore Ctrl-C, and who is called by nohup ignores a hang-up: the tests send such signals
signals=
env --default-signal=INT,QUIT,HUP true 2>/dev/null && signals='env --default-signal=INT,QUIT,HUP'

# start NAME: the part itself
start() {
    case $1 in
    check_vae) "$BUILD/check_vae" ;;
    random_models) "$BUILD/random_models" --models 300 --seed 1 --quiet ;;
    # one process: the sanitizers report at its end
    check_vae_sanitized) CK_FORK=no "$BUILD/asan/check_vae" ;;
    example_*)
        mkdir -p "$BUILD/examples/run/$1"
        program=$PWD/$BUILD/examples/${1#example_}
        case $BUILD in /*) program=$BUILD/examples/${1#example_} ;; esac
        (cd "$BUILD/examples/run/$1" && exec "$program")
        ;;
    *) if [ -e "scripts/$1.sh" ]; then "scripts/$1.sh"; else $signals sh "tests/$1.sh"; fi ;;
    esac
}

# lane: runs parts that no other lane has taken; output, exit status and seconds into files
lane() {
    for name in $longest $(names); do
        mkdir "$logs/$name.taken" 2>/dev/null || continue
        began=$(date +%s)
        status=0
        start "$name" > "$logs/$name.log" 2>&1 < /dev/null || status=$?
        echo "$status $(($(date +%s) - began))" > "$logs/$name.ended"
        mv "$logs/$name.ended" "$logs/$name.status"
    done
}

# report NAME: waits for a part, counts what it has left, shows a line, and the end of the output if something failed
report() {
    name=$1
    log=$logs/$name.log
    while [ ! -e "$logs/$name.status" ]; do sleep 1; done
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

lanes=${LANES:-2}
while [ "$lanes" -gt 0 ]; do
    lane &
    lanes=$((lanes - 1))
done
for part in $(names); do report "$part"; done
wait

echo
echo "$total_passed passed, $total_failed failed"
[ "$total_failed" -eq 0 ]
