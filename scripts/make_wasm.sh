#!/bin/sh
# SPDX-License-Identifier: MIT
# make_wasm.sh [FOLDER] - writes the package for browsers and Node to FOLDER/libvae: bindings/wasm and two WebAssembly modules, one of
# them with 128-bit vectors. It copies the page of bindings/wasm/demo to FOLDER, by default build/wasm. zig (PyPI: ziglang) compiles the
# modules without files and threads. A module exports the functions of libvae.map, malloc and free. CFLAGS=-O1 compiles in less time, but
# the modules are slower.
set -eu
BUILD=${BUILD:-build}
zig=$(scripts/zig.sh) || { echo >&2 'make wasm needs zig: scripts/python_venv.sh, or pip install ziglang'; exit 1; }
out=${1:-$BUILD/wasm}
package=$out/libvae
mkdir -p "$package"
exports=$(sed -n 's/^ *\(vae_[a-z0-9_]*\);.*/-Wl,--export=\1/p' libvae.map)

# module NAME FILE FLAG...: the library for a target of its own, and all of it linked
module() {
    name=$1 file=$2
    shift 2
    cc="$zig cc -target wasm32-wasi $*"
    ${MAKE:-make} -s --no-print-directory BUILD="$out/$name" CC="$cc" AR="$zig ar" BLAS=none CPPFLAGS=-DVAE_NO_FILES \
        CFLAGS="${CFLAGS:--O2}" static
    # shellcheck disable=SC2086
    $cc -mexec-model=reactor -O2 -s -Wl,--gc-sections $exports -Wl,--export=malloc -Wl,--export=free -o "$package/$file" \
        "$out/$name/libvae.a" -lm
}

module plain vae.wasm
module simd vae-simd.wasm -msimd128
cp bindings/wasm/index.js bindings/wasm/index.d.ts bindings/wasm/package.json bindings/wasm/README.md LICENSE "$package"
cp bindings/wasm/demo/* "$out"
for file in vae.wasm vae-simd.wasm; do
    echo "$package/$file: $(wc -c < "$package/$file") bytes, $(gzip -9c "$package/$file" | wc -c) by gzip"
done
