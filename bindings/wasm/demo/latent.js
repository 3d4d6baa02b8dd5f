// SPDX-License-Identifier: MIT
// latent.js - places of a latent space.

/** z[side * side][dims]: `at` with dimension x from -reach (left) to reach, and y from -reach (top) to reach. */
export function latentGrid(dims, at, x, y, side, reach) {
  const z = new Float32Array(side * side * dims), step = (2 * reach) / (side - 1);
  for (let i = 0; i < side * side; i++) {
    z.set(at, i * dims);
    z[i * dims + y] = Math.floor(i / side) * step - reach;
    z[i * dims + x] = (i % side) * step - reach;
  }
  return z;
}

/** z[dims * count][dims]: row d is `at` with dimension d from -reach to reach. */
export function traversals(dims, at, count, reach) {
  const z = new Float32Array(dims * count * dims);
  for (let i = 0; i < dims * count; i++) {
    z.set(at, i * dims);
    z[i * dims + Math.floor(i / count)] = ((i % count) * 2 * reach) / (count - 1) - reach;
  }
  return z;
}

/** The dimensions of a model, those that change its pictures most first. */
export function byEffect(model) {
  const dims = model.latentSize, x = model.decode(traversals(dims, new Float32Array(dims), 2, 1.5)), size = model.inputSize;
  const effect = (d) => {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += (x[2 * d * size + i] - x[(2 * d + 1) * size + i]) ** 2;
    return sum;
  };
  return Array.from({ length: dims }, (_, d) => [effect(d), d]).sort((a, b) => b[0] - a[0]).map(([, d]) => d);
}
