#!/bin/sh
# SPDX-License-Identifier: MIT
# check_wasm.sh - tests the npm package (bindings/wasm) in Node: both modules must give the same bits as other machines, and the fused
# multiply-add of the vectors must equal that of fused.h on TRIPLES=N triples. `make check-browser` tests the page.
. scripts/report.sh
package=bindings/wasm
zig=$(scripts/zig.sh) || { echo 'skipped: no zig (scripts/python_venv.sh)'; finish; exit; }
command -v node > /dev/null || { echo 'skipped: no node'; finish; exit; }

out=$BUILD/check-wasm
mkdir -p "$out"
run() { # run WHAT COMMAND...
    what=$1
    shift
    if "$@" > "$out/log" 2>&1; then ok "$what"; else not_ok "$what" "$(grep -v '^# Subtest\|duration_ms' "$out/log" | tail -n 40)"; fi
}
run 'make wasm' env CFLAGS=-O1 MAKE="${MAKE:-make}" scripts/make_wasm.sh "$out"
# every file that the package names is there, and no other
named=$(sed -n 's/^ *"files": \[\(.*\)\],$/\1/p' $package/package.json | tr -d '",' | tr ' ' '\n')
expect_same 'the package has the files that it names' "$(echo "$named package.json" | tr ' ' '\n' | LC_ALL=C sort | xargs)" \
    "$(find "$out/libvae" -type f -exec basename {} \; | LC_ALL=C sort | xargs)"
run 'the package in Node' node --no-warnings $package/tests/package.test.mjs "$out/libvae"
run 'triples: compile' "$zig" cc -target wasm32-wasi -msimd128 -std=c11 -O1 -ffp-contract=off -Iinclude -Ilib -Itests \
    -o "$out/wasm128.wasm" tests/golden/wasm128.c "$out/simd/libvae.a" -lm
run 'triples: four side by side are those of fused.h' scripts/run_wasi.sh "$out/wasm128.wasm" "${TRIPLES:-1000000}"
finish
