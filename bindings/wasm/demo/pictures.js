// SPDX-License-Identifier: MIT
// pictures.js - examples of a model as pixels of a canvas.

/** Grey or colour of a shape [height, width, 1 or 3]; anything else is shown as one row of grey. */
export function pictureShape(shape) {
  const [height, width = 1, channels = 1] = shape;
  if (shape.length === 3 && (channels === 1 || channels === 3)) return { height, width, channels };
  return { height: 1, width: shape.reduce((a, b) => a * b, 1), channels: 1 };
}

/** ImageData of `count` examples x[count][height][width][channels], `columns` side by side. */
export function sheet(x, { height, width, channels }, count, columns) {
  const image = new ImageData(columns * width, Math.ceil(count / columns) * height);
  const size = height * width * channels;
  for (let i = 0; i < count; i++) {
    const left = (i % columns) * width, top = Math.floor(i / columns) * height;
    for (let p = 0; p < height * width; p++) {
      const from = i * size + p * channels, to = 4 * ((top + Math.floor(p / width)) * image.width + left + (p % width));
      // an ImageData rounds to the nearest, and clamps
      for (let c = 0; c < 3; c++) image.data[to + c] = 255 * x[from + (channels === 3 ? c : 0)];
      image.data[to + 3] = 255;
    }
  }
  return image;
}

/** Makes the canvas as large as the image and shows it. */
export function show(canvas, image) {
  if (canvas.width !== image.width) canvas.width = image.width;
  if (canvas.height !== image.height) canvas.height = image.height;
  canvas.getContext('2d').putImageData(image, 0, 0);
}

/** A polyline of values over their index, in a scale of their own. */
export function curve(canvas, values) {
  const scale = globalThis.devicePixelRatio, width = canvas.clientWidth * scale, height = canvas.clientHeight * scale;
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d'), style = getComputedStyle(document.body), pad = 12 * scale;
  context.font = `${12 * scale}px system-ui`;
  context.fillStyle = style.getPropertyValue('--faint') || 'grey';
  context.strokeStyle = getComputedStyle(document.querySelector('h1 span')).color;
  context.fillStyle = getComputedStyle(document.querySelector('#status')).color;
  if (values.length < 2) return;
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const y = (value) => height - pad - ((value - low) / (high - low || 1)) * (height - 4 * pad);
  context.lineWidth = 2 * scale;
  context.lineJoin = 'round';
  context.beginPath();
  values.forEach((value, i) => context.lineTo(pad + (i / (values.length - 1)) * (width - 2 * pad), y(value)));
  context.stroke();
  context.fillText(`loss ${values.at(-1).toFixed(1)} nats after ${values.length} steps`, pad, 1.8 * pad);
}
