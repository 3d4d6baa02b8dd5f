#!/bin/sh
# SPDX-License-Identifier: MIT
# check_m32.sh - builds libvae for 32-bit x86 and checks that it computes the same bits with every instruction set of this machine. If a
# 32-bit Check is installed, it also runs the C tests.
#
#     Debian: apt-get install gcc-multilib, or beside a cross compiler, which excludes it, libc6-dev-i386 lib32gcc-12-dev
#             dpkg --add-architecture i386 && apt-get update && apt-get install check:i386
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/report.sh
dir=$BUILD/m32
mkdir -p "$dir"

# links FLAGS, from the program on standard input: does it?
links() { $CC -x c -o "$dir/tried" - "$@" > /dev/null 2>&1; }

# without gcc-multilib the kernel's headers lie in the 64-bit folder only, where they serve both
flags=
for try in -m32 "-m32 -idirafter /usr/include/x86_64-linux-gnu"; do
    # shellcheck disable=SC2086
    printf '#include <errno.h>\nint main(void) { return errno; }\n' | links $try && flags=$try && break
done
if [ -z "$flags" ]; then
    echo "skipped: $CC does not compile for 32-bit x86 here"
    exit 0
fi
make32() { ${MAKE:-make} -s --no-print-directory BUILD="$dir" BLAS=none CFLAGS="-O2 -g $flags" "$@" > "$dir/make.log" 2>&1; }

make32 static || { not_ok "the library builds with -m32" "$(tail -n 20 "$dir/make.log")"; finish; exit 1; }
expect_empty "the library builds with -m32, without a warning" "$(cat "$dir/make.log")"
# shellcheck disable=SC2086
expect_empty "golden.c links" "$($CC $flags -O2 -Iinclude -o "$dir/golden" tests/golden/golden.c "$dir/libvae.a" -lm -pthread 2>&1)"
"$dir/golden" 2 > "$dir/hashes.txt" 2>&1
expect_empty "equal hashes with -m32" "$(diff tests/golden/hashes.txt "$dir/hashes.txt")"

libs="-lcheck -lsubunit -lrt -lm -pthread"
# shellcheck disable=SC2086
if printf '#include <check.h>\nint main(void) { return srunner_create(0) != 0; }\n' | links $flags $libs; then
    if make32 check-build CHECK_CFLAGS= CHECK_LIBS="$libs"; then
        CK_TIMEOUT_MULTIPLIER=4 "$dir/check_vae" > "$dir/check.log" 2>&1
        expect_empty "the C tests pass with -m32" "$(grep -vE ':P:|^Running| 0, Errors: 0$|^ ' "$dir/check.log")"
    else
        not_ok "the C tests build with -m32" "$(tail -n 20 "$dir/make.log")"
    fi
else
    echo "skipped: the C tests with -m32 (no 32-bit Check)"
fi
finish
