#!/bin/sh
# SPDX-License-Identifier: MIT
# check_photos.sh - runs tests/photo_cases.py, which writes whole and damaged pictures with Pillow, in all formats that the program reads,
# and compares their pixels with those that Pillow reads. The last line is "N passed, N failed".
here=$(cd "$(dirname "$0")" && pwd)
VAE=${VAE:-${BUILD:-build}/vae}
case $VAE in /*) ;; *) VAE=$PWD/$VAE ;; esac
export VAE
for python in python3 /usr/bin/python3; do
    "$python" -c 'import PIL' 2> /dev/null || continue
    PYTHONDONTWRITEBYTECODE=1 exec "$python" "$here/photo_cases.py"
done
echo "check_photos.sh: skipped, there is no Python with Pillow"
echo "0 passed, 0 failed"
