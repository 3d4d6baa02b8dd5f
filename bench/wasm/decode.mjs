// SPDX-License-Identifier: MIT
// decode.mjs - measures the processor time of one decoding of vae bench's texture_decode1 in Node: node decode.mjs build/wasm/libvae. It
// prints the median of ten turns for each module.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const { load } = await import(pathToFileURL(resolve(process.argv[2], 'index.js')));
const TEXT = `input      64x64x3
encoder    flatten
latent     gaussian dim=16
decoder    linear out=4096 | reshape 8x8x64 | upsample factor=2 | conv2d out=64 kernel=3 pad=1 | relu |
           upsample factor=2 | conv2d out=32 kernel=3 pad=1 | relu |
           upsample factor=2 | conv2d out=16 kernel=3 pad=1 | relu | conv2d out=3 kernel=3 pad=1
likelihood bernoulli
`;
const DECODINGS = 30, TURNS = 10;

for (const simd of [false, true]) {
  const vae = await load({ simd }), model = vae.create(TEXT, { seed: 1, batch: 1 });
  const turn = () => {
    const before = process.cpuUsage();
    for (let i = 0; i < DECODINGS; i++) model.decode(Float32Array.from({ length: 16 }, (_, d) => ((i * 7 + d * 13) % 11) / 4.3 - 1));
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / DECODINGS;
  };
  for (let i = 0; i < 3; i++) turn(); // the engine compiles what runs often once more
  const times = Array.from({ length: TURNS }, turn).sort((a, b) => a - b), median = times[TURNS / 2];
  console.log(`${vae.isa}: ${median.toFixed(2)} ms, ${Math.floor(1000 / median)} frames a second`);
  model.dispose();
}
