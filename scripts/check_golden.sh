#!/bin/sh
# SPDX-License-Identifier: MIT
# check_golden.sh - checks that every build computes the same bits: the library as built (gcc -O3) with 1, 2, 3 and 7 threads, clang -O1
# and -O3 if clang is installed, and NEON under qemu if a cross compiler is installed (Debian: gcc-aarch64-linux-gnu qemu-user). Each
# build runs every split of a batch. The first build runs every instruction set; the others leave out the portable kernels, which are
# slow. check_m32.sh tests 32-bit x86, tests/check_consumers.sh tests the two files of `make amalgamation` with gcc -O1, and
# check_ports.sh tests other systems. `--write` writes the hashes anew; use it only together with a new VAE_KERNEL_ABI, or to add lines.
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
    "$@" $flags -o "$dir/$name" tests/golden/golden.c lib/*/*.c lib/vae/*/*.c -lm -lpthread 2> "$dir/$name.log" && return
    not_ok "$name builds" "$(head -5 "$dir/$name.log")"
    return 1
}
same() { # what, command
    what=$1
    shift
    "$@" > "$dir/out.txt" 2> "$dir/err.txt" || echo "exit status $?" >> "$dir/err.txt"
    expect_empty "$what" "$(cat "$dir/err.txt"; diff "$hashes" "$dir/out.txt" 2>&1)"
}

libs=$(make -s --no-print-directory BLAS="${BLAS:-openblas}" print-OUR_LDLIBS 2> /dev/null || echo '-lm -pthread')
# shellcheck disable=SC2086
as_built() { $CC -O2 -Iinclude -o "$dir/as-built" tests/golden/golden.c "$BUILD/libvae.a" $libs; }

as_built || { not_ok "golden.c links with $BUILD/libvae.a"; finish; exit 1; }
if [ "${1:-}" = --write ]; then
    "$dir/as-built" > "$hashes" && cat "$hashes"
    exit
fi
same "as built, three threads, every instruction set: equal hashes" "$dir/as-built" 3
for threads in 1 2 7; do same "as built, threads=$threads: equal hashes" "$dir/as-built" $threads 2; done
for clang in clang clang-19 clang-17 clang-16 clang-15 clang-14; do
    command -v $clang > /dev/null || continue
    for level in -O1 -O3; do
        build clang $clang $level && same "$clang $level, two threads: equal hashes" "$dir/clang" 2 2
    done
    break
done
if command -v aarch64-linux-gnu-gcc > /dev/null && command -v qemu-aarch64 > /dev/null; then
    build neon aarch64-linux-gnu-gcc -O2 -static && same "NEON under qemu: equal hashes" qemu-aarch64 "$dir/neon" 1 4
else
    echo "skipped: NEON (no aarch64-linux-gnu-gcc with qemu-aarch64)"
fi
finish
