#!/bin/sh
# SPDX-License-Identifier: MIT
# zig.sh - prints the path of zig in build/venv (scripts/python_venv.sh), or in the packages of python3. It fails without a message if
# there is no zig.
for python in "${BUILD:-build}/venv/bin/python" python3; do
    "$python" -c 'import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))' 2> /dev/null && exit 0
done
exit 1
