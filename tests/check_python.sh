#!/bin/sh
# SPDX-License-Identifier: MIT
# check_python.sh - runs the tests and the examples of the Python package with the library just built. PYTHON selects the interpreter; by
# default it is that of build/venv (scripts/python_venv.sh), if the environment exists. BUILD is the build folder. The last line is "N
# passed, N failed".
set -u

root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$root" && cd "${BUILD:-build}" 2>/dev/null && pwd) || build=$root/build
python=${PYTHON:-python3}
[ -n "${PYTHON:-}" ] || [ ! -e "$build/venv/complete" ] || python=$build/venv/bin/python
VAE_LIBRARY=${VAE_LIBRARY:-$build/libvae.so}
PYTHONPATH=$root/bindings/python
PYTHONDONTWRITEBYTECODE=1
export VAE_LIBRARY PYTHONPATH PYTHONDONTWRITEBYTECODE

# Debian's NumPy is in Debian's Python, which another one may hide on the PATH.
has_numpy() { "$1" -c 'import numpy' 2>/dev/null; }
if [ -z "${PYTHON:-}" ] && ! has_numpy "$python" && has_numpy /usr/bin/python3; then
    python=/usr/bin/python3
fi
if ! has_numpy "$python"; then
    echo "check_python.sh: $python has no NumPy: install python3-numpy, or name another Python in PYTHON" >&2
    echo "0 passed, 1 failed"
    exit 1
fi
if [ ! -e "$VAE_LIBRARY" ]; then
    echo "check_python.sh: no $VAE_LIBRARY: run make first" >&2
    echo "0 passed, 1 failed"
    exit 1
fi

exec "$python" - "$root" <<'END'
import glob, subprocess, sys, unittest

root = sys.argv[1]
result = unittest.TextTestRunner(verbosity=1).run(
    unittest.defaultTestLoader.discover(root + "/bindings/python/tests", "test_*.py"))
failed = {getattr(test, "test_case", test).id() for test, _ in result.failures + result.errors}
passed = result.testsRun - len(failed) - len(result.skipped)
for example in sorted(glob.glob(root + "/examples/python/*.py")):
    done = subprocess.run([sys.executable, example], capture_output=True, text=True)
    if done.returncode == 0 and "skipped" in done.stdout:
        print(done.stdout, end="")
    elif done.returncode == 0:
        passed += 1
    else:
        failed.add(example)
        sys.stderr.write(done.stdout + done.stderr)
for name in sorted(failed):
    print("failed:", name)
sys.stderr.flush()
print(f"{passed} passed, {len(failed)} failed")
sys.exit(bool(failed))
END
