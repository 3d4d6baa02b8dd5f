// SPDX-License-Identifier: MIT
// demo.js - the page: a map of a latent space, a texture without end, and a VAE that learns drawn digits.
import { load } from './libvae/index.js';
import { byEffect, latentGrid, traversals } from './latent.js';
import { curve, pictureShape, sheet, show } from './pictures.js';

const $ = (id) => document.getElementById(id);

/** Shows what went wrong in words, where it went wrong. */
function guarded(errors, body) {
  return async (...given) => {
    $(errors).textContent = '';
    try {
      return await body(...given);
    } catch (error) {
      $(errors).textContent = error.message;
      return undefined;
    }
  };
}

// ---- a latent space ----------------------------------------------------------------------------------------------------

const REACH = 3, COLUMNS = 13;
const latent = { vae: null, model: null, z: null, axes: [0, 0] };

const fetched = async (name) => {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  return new Uint8Array(await answer.arrayBuffer());
};

const side = () => (latent.model.inputSize > 4096 ? 7 : 15);

/** Opens a file of a model. The one before stays if the file is refused. */
function open(file, name) {
  const model = latent.vae.open(file, { batch: 32 });
  if (model.latentSize > 512) {
    model.dispose();
    throw new Error(`${name}: has ${model.latentSize} latent dimensions; the page draws at most 512`);
  }
  latent.model?.dispose();
  latent.model = model;
  latent.z = new Float32Array(model.latentSize);
  const order = byEffect(model);
  latent.axes = [order[0], order[1] ?? order[0]];
  const sizes = `${model.inputShape.join('×')} from ${model.latentSize} numbers`;
  $('model-name').textContent = `${name}: ${sizes}, ${model.parameterTotal.toLocaleString('en')} parameters`;
  $('model-text').textContent = model.text;
  for (const [i, id] of ['axis-x', 'axis-y'].entries()) {
    $(id).replaceChildren(...order.map((d) => new Option(`z${d}`, d, false, d === latent.axes[i])));
  }
  sliders(order);
  drawMap();
  drawPicture();
}

function sliders(order) {
  $('sliders').replaceChildren(...order.slice(0, 32).map((d) => {
    const label = document.createElement('label'), input = document.createElement('input'), value = document.createElement('output');
    Object.assign(input, { type: 'range', min: -REACH, max: REACH, step: 0.01, value: 0 });
    input.dataset.dimension = d;
    input.addEventListener('input', () => {
      latent.z[d] = input.valueAsNumber;
      drawPicture();
      if (!latent.axes.includes(d)) drawMapSoon();
    });
    label.append(`z${d}`, input, value);
    return label;
  }));
}

let map = null; // the map without the mark
function drawMap() {
  const shape = pictureShape(latent.model.inputShape), [x, y] = latent.axes, count = side();
  const z = latentGrid(latent.model.latentSize, latent.z, x, y, count, REACH);
  map = sheet(latent.model.decode(z), shape, count * count, count);
  drawMark();
}

let waits = false; // a map costs more than a picture: at most one for a frame
function drawMapSoon() {
  if (waits) return;
  waits = true;
  requestAnimationFrame(() => {
    waits = false;
    drawMap();
  });
}

function drawMark() {
  const canvas = $('map'), context = canvas.getContext('2d');
  show(canvas, map);
  const [u, v] = latent.axes.map((d) => (latent.z[d] / REACH + 1) / 2), margin = 1 / (2 * side()), scale = canvas.width / 420;
  context.beginPath();
  context.arc((margin + u * (1 - 2 * margin)) * canvas.width, (margin + v * (1 - 2 * margin)) * canvas.height, 7 * scale, 0, 7);
  context.lineWidth = 4 * scale;
  context.strokeStyle = '#000';
  context.stroke();
  context.lineWidth = 2 * scale;
  context.strokeStyle = '#4fd1bd';
  context.stroke();
}

function drawPicture() {
  const { model, z } = latent, shape = pictureShape(model.inputShape);
  show($('picture'), sheet(model.decode(z), shape, 1, 1));
  const rows = Math.min(model.latentSize, 8), inputs = [...$('sliders').querySelectorAll('input')];
  const order = inputs.slice(0, rows).map((input) => Number(input.dataset.dimension));
  const all = traversals(model.latentSize, z, COLUMNS, REACH), size = COLUMNS * model.latentSize;
  const picked = Float32Array.from(order.flatMap((d) => [...all.subarray(d * size, (d + 1) * size)]));
  show($('traversals'), sheet(model.decode(picked), shape, rows * COLUMNS, COLUMNS));
  for (const input of inputs) {
    input.value = z[input.dataset.dimension];
    input.nextElementSibling.textContent = z[input.dataset.dimension].toFixed(2);
  }
  drawMark();
}

