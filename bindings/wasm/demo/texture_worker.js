// SPDX-License-Identifier: MIT
// texture_worker.js - decodes a walk through the latent space of a model of textures: from one random place to the next on great circles,
// so that each place is as likely as a sample. Answers {pixels, milliseconds} to each {move}, the share of a leg to go on.
import { load } from './libvae/index.js';

let model, from, to, share = 0;

function place() {
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  return Float32Array.from({ length: model.latentSize }, normal);
}

onmessage = async ({ data }) => {
  try {
    if (data.file) {
      model = (await load()).open(data.file, { batch: 1 });
      [from, to] = [place(), place()];
      postMessage({ shape: model.inputShape });
      return;
    }
    share += data.move;
    if (share >= 1) [from, to, share] = [to, place(), share % 1];
    const z = from.map((value, d) => value * Math.cos((share * Math.PI) / 2) + to[d] * Math.sin((share * Math.PI) / 2));
    const began = performance.now(), pixels = model.decodePixels(z);
    postMessage({ pixels, milliseconds: performance.now() - began }, [pixels.buffer]);
  } catch (error) {
    postMessage({ error: error.message });
  }
};
