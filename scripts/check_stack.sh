#!/bin/sh
# SPDX-License-Identifier: MIT
# check_stack.sh - checks that no function of the library takes more than 16 KiB of stack or an unbounded amount, because hosts call the
# library on threads with 64 KiB of stack. The kernels of the instruction sets are left out: they use registers, take long to compile, and
# the tests run them on such threads.
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/report.sh
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
most=16384

for compiler in gcc clang clang-14; do
    command -v $compiler > /dev/null || continue
    $compiler -fstack-usage -E -x c /dev/null > /dev/null 2>&1 || continue
    rm -f "$dir"/*.su
    ls lib/*/*.c lib/vae/*/*.c | grep -v '/isa_' | xargs -P 2 -I '{}' sh -c "$compiler -std=c11 -O2 -ffp-contract=off \
        -D_POSIX_C_SOURCE=200809L -Iinclude -Ilib -fstack-usage -c {} -o $dir/\$(basename {} .c).o" 2> "$dir/log" ||
        not_ok "$compiler compiles" "$(head -5 "$dir/log")"
    found=$(find "$dir" -name '*.su' | wc -l)
    [ "$found" -gt 100 ] || not_ok "$compiler writes the stack of each function" "of $found files"
    expect_empty "$compiler: no frame above $most bytes" "$(cat "$dir"/*.su | awk -F '\t' -v most=$most '$2 > most')"
    expect_empty "$compiler: no frame without a bound" "$(cat "$dir"/*.su | awk -F '\t' '$3 == "dynamic"')"
    break
done
finish
