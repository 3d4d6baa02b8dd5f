#!/bin/sh
# SPDX-License-Identifier: MIT
# browser.sh - `make check-browser` tests the page of bindings/wasm/demo in Chromium (Debian: chromium), the types of the package with
# tsc, and the list of files that npm would pack. It installs playwright-core and typescript from npm into build/browser and saves
# pictures of the page there. It is not a part of make check, because it trains models and downloads 30 MB.
. scripts/report.sh
set -u
out=$BUILD/browser
wasm=$BUILD/wasm
mkdir -p "$out"
run() { # run WHAT COMMAND...
    what=$1
    shift
    if "$@" > "$out/log" 2>&1; then ok "$what"; else not_ok "$what" "$(tail -n 30 "$out/log")"; fi
}

run 'make wasm' env MAKE="${MAKE:-make}" scripts/make_wasm.sh
run 'the models of the page' scripts/make_page_models.sh
cp bindings/wasm/tests/types.ts "$out"
[ -e "$out/package.json" ] || echo '{ "private": true }' > "$out/package.json"
run 'npm has playwright-core and typescript' npm install --prefix "$out" --no-audit --no-fund --silent playwright-core typescript \
    "$wasm/libvae"

run 'tsc --strict takes the types' "$out/node_modules/.bin/tsc" --strict --noEmit --target es2022 --module nodenext \
    --lib es2022,dom "$out/types.ts"
expect_same 'npm packs what the package says' 'LICENSE README.md index.d.ts index.js package.json vae-simd.wasm vae.wasm' \
    "$(cd "$wasm/libvae" && npm pack --dry-run --json 2> /dev/null | sed -n 's/^ *"path": "\(.*\)",\{0,1\}$/\1/p' | LC_ALL=C sort | xargs)"

node -e '
const z = new Float32Array(32 * 4);
for (let i = 4; i < z.length; i++) z[i] = Math.sin(i * i) * 2;
const head = "{\x27descr\x27: \x27<f4\x27, \x27fortran_order\x27: False, \x27shape\x27: (32, 4), }".padEnd(117) + "\n";
const npy = Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), Buffer.from([118, 0]), Buffer.from(head), Buffer.from(z.buffer)]);
require("fs").writeFileSync(process.argv[1] + "/z.npy", npy);' "$out"
run 'the program decodes the same latents' "$BUILD/vae" decode "$wasm/clothes.safetensors" "$out/z.npy" -o "$out/x.npy" --force
for array in z x; do # the header of these arrays has 128 bytes
    tail -c +129 "$out/$array.npy" > "$out/$array.f32"
done
node bindings/wasm/tests/page.test.mjs "$wasm" "$out/node_modules/playwright-core" "$out" "$out" > "$out/log" 2>&1
status=$?
grep -E '^# (libvae|loss|[0-9]+ frames)' "$out/log"
if [ $status = 0 ]; then ok 'the page in Chromium'; else not_ok 'the page in Chromium' "$(grep -v duration_ms "$out/log" | tail -n 60)"; fi
finish