/** Moves the point to fractions of the map, 0 to 1 each. */
function moveTo(u, v) {
  const margin = 1 / (2 * side()), place = (share) => Math.min(1, Math.max(-1, (2 * (share - margin)) / (1 - 2 * margin) - 1)) * REACH;
  latent.z[latent.axes[0]] = place(u);
  latent.z[latent.axes[1]] = place(v);
  drawPicture();
}

$('map').addEventListener('pointermove', (event) => {
  if (!latent.model) return;
  moveTo(event.offsetX / $('map').clientWidth, event.offsetY / $('map').clientHeight);
});
$('map').addEventListener('keydown', (event) => {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, -1], ArrowDown: [1, 1] }[event.key];
  if (!step || !latent.model) return;
  event.preventDefault();
  const d = latent.axes[step[0]];
  latent.z[d] = Math.min(REACH, Math.max(-REACH, latent.z[d] + 0.2 * step[1]));
  drawPicture();
});
for (const [i, id] of ['axis-x', 'axis-y'].entries()) {
  $(id).addEventListener('change', () => {
    latent.axes[i] = Number($(id).value);
    drawMap();
  });
}
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
function setAll(value) {
  latent.z = latent.z.map(value);
  drawMap();
  drawPicture();
}
$('draw-z').addEventListener('click', () => setAll(normal));
$('zero-z').addEventListener('click', () => setAll(() => 0));

const openFile = guarded('model-error', async (file) => open(new Uint8Array(await file.arrayBuffer()), file.name));
$('file').addEventListener('change', () => $('file').files[0] && openFile($('file').files[0]));
for (const kind of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    $('drop').classList.toggle('over', kind === 'dragover');
    if (kind === 'drop' && event.dataTransfer.files[0]) openFile(event.dataTransfer.files[0]);
  });
}

// ---- a texture without end ---------------------------------------------------------------------------------------------

const LEG = 3; // seconds from one place to the next

function texture(file) {
  const worker = new Worker('texture_worker.js', { type: 'module' }), canvas = $('texture'), context = canvas.getContext('2d');
  const tile = document.createElement('canvas');
  let last = 0, busy = false, frames = 0, since = performance.now(), decoding = 0;
  const paused = () => $('texture-pause').getAttribute('aria-pressed') === 'true';

  function frame(now) {
    requestAnimationFrame(frame);
    if (busy || paused()) return;
    busy = true;
    worker.postMessage({ move: (Math.min(100, now - last) / 1000 / LEG) * $('texture-speed').valueAsNumber });
    last = now;
  }

  worker.onmessage = ({ data }) => {
    if (data.error) {
      $('texture-error').textContent = data.error;
      return;
    }
    if (data.shape) {
      [tile.height, tile.width] = data.shape;
      requestAnimationFrame(frame);
      return;
    }
    busy = false;
    tile.getContext('2d').putImageData(new ImageData(data.pixels, tile.width, tile.height), 0, 0);
    const zoom = 2;
    canvas.width = Math.ceil(canvas.clientWidth / zoom);
    canvas.height = Math.ceil(canvas.clientHeight / zoom);
    context.fillStyle = context.createPattern(tile, 'repeat');
    context.fillRect(0, 0, canvas.width, canvas.height);
    frames++;
    decoding += data.milliseconds;
    const passed = performance.now() - since;
    if (passed < 1000) return;
    const rate = Math.round((1000 * frames) / passed);
    $('texture-rate').textContent = `${rate} frames a second, ${(decoding / frames).toFixed(1)} ms to decode each`;
    [frames, decoding, since] = [0, 0, performance.now()];
  };
  worker.postMessage({ file }, [file.buffer]);

  $('texture-pause').addEventListener('click', () => {
    const next = !paused();
    $('texture-pause').setAttribute('aria-pressed', String(next));
    $('texture-pause').textContent = next ? 'Go on' : 'Pause';
  });
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) $('texture-pause').click();
}

// ---- training on drawn digits ------------------------------------------------------------------------------------------

const SIDE = 28;
const training = { worker: null, digits: [], losses: [], running: false };
const pad = $('pad'), pen = pad.getContext('2d', { willReadFrequently: true });
Object.assign(pen, { lineWidth: 24, lineCap: 'round', lineJoin: 'round', strokeStyle: '#fff' });

let stroke = null;
const at = (event) => [(event.offsetX / pad.clientWidth) * pad.width, (event.offsetY / pad.clientHeight) * pad.height];
pad.addEventListener('pointerdown', (event) => {
  pad.setPointerCapture(event.pointerId);
  stroke = at(event);
});
pad.addEventListener('pointermove', (event) => {
  if (!stroke) return;
  const next = at(event);
  line([stroke, next]);
  stroke = next;
});
for (const kind of ['pointerup', 'pointercancel']) pad.addEventListener(kind, () => { stroke = null; });

function line(points) {
  pen.beginPath();
  for (const [x, y] of points) pen.lineTo(x, y);
  pen.stroke();
}
const clearPad = () => pen.clearRect(0, 0, pad.width, pad.height);

