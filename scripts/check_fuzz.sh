#!/bin/sh
# SPDX-License-Identifier: MIT
# check_fuzz.sh - every target of fuzz/ on its corpus, with any compiler's sanitizers; and with clang for SECONDS more
# (default 10) on changes of it. What brings a target down is kept in BUILD/fuzz-found, with the command that shows it.
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

for file in fuzz/target_*.c; do
    target=$(basename "$file" .c)
    target=${target#target_}
    shown "$target: the corpus" "$BUILD/asan/fuzz_$target" "fuzz/corpus/$target"
    [ -x "$BUILD/fuzz/fuzz_$target" ] || continue
    mkdir -p "$BUILD/fuzz-new/$target"
    shown "$target: $seconds seconds of changes" "$BUILD/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=20 \
        -rss_limit_mb=2048 -malloc_limit_mb=256 -max_len=20000 -artifact_prefix="$found/$target-" \
        "$BUILD/fuzz-new/$target" "fuzz/corpus/$target"
done
[ -x "$BUILD/fuzz/fuzz_$target" ] || echo "skipped: changes of the corpus (no clang with libFuzzer: make fuzz)"
rm -rf "$BUILD/fuzz-new"
finish
