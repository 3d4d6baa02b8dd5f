#!/bin/sh
# SPDX-License-Identifier: MIT
# make_wheels.sh [PLATFORM...] - wheels of the Python package in build/wheels, each with the library inside, for all platforms of the table
# below, or for those that are named by their first words. zig (PyPI: ziglang), which has the C libraries of all of them, compiles; it is
# installed into build/venv. Each wheel is checked: what its library asks of the system is what the tag of the wheel says, and, where this
# machine can run it (qemu-user for ARM), it computes the hashes of tests/golden, and the wheel of
# this machine trains in a fresh environment. The last line is "N passed, N failed".
. scripts/report.sh

# platform  zig's target  the wheel's tag (glibc 2.17: every Linux since 2014)  what must be here to run its programs
table='
manylinux-x86_64   x86_64-linux-gnu.2.17   manylinux_2_17_x86_64.manylinux2014_x86_64    env
manylinux-aarch64  aarch64-linux-gnu.2.17  manylinux_2_17_aarch64.manylinux2014_aarch64  qemu-aarch64
musllinux-x86_64   x86_64-linux-musl       musllinux_1_2_x86_64                          /lib/ld-musl-x86_64.so.1
musllinux-aarch64  aarch64-linux-musl      musllinux_1_2_aarch64                         none
'
scripts/python_venv.sh || exit 1
build=$(cd "$BUILD" && pwd)
python=$build/venv/bin/python
wheels=$build/wheels
"$python" -c 'import ziglang' 2> /dev/null || "$build/venv/bin/pip" install -q --disable-pip-version-check ziglang || exit 1
export ZIG_GLOBAL_CACHE_DIR="$build/zig-cache" SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-1577836800}" # equal sources, equal wheels
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$wheels"

# asks LIBRARY: the libraries and the newest version of glibc that an ELF file wants
asks() {
    readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' '
    readelf -W --dyn-syms "$1" | grep -o '@GLIBC_[0-9.]*' | sed 's/@GLIBC_//' | sort -uV | tail -n 1
}

# golden RUNNER: the hashes that a program linked with the library prints; ARM's vector unit has the number 4
golden() {
    case $1 in
    qemu-aarch64) qemu-aarch64 -L /usr/aarch64-linux-gnu "$tmp/golden" 1 4 ;;
    *) "$tmp/golden" 1 2 ;;
    esac
}

# trains PLATFORM WHEEL: it is installed into an environment that has nothing of the tree
trains() {
    others=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    if "$python" -m venv --without-pip "$tmp/fresh" && "$build/venv/bin/pip" --python "$tmp/fresh" install -q --no-index --no-deps "$2" &&
        env -C "$tmp" -u VAE_LIBRARY PYTHONPATH="$others" "$tmp/fresh/bin/python" "$PWD/examples/python/digits.py" > "$tmp/log" 2>&1
    then ok "$1: trains on digits in a fresh environment"
    else not_ok "$1: trains on digits in a fresh environment" "$(tail -n 5 "$tmp/log")"
    fi
}

# one PLATFORM TARGET TAG RUNNER
one() {
    cc="$python -m ziglang cc -target $2"
    rm -f "$wheels"/*-"$3".whl
    if ! env CC="$cc" CFLAGS=-O3 VAE_PLATFORM="$3" "$python" -m build --no-isolation --wheel --outdir "$wheels" "$tmp"/libvae-* \
        > "$tmp/log" 2>&1; then
        not_ok "$1: the wheel is built" "$(grep -v '^\*' "$tmp/log" | tail -n 15)"
        return
    fi
    wheel=$(echo "$wheels"/*-"$3".whl)
    ok "$1: $(basename "$wheel"), $(wc -c < "$wheel") bytes"
    "$python" -m zipfile -e "$wheel" "$tmp/$1"
    library=$tmp/$1/vae/libvae.so.0
    exported=$(readelf -W --dyn-syms "$library" | awk '$5 == "GLOBAL" && $7 != "UND" && $4 == "FUNC" { sub(/@.*/, "", $8); print $8 }')
    expect_same "$1: exports the functions of the headers" "$(header_functions)" "$(echo "$exported" | sort)"
    case $1 in
    manylinux-*) expect_empty "$1: asks for no more than its tag says" "$(asks "$library" | tr ' ' '\n' |
        grep -vE '^(libc\.so\.6|libm\.so\.6|libpthread\.so\.0|ld-linux-[a-z0-9-]+\.so\.[12]|2\.([0-9]|1[0-7])(\.[0-9]+)*|)$')" ;;
    musllinux-*) expect_same "$1: asks for musl alone" 'libc.so' "$(asks "$library" | xargs)" ;;
    esac
    case $1-$4 in manylinux-*-env) trains "$1" "$wheel" ;; esac
    if ! command -v "$4" > /dev/null; then
        echo "skipped: $1: its hashes, this machine cannot run it"
    elif ! $cc -O2 -Iinclude -o "$tmp/golden" tests/golden/golden.c "$library" -Wl,-rpath,"$tmp/$1/vae" > "$tmp/log" 2>&1; then
        not_ok "$1: a program links with its library" "$(head -n 5 "$tmp/log")"
    else
        expect_empty "$1: the hashes of tests/golden" "$(golden "$4" 2>&1 | diff tests/golden/hashes.txt - 2>&1 | head -n 5)"
    fi
}

# every wheel comes from one sdist, so that a change in the tree meanwhile does not matter
"$python" -m build --no-isolation --sdist --outdir "$tmp" bindings/python > "$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
mv "$tmp"/libvae-*.tar.gz "$wheels/" && tar xzf "$wheels"/libvae-*.tar.gz -C "$tmp"
echo "$table" | while read -r platform target tag runner; do
    [ -n "$platform" ] || continue
    case " ${*:-$platform} " in *" $platform "*) one "$platform" "$target" "$tag" "$runner" < /dev/null ;; esac
    echo "$passed $failed" > "$tmp/count"
done
read -r passed failed < "$tmp/count"
finish
