#!/bin/sh
# SPDX-License-Identifier: MIT
# check_golden.sh - the same bits from every build: compilers, optimisation levels, threads, instruction sets, and NEON under qemu where a
# cross compiler and qemu-user are installed (Debian: gcc-aarch64-linux-gnu qemu-user). `--write` records the hashes anew: only together with
# a new VAE_KERNEL_ABI.
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/report.sh
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
hashes=tests/golden/hashes.txt
flags="-std=c11 -ffp-contract=off -D_POSIX_C_SOURCE=200809L -Iinclude -Ilib"

build() { # name, compiler and flags
    name=$1
    shift
    # shellcheck disable=SC2086
    "$@" $flags -o "$dir/$name" tests/golden/golden.c lib/*/*.c -lm -lpthread 2> "$dir/$name.log" && return
    not_ok "$name builds" "$(head -5 "$dir/$name.log")"
    return 1
}
same() { # what, command
    what=$1
    shift
    "$@" > "$dir/out.txt" 2> "$dir/err.txt" || echo "exit status $?" >> "$dir/err.txt"
    expect_empty "$what" "$(cat "$dir/err.txt"; diff "$hashes" "$dir/out.txt")"
}

if [ "${1:-}" = --write ]; then
    build gcc-O2 gcc -O2 && "$dir/gcc-O2" > "$hashes" && cat "$hashes"
    exit
fi

build gcc-O1 gcc -O1 && same "gcc -O1, one thread: equal hashes" "$dir/gcc-O1" 1
build gcc-O3 gcc -O3 && same "gcc -O3, three threads: equal hashes" "$dir/gcc-O3" 3
for clang in clang clang-19 clang-17 clang-16 clang-15 clang-14; do
    command -v $clang > /dev/null || continue
    build clang $clang -O2 && same "$clang -O2, two threads: equal hashes" "$dir/clang" 2
    break
done
if command -v aarch64-linux-gnu-gcc > /dev/null && command -v qemu-aarch64 > /dev/null; then
    build neon aarch64-linux-gnu-gcc -O2 -static && same "NEON under qemu: equal hashes" qemu-aarch64 "$dir/neon" 1
else
    echo "skipped: NEON (no aarch64-linux-gnu-gcc with qemu-aarch64)"
fi
finish
