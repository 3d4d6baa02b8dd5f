#!/bin/sh
# SPDX-License-Identifier: MIT
# make_wheels.sh [PLATFORM...] - builds wheels of the Python package, each with the library inside, in build/wheels, for all platforms of
# the table below or for the given ones (the first word of their row). zig (PyPI: ziglang) is installed into build/venv and compiles,
# because it has the C libraries of all platforms. Each wheel is checked: its library must not need more of the system than the tag of the
# wheel says. If this machine can run the library (with qemu-user for ARM), it must compute the hashes of tests/golden. The wheel for this
# machine must train in a fresh environment. The last line is "N passed, N failed".
. scripts/report.sh

# platform  zig's target  the wheel's tag (glibc 2.17: every Linux since 2014)  what must be here to run its programs
table='
manylinux-x86_64   x86_64-linux-gnu.2.17   manylinux_2_17_x86_64.manylinux2014_x86_64    env
manylinux-aarch64  aarch64-linux-gnu.2.17  manylinux_2_17_aarch64.manylinux2014_aarch64  qemu-aarch64
musllinux-x86_64   x86_64-linux-musl       musllinux_1_2_x86_64                          /lib/ld-musl-x86_64.so.1
musllinux-aarch64  aarch64-linux-musl      musllinux_1_2_aarch64                         none
windows-x86_64     x86_64-windows-gnu      win_amd64                                     wine
windows-aarch64    aarch64-windows-gnu     win_arm64                                     none
macos-x86_64       x86_64-macos.11.0       macosx_11_0_x86_64                            none
macos-arm64        aarch64-macos.11.0      macosx_11_0_arm64                             none
'
[ "$(uname -sm)" = 'Linux x86_64' ] || table=$(echo "$table" | sed 's/ env$/ none/')
scripts/python_venv.sh || exit 1
build=$(cd "$BUILD" && pwd)
python=$build/venv/bin/python
wheels=$build/wheels
"$python" -c 'import ziglang, twine, check_wheel_contents' 2> /dev/null ||
    "$build/venv/bin/pip" install -q --disable-pip-version-check ziglang twine check-wheel-contents || exit 1
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-1577836800}" # equal sources, equal wheels
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$wheels"

# asks PLATFORM LIBRARY: what it loads, and the newest version of glibc that it wants
asks() {
    case $1 in
    windows-*) objdump -p "$2" | sed -n 's/.*DLL Name: //p' ;;
    macos-*) strings -a "$2" | grep -E '^/.*\.dylib$' ;;
    *) readelf -dW "$2" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
       readelf -W --dyn-syms "$2" | grep -o '@GLIBC_[0-9.]*' | sed 's/@GLIBC_//' | sort -uV | tail -n 1 ;;
    esac | sort -u
}

# what it may ask for, as the tag of its wheel says, line by line
may_ask() {
    case $1 in
    manylinux-*) echo 'libc\.so\.6|libm\.so\.6|libpthread\.so\.0|ld-linux-[a-z0-9-]+\.so\.[12]|2\.([0-9]|1[0-7])(\.[0-9]+)*' ;;
    musllinux-*) echo 'libc\.so' ;;
    windows-*) echo 'KERNEL32\.dll|ntdll\.dll|api-ms-win-crt-[a-z]+-l1-1-0\.dll' ;;
    macos-*) echo '/usr/lib/libSystem\.B\.dylib' ;;
    esac
}

# the functions of an ELF file or a DLL; for macOS, where nothing here lists them, those that are called as they are
exports() {
    case $1 in
    windows-*) objdump -p "$2" | sed -n '/Ordinal.Name Pointer/,/^$/s/^[[:space:]]*\[.*\] *\([a-z_0-9]*\)$/\1/p' ;;
    macos-*) strings -a "$2" | sed -n 's/^_\(vae_[a-z0-9_]*\)$/\1/p' ;;
    *) readelf -W --dyn-syms "$2" | awk '$5 == "GLOBAL" && $7 != "UND" && $4 == "FUNC" { sub(/@.*/, "", $8); print $8 }' ;;
    esac | sort -u
}

# links PLATFORM LIBRARY COMPILER...: the golden program with the library of the wheel
links() {
    platform=$1 used=$2
    shift 2
    case $platform in
    windows-*)
        { echo "LIBRARY $(basename "$used")"; echo EXPORTS; header_functions; } > "$tmp/vae.def"
        "$python" -m ziglang dlltool -d "$tmp/vae.def" -l "$tmp/libvae.dll.a" && cp "$used" "$tmp/" &&
            "$@" -O2 -Iinclude -DVAE_SHARED -o "$tmp/golden.exe" tests/golden/golden.c "$tmp/libvae.dll.a" ;;
    *) "$@" -O2 -Iinclude -o "$tmp/golden" tests/golden/golden.c "$used" -Wl,-rpath,"$(dirname "$used")" ;;
    esac > "$tmp/log" 2>&1
}

# golden RUNNER: the hashes that a program linked with the library prints; ARM's vector unit has the number 4
golden() {
    case $1 in
    qemu-aarch64) qemu-aarch64 -L /usr/aarch64-linux-gnu "$tmp/golden" 1 4 ;;
    wine) WINEPREFIX="$build/wine" WINEDEBUG=-all wine "$tmp/golden.exe" 1 2 2> /dev/null | tr -d '\r' ;;
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
    expect_empty "$1: twine and check-wheel-contents find nothing" "$("$build/venv/bin/twine" check --strict "$wheel" > "$tmp/log" 2>&1 &&
        "$build/venv/bin/check-wheel-contents" "$wheel" >> "$tmp/log" 2>&1 || cat "$tmp/log")"
    if ! "$build/venv/bin/pip" install -q --no-index --no-deps --only-binary=:all: --platform "${3%%.*}" --target "$tmp/$1" "$wheel" \
        > "$tmp/log" 2>&1; then
        not_ok "$1: pip takes it for ${3%%.*}" "$(cat "$tmp/log")"
        return
    fi
    library=$(echo "$tmp/$1"/vae/libvae*)
    expect_same "$1: exports the functions of the headers" "$(header_functions)" "$(exports "$1" "$library")"
    expect_empty "$1: asks for no more than its tag says" "$(asks "$1" "$library" | grep -vxE "$(may_ask "$1")")"
    case $1-$4 in manylinux-*-env) trains "$1" "$wheel" ;; esac
    if ! command -v "$4" > /dev/null; then
        echo "skipped: $1: its hashes, this machine cannot run it"
    elif ! links "$1" "$library" $cc; then
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
