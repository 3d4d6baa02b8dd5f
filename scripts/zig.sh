#!/bin/sh
# SPDX-License-Identifier: MIT
# zig.sh - prints where zig is: that of build/venv (scripts/python_venv.sh), or of the python3 at hand. Fails without a word if there is
# none.
for python in "${BUILD:-build}/venv/bin/python" python3; do
    "$python" -c 'import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))' 2> /dev/null && exit 0
done
exit 1
