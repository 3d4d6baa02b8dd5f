// SPDX-License-Identifier: MIT
/** Numbers of one or of n examples, one example after another. Any other array is copied into the typed array of the kind. */
export type Floats = Float32Array | ArrayLike<number>;
export type Integers = Int32Array | ArrayLike<number>;

/** A call that the library refused. `message` is the library's sentence: where, what, got, wanted. */
export class VaeError extends Error {
  constructor(message: string, code: string, status: number);
  /** The name of the status, such as "VAE_E_SHAPE". */
  readonly code: string;
  /** The number of the status, below 0. */
  readonly status: number;
}

/** Whether this engine supports the 128-bit vectors of WebAssembly. */
export function hasSimd(): boolean;

export interface LoadOptions {
  /** Whether to load the module with vectors; by default, if the engine supports them. The results have the same bits. */
  simd?: boolean;
  /** The module, if it is not beside index.js: its address, its bytes, or the compiled module. */
  wasm?: URL | ArrayBuffer | ArrayBufferView<ArrayBuffer> | WebAssembly.Module;
}

/** Fetches and compiles the module. Each call makes a module with separate memory. */
export function load(options?: LoadOptions): Promise<Vae>;

export interface ModelOptions {
  /** The most examples that the model processes at once; calls with more are split. 16 by default. */
  batch?: number;
}

export interface CreateOptions extends ModelOptions {
  /** Equal seeds give equal parameters on every machine. 0 by default. */
  seed?: number | bigint;
}

export class Vae {
  private constructor();
  /** "0.1.0" */
  readonly version: string;
  /** One line: version, kernel ABI, instruction sets. */
  readonly buildInfo: string;
  /** "wasm128" or "portable" */
  readonly isa: string;
  /** The bytes of the module's memory, which grows and never shrinks. */
  readonly memoryBytes: number;
  /** A model from the bytes of a safetensors file that libvae wrote. Throws VaeError. */
  open(bytes: ArrayBuffer | Uint8Array, options?: ModelOptions): Model;
  /** A model from its text, with fresh parameters. Throws VaeError with line and column. */
  create(text: string, options?: CreateOptions): Model;
}

/** The parts of a batch besides x. A call refuses a part that it does not read. */
export interface Parts {
  /** [n] classes; -1 means no class */
  label?: Integers;
  /** [n][conditionSize] */
  condition?: Floats;
  /** [n] lengths of sequences, in steps */
  length?: Integers;
}

export interface NoiseParts extends Parts {
  /** Standard normal numbers, [n][latentSize]; drawn from the seed if they are not given. */
  noise?: Floats;
}

export interface SampleOptions extends NoiseParts {
  /** Draw each example from the likelihood instead of returning its mean. */
  draw?: boolean;
}

export interface ElboOptions extends NoiseParts {
  /** Latents drawn for each example; more than 1 gives the importance-weighted bound, with noise [n][samples][latentSize]. */
  samples?: number;
}

export interface TrainOptions {
  /** The most examples of one step. 64 by default. */
  batch?: number;
  /** The seed of noise and dropout. 0 by default. */
  seed?: number | bigint;
}

/** Call dispose() to free the memory: JavaScript's garbage collector does not free it. */
export class Model {
  private constructor();
  /** Sizes of one example, channels last: [28, 28, 1] */
  readonly inputShape: readonly number[];
  readonly inputSize: number;
  readonly latentShape: readonly number[];
  readonly latentSize: number;
  /** Classes of the model's condition or prior, 0: none */
  readonly classes: number;
  readonly conditionSize: number;
  /** Codes of one example, 0: the latent has none */
  readonly codesPerExample: number;
  readonly codebookSize: number;
  /** Trainable values in all parameters together */
  readonly parameterTotal: number;
  /** The canonical text of the model, every default written out. */
  readonly text: string;
  /** Copies of all parameters by PyTorch's names and layouts, running statistics included. */
  parameters(): Map<string, { shape: number[]; values: Float32Array<ArrayBuffer> }>;
  /** Encodes x[n][inputSize] into the parameters of the posterior, [n][latentSize] each. */
  encode(x: Floats, parts?: Parts): { mean: Float32Array; logvar: Float32Array };
  /** Decodes z[n][latentSize] into the mean of the likelihood, [n][inputSize]. */
  decode(z: Floats, parts?: Parts): Float32Array;
  /** Decodes one z into R G B A, [height][width][4], for ImageData. */
  decodePixels(z: Floats): Uint8ClampedArray<ArrayBuffer>;
  encodeCodes(x: Floats, parts?: Parts): Int32Array;
  decodeCodes(codes: Integers, parts?: Parts): Float32Array;
  /** Encodes x and decodes the mean of the posterior. */
  reconstruct(x: Floats, parts?: Parts): Float32Array;
  /** Draws n new examples from the model's prior, [n][inputSize]. */
  sample(n: number, options?: SampleOptions): Float32Array;
  /** Computes the bound of each example, in nats. */
  elbo(x: Floats, options?: ElboOptions): { elbo: Float64Array; recon: Float64Array; rate: Float64Array };
  /** Restarts the stream of random numbers of sample() and elbo(). */
  seed(seed: number | bigint): void;
  /** The model's file, a safetensors file that PyTorch opens too. */
  save(): Uint8Array<ArrayBuffer>;
  /** A trainer of this model; one at a time. `options`: "optimizer adam lr=0.001", ... */
  train(options?: string, settings?: TrainOptions): Trainer;
  dispose(): void;
}

/** Means over the batch, in nats per example; docs/training.md explains them. */
export interface Metrics {
  step: number;
  loss: number;
  recon: number;
  rate: number;
  beta: number;
  lr: number;
  gradNorm: number;
  aux: number;
  perplexity: number;
  codesUsed: number;
  deadCodes: number;
  quantizationError: number;
}

export interface StepParts extends NoiseParts {
  /** [n] weights of the examples in the loss and the gradient */
  weight?: Floats;
}

export class Trainer {
  private constructor();
  /** The canonical text of the training. */
  readonly options: string;
  /** Steps made so far. */
  readonly steps: number;
  /** One step on x[n][inputSize]. If it throws, nothing has changed. */
  step(x: Floats, parts?: StepParts): Metrics;
  seed(seed: number | bigint): void;
  setLearningRate(lr: number): void;
  dispose(): void;
}
