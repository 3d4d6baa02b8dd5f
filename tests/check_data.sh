#!/bin/sh
# SPDX-License-Identifier: MIT
# check_data.sh - runs tests/data_cases.py, which tests every source of data with right and wrong files. The last line is
# "N passed, N failed".
here=$(cd "$(dirname "$0")" && pwd)
VAE=${VAE:-${BUILD:-build}/vae}
case $VAE in /*) ;; *) VAE=$PWD/$VAE ;; esac
export VAE
if ! command -v python3 > /dev/null; then
    echo "check_data.sh: skipped, there is no python3"
    echo "0 passed, 0 failed"
    exit 0
fi
PYTHONDONTWRITEBYTECODE=1 exec python3 "$here/data_cases.py"
