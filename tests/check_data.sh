#!/bin/sh
# SPDX-License-Identifier: MIT
# Every source of data against files that are made here, right and wrong: tests/data_cases.py. The last line is
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
