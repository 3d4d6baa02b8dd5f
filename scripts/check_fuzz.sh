#!/bin/sh
# SPDX-License-Identifier: MIT
# check_fuzz.sh - runs every target of fuzz/ on its corpus, with the sanitizers of any compiler. With clang it also runs each target for
# SECONDS_A_TARGET (default 10) on mutations of the corpus. It keeps an input that crashes a target in BUILD/fuzz-found and prints the
# command that reproduces the crash. The targets that read texts of models also have random texts (build/random_models) as seeds. All
# targets have the words of the registries as a dictionary, so that new modules are tested without a change here.
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/report.sh
seconds=${SECONDS_A_TARGET:-10}
case $BUILD in /*) found=$BUILD/fuzz-found ;; *) found=$PWD/$BUILD/fuzz-found ;; esac # a target may change the folder
mkdir -p "$found"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# shown NAME PROGRAM ARGUMENT...: passes on its exit status, else shows the end of what it said
shown() {
    name=$1
    shift
    if "$@" > "$log" 2>&1; then ok "$name"; else not_ok "$name" "$*
$(grep -aE 'broken:|ERROR|SUMMARY|runtime error|Test unit' "$log" | head -n 8)"; fi
}

words=$BUILD/fuzz-words.dict
libs=$(make -s --no-print-directory BLAS="${BLAS:-openblas}" print-OUR_LDLIBS 2> /dev/null || echo '-lm -pthread')
# shellcheck disable=SC2086
shown 'the dictionary' $CC -O1 -Iinclude -o "$BUILD/fuzz_words" scripts/fuzz_words.c "$BUILD/libvae.a" $libs
"$BUILD/fuzz_words" > "$words"
random=$BUILD/fuzz-random
mkdir -p "$random"
for seed in $(seq 1001 1040); do "$BUILD/random_models" --seed "$seed" --show > "$random/$seed"; done

for file in fuzz/target_*.c; do
    target=$(basename "$file" .c)
    target=${target#target_}
    seeds=fuzz/corpus/$target
    case $target in text | training) seeds="$seeds $random" ;; esac
    # shellcheck disable=SC2086
    shown "$target: the corpus" "$BUILD/asan/fuzz_$target" $seeds
    [ -x "$BUILD/fuzz/fuzz_$target" ] || continue
    mkdir -p "$BUILD/fuzz-new/$target"
    # shellcheck disable=SC2086
    shown "$target: $seconds seconds of changes" "$BUILD/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=20 \
        -rss_limit_mb=2048 -malloc_limit_mb=256 -max_len=20000 -dict="$words" -artifact_prefix="$found/$target-" \
        "$BUILD/fuzz-new/$target" $seeds
done
[ -x "$BUILD/fuzz/fuzz_$target" ] || echo "skipped: changes of the corpus (no clang with libFuzzer: make fuzz)"
rm -rf "$BUILD/fuzz-new" "$random"
finish
