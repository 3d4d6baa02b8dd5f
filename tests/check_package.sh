#!/bin/sh
# SPDX-License-Identifier: MIT
# check_package.sh - tests the Python package with pip. It makes an sdist, lets pip build a wheel from the sdist with only a C compiler,
# and installs the wheel into a fresh environment, where `import vae` must find the library in the package. It needs build/venv
# (scripts/python_venv.sh).
. scripts/report.sh
unset VAE_LIBRARY PYTHONPATH VAE_PLATFORM
venv=$(cd "$BUILD" && pwd)/venv
package=bindings/python

expect_empty "$package/LICENSE is the LICENSE" "$(diff LICENSE $package/LICENSE)"
said=$(sed -n 's/^FLOAT = \[\(.*\)\]$/\1/p' $package/hatch_build.py | tr -d '",')
wanted=$(make -s --no-print-directory BLAS=none print-OUR_FLOAT | xargs)
expect_same 'hatch_build.py compiles with the flags that decide the bits' "$(echo "$wanted" | sed 's/ -msse2.*//')" "$said"
if [ ! -e "$venv/complete" ]; then
    echo "skipped: sdist and wheel, there is no $venv (scripts/python_venv.sh)"
    finish
    exit
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
run() { # run WHAT COMMAND...
    what=$1
    shift
    if "$@" > "$tmp/log" 2>&1; then ok "$what"; else not_ok "$what" "$(tail -n 15 "$tmp/log")"; fi
}
run 'an sdist' "$venv/bin/python" -m build -q --no-isolation --sdist --outdir "$tmp" $package
sources=$(tar tzf "$tmp"/libvae-*.tar.gz | sed 's|^[^/]*/source/||' | grep -E '^(lib|include)/.*\.[a-z]+$' | sort)
expect_same 'the sdist has every source of the library' "$(find lib include -type f | sort)" "$sources"

# -O0, because this is about the package: a third of the time
run 'pip makes a wheel from the sdist, with a C compiler' env CFLAGS=-O0 "$venv/bin/pip" wheel -q --no-index --no-deps \
    --no-build-isolation --wheel-dir "$tmp" "$tmp"/libvae-*.tar.gz
wheel=$(echo "$tmp"/libvae-*.whl)
case $wheel in
*-py3-none-linux_*.whl | *-py3-none-macosx_*.whl) ok 'the wheel is for any Python 3 on one platform' ;;
*) not_ok 'the wheel is for any Python 3 on one platform' "$wheel" ;;
esac
files=$("$venv/bin/python" -m zipfile -l "$wheel" | awk '{ print $1 }')
for file in 'vae/libvae\.(so\.0|0\.dylib)' 'vae/py\.typed' '.*/LICENSE'; do
    expect_same "the wheel has $file" 1 "$(echo "$files" | grep -cE "^$file\$")"
done

run 'a fresh environment' "$venv/bin/python" -m venv --without-pip "$tmp/fresh"
run 'the wheel installs into it' "$venv/bin/pip" --python "$tmp/fresh" install -q --no-index --no-deps "$wheel"
others=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cat > "$tmp/inside.py" <<'PYTHON'
import sys
import vae
library = vae._library.lib._name
assert library.startswith(sys.prefix), library
assert "blas=none" in vae.build_info, vae.build_info
PYTHON
run 'import vae takes the library inside' env -C "$tmp" PYTHONPATH="$others" "$tmp/fresh/bin/python" inside.py
run 'it trains on digits' env -C "$tmp" PYTHONPATH="$others" "$tmp/fresh/bin/python" "$PWD/examples/python/digits.py"
run 'a library that VAE_LIBRARY names goes before the one inside' env -C "$tmp" PYTHONPATH="$others" \
    VAE_LIBRARY="$(cd "$BUILD" && pwd)/libvae.so" "$tmp/fresh/bin/python" -c 'import vae; assert "/fresh/" not in vae._library.lib._name'
finish
