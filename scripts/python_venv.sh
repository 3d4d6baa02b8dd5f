#!/bin/sh
# SPDX-License-Identifier: MIT
# python_venv.sh - makes a virtual environment in build/venv with the packages of bindings/python/tests/requirements.txt from PyPI, which
# the tests of the Python package need. It makes the environment again only if that list has changed. The tests use the environment if it
# exists.
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
