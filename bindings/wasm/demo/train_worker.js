// SPDX-License-Identifier: MIT
// train_worker.js - trains a VAE of two latent dimensions on drawn digits. {digits} (floats [n][28 * 28]) starts or goes on, {stop} pauses,
// {reset} forgets, {save} answers with the model's file. While it trains it answers {losses} of the last steps and {pictures} of the map.
import { load } from './libvae/index.js';
import { latentGrid } from './latent.js';

const SIDE = 28, BATCH = 32, STEPS = 5, MAP = 9;
const TEXT = `input      28x28x1
encoder    flatten | linear out=128 | relu
latent     gaussian dim=2
decoder    linear out=128 | relu | linear out=784 | reshape 28x28x1
likelihood bernoulli
`;

let vae, model, trainer, digits, running = false;

// One digit, shifted by up to two pixels, turned by up to 12 degrees and scaled by up to 10 %, with bilinear interpolation
function altered(to, at, digit) {
  const angle = (Math.random() - 0.5) * 0.42, scale = 0.9 + 0.2 * Math.random();
  const c = Math.cos(angle) / scale, s = Math.sin(angle) / scale, middle = (SIDE - 1) / 2;
  const dx = 4 * Math.random() - 2, dy = 4 * Math.random() - 2;
  const pixel = (x, y) => (x < 0 || y < 0 || x >= SIDE || y >= SIDE ? 0 : digit[y * SIDE + x]);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const u = c * (x - middle - dx) + s * (y - middle - dy) + middle, v = c * (y - middle - dy) - s * (x - middle - dx) + middle;
      const i = Math.floor(u), j = Math.floor(v), a = u - i, b = v - j;
      const value = (1 - b) * ((1 - a) * pixel(i, j) + a * pixel(i + 1, j)) + b * ((1 - a) * pixel(i, j + 1) + a * pixel(i + 1, j + 1));
      to[at + y * SIDE + x] = Math.min(1, Math.max(0, value));
    }
  }
}

function batch() {
  const x = new Float32Array(BATCH * SIDE * SIDE), count = digits.length / (SIDE * SIDE);
  for (let i = 0; i < BATCH; i++) {
    const digit = Math.floor(Math.random() * count);
    altered(x, i * SIDE * SIDE, digits.subarray(digit * SIDE * SIDE, (digit + 1) * SIDE * SIDE));
  }
  return x;
}

function turn() {
  if (!running) return;
  try {
    const losses = [];
    for (let i = 0; i < STEPS; i++) losses.push(trainer.step(batch()).loss);
    const pictures = model.decode(latentGrid(2, [0, 0], 0, 1, MAP, 2));
    postMessage({ losses, pictures, columns: MAP }, [pictures.buffer]);
    setTimeout(turn, 0);
  } catch (error) {
    running = false;
    postMessage({ error: error.message });
  }
}

onmessage = async ({ data }) => {
  try {
    vae ??= await load();
    if (data.stop || data.reset) running = false;
    if (data.reset) {
      trainer?.dispose();
      model?.dispose();
      trainer = model = undefined;
    }
    if (data.digits) {
      digits = data.digits;
      model ??= vae.create(TEXT, { seed: 1, batch: MAP * MAP });
      trainer ??= model.train('optimizer adam lr=0.002', { batch: BATCH });
      if (!running) {
        running = true;
        turn();
      }
    }
    if (data.save) postMessage({ file: model.save() });
  } catch (error) {
    postMessage({ error: error.message });
  }
};
