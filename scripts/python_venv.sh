#!/bin/sh
# SPDX-License-Identifier: MIT
# python_venv.sh - a virtual environment in build/venv with what the tests of the Python package use, from PyPI:
# bindings/python/tests/requirements.txt. Made once; anew when that list has changed. The tests take it where it is there.
set -eu
cd "$(dirname "$0")/.."
venv=${BUILD:-build}/venv
list=bindings/python/tests/requirements.txt
[ -e "$venv/complete" ] && cmp -s "$list" "$venv/complete" && exit 0

for python in ${PYTHON:-/usr/bin/python3 python3}; do
    command -v "$python" > /dev/null || continue
    rm -rf "$venv"
    if "$python" -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check -r "$list"; then
        cp "$list" "$venv/complete"
        exit 0
    fi
done
echo >&2 "no packages from PyPI (or no python3 with venv; Debian: apt-get install python3-venv): make check will skip what needs them"
exit 1