/** The pad as 28x28 numbers, 0 to 1; null if nothing is drawn. */
function drawn() {
  const small = new OffscreenCanvas(SIDE, SIDE), context = small.getContext('2d');
  context.drawImage(pad, 0, 0, SIDE, SIDE);
  const { data } = context.getImageData(0, 0, SIDE, SIDE), digit = new Float32Array(SIDE * SIDE).map((_, i) => data[4 * i + 3] / 255);
  return digit.some((value) => value > 0.5) ? digit : null;
}

function addDigit() {
  const digit = drawn();
  clearPad();
  if (!digit) return;
  training.digits.push(digit);
  const button = document.createElement('button'), canvas = document.createElement('canvas');
  button.setAttribute('aria-label', 'Remove this digit');
  show(canvas, sheet(digit, { height: SIDE, width: SIDE, channels: 1 }, 1, 1));
  button.append(canvas);
  button.addEventListener('click', () => {
    training.digits.splice(training.digits.indexOf(digit), 1);
    button.remove();
    digitsChanged();
  });
  $('digits').append(button);
  digitsChanged();
}

function digitsChanged() {
  const count = training.digits.length;
  $('train-start').disabled = count === 0;
  if (training.losses.length === 0) $('train-state').textContent = count === 0 ? 'No digits yet.' : `${count} digits. Ready to train.`;
  if (training.running) count === 0 ? pause() : send();
}

// 0, 1, 2, 3, 4, 7 as lines on a grid of 0 to 10
const DIGITS = [
  [[[5, 2], [3, 3], [3, 7], [5, 8], [7, 7], [7, 3], [5, 2]]],
  [[[4, 3.5], [5.5, 2], [5.5, 8]]],
  [[[3, 3.5], [5, 2], [7, 3.5], [3, 8], [7, 8]]],
  [[[3, 2.5], [5.5, 2], [6.8, 3.4], [5, 4.8], [6.8, 6.3], [5.5, 8], [3, 7.5]]],
  [[[6, 8], [6, 2], [3, 6], [7.3, 6]]],
  [[[3, 2], [7, 2], [4.5, 8]]],
];

$('pad-add').addEventListener('click', addDigit);
$('pad-clear').addEventListener('click', clearPad);
$('pad-examples').addEventListener('click', () => {
  for (const lines of DIGITS) {
    clearPad();
    for (const points of lines) line(points.map(([x, y]) => [28 * x + 14 * Math.random() - 7, 28 * y + 14 * Math.random() - 7]));
    addDigit();
  }
});

function send() {
  const digits = new Float32Array(training.digits.length * SIDE * SIDE);
  training.digits.forEach((digit, i) => digits.set(digit, i * SIDE * SIDE));
  training.worker.postMessage({ digits }, [digits.buffer]);
}

function pause() {
  training.running = false;
  training.worker.postMessage({ stop: true });
  $('train-start').textContent = 'Go on';
}

function trainer() {
  if (training.worker) return;
  training.worker = new Worker('train_worker.js', { type: 'module' });
  training.worker.onmessage = ({ data }) => {
    if (data.error) $('train-error').textContent = data.error;
    if (data.file) offer(data.file, 'digits.safetensors');
    if (!data.losses || !training.running) return;
    training.losses.push(...data.losses);
    const { losses } = training;
    curve($('loss'), losses);
    $('train-state').textContent = `Step ${losses.length}`;
    show($('samples'), sheet(data.pictures, { height: SIDE, width: SIDE, channels: 1 }, data.columns ** 2, data.columns));
  };
}

function offer(file, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([file]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

$('train-start').addEventListener('click', () => {
  trainer();
  if (training.running) {
    pause();
    return;
  }
  training.running = true;
  send();
  $('train-start').textContent = 'Pause';
  for (const id of ['train-reset', 'train-save']) $(id).disabled = false;
});
$('train-reset').addEventListener('click', () => {
  training.running = false;
  training.losses = [];
  training.worker.postMessage({ reset: true });
  $('train-start').textContent = 'Train';
  for (const id of ['train-reset', 'train-save']) $(id).disabled = true;
  for (const id of ['loss', 'samples']) $(id).getContext('2d').clearRect(0, 0, $(id).width, $(id).height);
  digitsChanged();
});
$('train-save').addEventListener('click', () => training.worker.postMessage({ save: true }));

// ---- start -------------------------------------------------------------------------------------------------------------

await guarded('model-error', async () => {
  const [vae, file] = await Promise.all([load(), fetched('clothes.safetensors')]);
  latent.vae = vae;
  open(file, 'clothes.safetensors');
  const vectors = vae.isa === 'wasm128' ? 'with 128-bit vectors' : 'without vectors', time = Math.round(performance.now());
  $('status').textContent = `libvae ${vae.version} ${vectors}. The first picture came ${time} ms after the page was asked for.`;
})();
await guarded('texture-error', async () => texture(await fetched('texture.safetensors')))();

// for tests/page.test.mjs
globalThis.demo = { latent, training, moveTo };
