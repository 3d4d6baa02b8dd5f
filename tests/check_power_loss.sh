#!/bin/sh
# SPDX-License-Identifier: MIT
# check_power_loss.sh - simulates a power loss at any moment. From the calls that tests/interpose.c has recorded, tests/replay.py makes
# the disks that the loss may leave, and the program must resume from them. VARIANTS=10 is the number of disks for each moment,
# RECOVERIES=30 the number of disks of a command with which the program runs (0: all), and SEED=1 the seed. The arguments select
# scenarios. The last line is "N passed, N failed".
BUILD=${BUILD:-build}
CC=${CC:-cc}
if ! command -v python3 > /dev/null; then
    echo "check_power_loss.sh: skipped, there is no python3"
    echo "0 passed, 0 failed"
    exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
if ! $CC -std=c11 -O1 -shared -fPIC -o "$work/interpose.so" tests/interpose.c -ldl 2> "$work/why"; then
    echo "check_power_loss.sh: skipped, no library to preload: $(head -n 1 "$work/why")"
    echo "0 passed, 0 failed"
    exit 0
fi
# the shared library, so that its calls are seen as the program's are
$CC -std=c11 -O1 -Iinclude -o "$work/saver" tests/saver.c -L"$BUILD" -lvae || exit 1
LD_LIBRARY_PATH=$(cd "$BUILD" && pwd)
export LD_LIBRARY_PATH
# calls that change files, or places in them, and are not recorded
unrecorded='pwrite.*|p?writev.*|fdatasync|sync|syncfs|sync_file_range|v?dprintf|f?dopen|link|linkat|symlink.*|renameat.*|unlinkat'
unrecorded="$unrecorded|remove|rmdir|mkdirat|mkstemp.*|truncate.*|ftruncate64|creat.*|openat.*|dup.*|mmap.*|.*fallocate.*"
unrecorded="$unrecorded|copy_file_range|sendfile.*|lseek.*"
unknown=$(nm -D --undefined-only "$BUILD/vae" "$BUILD/libvae.so" | sed -n 's/^ *U \([a-z0-9_]*\).*/\1/p' | sort -u |
    grep -xE "$unrecorded")
if [ -n "$unknown" ]; then
    echo "not ok the program changes files by calls that are not recorded: $unknown"
    echo "0 passed, 1 failed"
    exit 1
fi
unset VAE_DATA
PYTHONDONTWRITEBYTECODE=1 python3 tests/replay.py "$BUILD/vae" "$work/interpose.so" "$work/saver" "$@"
