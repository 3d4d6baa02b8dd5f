// SPDX-License-Identifier: MIT
// types.ts - what a program in TypeScript writes: checked by tsc --strict, not run.
import { hasSimd, load, VaeError, type Metrics, type Model, type Trainer, type Vae } from 'libvae';

export async function use(file: ArrayBuffer, images: Float32Array, context: CanvasRenderingContext2D): Promise<Metrics | undefined> {
  const vae: Vae = await load({ simd: hasSimd() });
  const model: Model = vae.open(file, { batch: 8 });
  const { mean, logvar } = model.encode(images);
  const x: Float32Array = model.decode(mean);
  const [height = 1, width = 1] = model.inputShape;
  context.putImageData(new ImageData(model.decodePixels(mean.subarray(0, model.latentSize)), width, height), 0, 0);
  const trainer: Trainer = model.train('optimizer adam lr=0.001', { batch: 64, seed: 1n });
  let metrics: Metrics | undefined;
  try {
    metrics = trainer.step(x, { noise: logvar });
  } catch (error) {
    if (!(error instanceof VaeError)) throw error;
    console.log(error.code, error.status, error.message);
  }
  const bias: Float32Array | undefined = model.parameters().get('decoder.0.bias')?.values;
  console.log(model.sample(3, { draw: true }), model.elbo(images, { samples: 5 }).elbo[0], bias, new Blob([model.save()]));
  // @ts-expect-error a part of a batch with a wrong name
  model.sample(1, { labels: [1] });
  trainer.dispose();
  model.dispose();
  return metrics;
}
