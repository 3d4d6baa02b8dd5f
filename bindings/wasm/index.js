// SPDX-License-Identifier: MIT
// index.js - libvae in a browser, a worker or Node, from WebAssembly: models that encode, decode, sample and train. index.d.ts has the
// types.
//
// load() takes the module with 128-bit vectors where the engine has them, else the plain one; both compute the same bits. The functions of
// the C library are called directly: arrays are copied into the module's memory and results out of it, and a status below 0 becomes a
// VaeError with the library's own sentence. Nothing here is a copy of what the library knows; but the layouts of vae_batch_t and
// vae_metrics_t for wasm32 are (include/vae/batch.h, train.h).

const SIMD_PROBE = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];

/** A call that the library refused: its sentence, the name of the status (VAE_E_SHAPE) and its number. */
export class VaeError extends Error {
  constructor(message, code, status) {
    super(message);
    this.name = 'VaeError';
    this.code = code;
    this.status = status;
  }
}

/** Does this engine have the 128-bit vectors of WebAssembly? */
export function hasSimd() {
  return WebAssembly.validate(new Uint8Array(SIMD_PROBE));
}

export async function load({ simd = hasSimd(), wasm } = {}) {
  const source = wasm ?? new URL(simd ? './vae-simd.wasm' : './vae.wasm', import.meta.url);
  const module = source instanceof WebAssembly.Module ? source : await compile(source);
  return new Vae(new Library((await WebAssembly.instantiate(module, systemCalls(module))).exports));
}

async function compile(source) {
  if (!(source instanceof URL)) return WebAssembly.compile(source);
  if (source.protocol === 'file:') return WebAssembly.compile(await (await import('node:fs/promises')).readFile(source));
  const answer = await fetch(source);
  if (!answer.ok) throw new Error(`${source}: ${answer.status} ${answer.statusText}`);
  // a server that does not know the type of .wasm files is no reason to fail
  if (answer.headers.get('Content-Type') === 'application/wasm') return WebAssembly.compileStreaming(answer);
  return WebAssembly.compile(await answer.arrayBuffer());
}

// libvae asks the system for nothing. What the C library in the module could ask for is answered as if no file were open: 8 is WASI's
// EBADF.
function systemCalls(module) {
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => 8;
  return imports;
}

// The module's exports with its memory. Memory may grow in any call, which detaches every view: each access makes a view of its own.
class Library {
  constructor(exports) {
    this.c = exports;
    exports._initialize?.();
  }

  // Runs body(arena): what it has put into the module's memory is freed in the end.
  within(body) {
    const arena = new Arena(this.c);
    try {
      return body(arena);
    } finally {
      arena.free();
    }
  }

  check(status) {
    if (status < 0) throw new VaeError(this.text(this.c.vae_last_error()), this.text(this.c.vae_status_name(status)), status);
  }

  // The NUL-terminated text at `at`
  text(at) {
    const bytes = new Uint8Array(this.c.memory.buffer, at);
    return new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0)));
  }

  // The handle that call(out) gives
  handle(call) {
    return this.within((arena) => {
      const out = arena.room(4);
      this.check(call(out, arena));
      return arena.word(out);
    });
  }

  // What call(buffer, cap, needed) writes, asked for its size first
  bytes(call) {
    return this.within((arena) => {
      const needed = arena.put(Uint32Array.of(0));
      call(0, 0, needed);
      const size = arena.word(needed), buffer = arena.room(size);
      this.check(call(buffer, size, needed));
      return arena.take(Uint8Array, buffer, size);
    });
  }

  // The same for a text, whose last byte is NUL
  string(call) {
    return new TextDecoder().decode(this.bytes(call).slice(0, -1));
  }
}

// What one call has in the module's memory
class Arena {
  constructor(c) {
    this.c = c;
    this.blocks = [];
  }

  room(size) {
    const at = this.c.malloc(Math.max(size, 1)) >>> 0;
    if (at === 0) throw new VaeError(`no memory for ${size} bytes`, 'VAE_E_NOMEM', -4);
    this.blocks.push(at);
    return at;
  }

  // The address of a copy; 0 of what is not given
  put(array) {
    if (array === undefined || array === null) return 0;
    const at = this.room(array.byteLength);
    new Uint8Array(this.c.memory.buffer, at).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    return at;
  }

  putText(text) {
    return this.put(new TextEncoder().encode(`${text}\0`));
  }

  // A copy of count numbers at `at`
  take(Kind, at, count) {
    return new Kind(this.c.memory.buffer, at, count).slice();
  }

  word(at) {
    return new DataView(this.c.memory.buffer).getUint32(at, true);
  }

  // A vae_batch_t. Members that have sizes are checked against n, since the library cannot see the length of an array.
  batch(n, flags, sizes, { x, label, condition, codes, noise, weight, length }) {
    const given = [['x', x, Float32Array, sizes.x], ['label', label, Int32Array, 1],
      ['condition', condition, Float32Array, sizes.condition], ['codes', codes, Int32Array, sizes.codes],
      ['noise', noise, Float32Array, sizes.noise], ['weight', weight, Float32Array, 1], ['length', length, Int32Array, 1]];
    const addresses = given.map(([name, array, Kind, size]) => {
      if (array === undefined || array === null) return 0;
      const wanted = n * size, values = array instanceof Kind ? array : Kind.from(array);
      if (values.length !== wanted) {
        throw new VaeError(`${name}: has ${values.length} numbers, wanted ${wanted}: ${n} examples of ${size}`, 'VAE_E_SHAPE', -2);
      }
      return this.put(values);
    });
    const at = this.room(48), view = new DataView(this.c.memory.buffer, at, 48);
    view.setUint32(0, 48, true);
    view.setUint32(4, flags, true);
    view.setBigInt64(8, BigInt(n), true);
    addresses.forEach((address, i) => view.setUint32(16 + 4 * i, address, true));
    view.setUint32(44, 0, true);
    return at;
  }

  free() {
    for (const at of this.blocks) this.c.free(at);
  }
}

export class Vae {
  #lib;

  constructor(library) {
    this.#lib = library;
  }

  get version() {
    return this.#lib.text(this.#lib.c.vae_version_string());
  }

  get buildInfo() {
    return this.#lib.text(this.#lib.c.vae_build_info());
  }

  get isa() {
    return this.#lib.text(this.#lib.c.vae_ctx_isa(0));
  }

  get memoryBytes() {
    return this.#lib.c.memory.buffer.byteLength;
  }

  open(bytes, { batch = 16 } = {}) {
    const lib = this.#lib, data = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
    return new Model(lib, lib.handle((out, arena) => lib.c.vae_model_load_memory(out, 0, arena.put(data), data.byteLength)), batch);
  }

  create(text, { seed = 0, batch = 16 } = {}) {
    const lib = this.#lib;
    return new Model(lib, lib.handle((out, arena) => lib.c.vae_model_create(out, 0, arena.putText(text), BigInt(seed))), batch);
  }
}

// An object of the library with its destructor
class Handle {
  constructor(lib, at, destroy) {
    this.lib = lib;
    this.at = at;
    this.destroy = destroy;
  }

  dispose() {
    if (this.at !== 0) this.destroy(this.at);
    this.at = 0;
  }

  // The address, for a call; a disposed object is refused here, because its address may already be another object's
  get live() {
    if (this.at === 0) throw new VaeError('this object has been disposed', 'VAE_E_STATE', -9);
    return this.at;
  }
}

const PARTS = ['x', 'label', 'condition', 'codes', 'noise', 'weight', 'length'];
const DRAW = 1;

export class Model {
  #lib;
  #model;
  #session;

  constructor(lib, at, batch) {
    this.#lib = lib;
    this.#model = new Handle(lib, at, lib.c.vae_model_destroy);
    try {
      this.#session = new Handle(lib, lib.handle((out) => lib.c.vae_session_create(out, at, BigInt(batch))), lib.c.vae_session_destroy);
    } catch (error) {
      this.#model.dispose();
      throw error;
    }
    const shape = (call) => lib.within((arena) => {
      const sizes = arena.room(32), count = call(at, sizes);
      return Object.freeze(Array.from(arena.take(BigInt64Array, sizes, count), Number));
    });
    this.inputShape = shape(lib.c.vae_model_input_shape);
    this.inputSize = Number(lib.c.vae_model_input_size(at));
    this.latentShape = shape(lib.c.vae_model_latent_shape);
    this.latentSize = Number(lib.c.vae_model_latent_size(at));
    this.classes = Number(lib.c.vae_model_class_count(at));
    this.conditionSize = Number(lib.c.vae_model_condition_size(at));
    this.codesPerExample = Number(lib.c.vae_model_codes_per_example(at));
    this.codebookSize = Number(lib.c.vae_model_codebook_size(at));
    this.parameterTotal = Number(lib.c.vae_model_param_total(at));
  }

  get text() {
    const at = this.#model.live;
    return this.#lib.string((buffer, cap, needed) => this.#lib.c.vae_model_spec(at, buffer, cap, needed));
  }

  save() {
    const at = this.#model.live;
    return this.#lib.bytes((buffer, cap, needed) => this.#lib.c.vae_model_save_memory(at, buffer, cap, needed));
  }

  parameters() {
    const lib = this.#lib, c = lib.c, model = this.#model.live, parameters = new Map();
    lib.within((arena) => {
      const tensor = arena.room(4), name = arena.room(4);
      for (let i = 0n; i < c.vae_model_param_count(model); i++) {
        lib.check(c.vae_model_param(model, i, tensor, name));
        const at = arena.word(tensor);
        const shape = Array.from(arena.take(BigInt64Array, c.vae_tensor_shape(at), c.vae_tensor_ndim(at)), Number);
        const values = arena.take(Float32Array, c.vae_tensor_data(at), shape.reduce((a, b) => a * b, 1));
        parameters.set(lib.text(arena.word(name)), { shape, values });
      }
    });
    return parameters;
  }

  encode(x, parts = {}) {
    const n = this.#count(x, this.inputSize, 'x');
    return this.#run(n, 0, { ...parts, x }, (c, session, batch, arena) => {
      const size = n * this.latentSize, mean = arena.room(4 * size), logvar = arena.room(4 * size);
      this.#lib.check(c.vae_encode_batch(session, batch, mean, logvar));
      return { mean: arena.take(Float32Array, mean, size), logvar: arena.take(Float32Array, logvar, size) };
    });
  }

  decode(z, parts = {}) {
    const n = this.#count(z, this.latentSize, 'z');
    return this.#examples(n, 0, parts, (c, session, batch, x, arena) => c.vae_decode_batch(session, batch, arena.put(floats(z)), x));
  }

  decodePixels(z) {
    this.#only(z, this.latentSize, 'z');
    const [height, width] = this.inputShape;
    return this.#lib.within((arena) => {
      const pixels = arena.room(4 * height * width);
      this.#lib.check(this.#lib.c.vae_decode_rgba8(this.#session.live, arena.put(floats(z)), pixels, 4 * width));
      return arena.take(Uint8ClampedArray, pixels, 4 * height * width);
    });
  }

  encodeCodes(x, parts = {}) {
    const n = this.#count(x, this.inputSize, 'x');
    return this.#run(n, 0, { ...parts, x }, (c, session, batch, arena) => {
      const size = n * this.codesPerExample, codes = arena.room(4 * size);
      this.#lib.check(c.vae_encode_codes_batch(session, batch, codes));
      return arena.take(Int32Array, codes, size);
    });
  }

  decodeCodes(codes, parts = {}) {
    const n = this.#count(codes, this.codesPerExample, 'codes');
    return this.#examples(n, 0, { ...parts, codes }, (c, session, batch, x) => c.vae_decode_batch(session, batch, 0, x));
  }

  reconstruct(x, parts = {}) {
    const n = this.#count(x, this.inputSize, 'x');
    return this.#examples(n, 0, { ...parts, x }, (c, session, batch, y) => c.vae_reconstruct_batch(session, batch, y));
  }

  sample(n, { draw = false, ...parts } = {}) {
    return this.#examples(n, draw ? DRAW : 0, parts, (c, session, batch, x) => c.vae_sample_batch(session, batch, x));
  }

  elbo(x, { samples = 1, ...parts } = {}) {
    const n = this.#count(x, this.inputSize, 'x');
    return this.#run(n, 0, { ...parts, x }, (c, session, batch, arena) => {
      const [elbo, recon, rate] = [0, 0, 0].map(() => arena.room(8 * n));
      this.#lib.check(c.vae_elbo_batch(session, batch, BigInt(samples), elbo, recon, rate));
      const take = (at) => arena.take(Float64Array, at, n);
      return { elbo: take(elbo), recon: take(recon), rate: take(rate) };
    }, samples);
  }

  seed(seed) {
    this.#lib.check(this.#lib.c.vae_session_seed(this.#session.live, BigInt(seed)));
  }

  train(options = '', { batch = 64, seed = 0 } = {}) {
    const lib = this.#lib, model = this.#model.live;
    const at = lib.handle((out, arena) => lib.c.vae_trainer_create(out, model, arena.putText(options), BigInt(batch)));
    const trainer = new Trainer(lib, at, this.#sizes(Number(lib.c.vae_trainer_samples(at))));
    trainer.seed(seed);
    return trainer;
  }

  dispose() {
    this.#session.dispose();
    this.#model.dispose();
  }

  #sizes(samples = 1) {
    return { x: this.inputSize, condition: this.conditionSize, codes: this.codesPerExample, noise: this.latentSize * samples };
  }

  // The number of examples of `size` numbers each
  #count(array, size, name) {
    if (size === 0 || array.length % size !== 0) {
      throw new VaeError(`${name}: has ${array.length} numbers, wanted a multiple of ${size}`, 'VAE_E_SHAPE', -2);
    }
    return array.length / size;
  }

  #only(array, size, name) {
    if (array.length !== size) throw new VaeError(`${name}: has ${array.length} numbers, wanted ${size}`, 'VAE_E_SHAPE', -2);
  }

  #run(n, flags, parts, body, samples = 1) {
    const session = this.#session.live;
    return this.#lib.within((arena) => body(this.#lib.c, session, arena.batch(n, flags, this.#sizes(samples), known(parts)), arena));
  }

  // What call(c, session, batch, x, arena) writes to x[n][S]
  #examples(n, flags, parts, call) {
    return this.#run(n, flags, parts, (c, session, batch, arena) => {
      const size = n * this.inputSize, x = arena.room(4 * size);
      this.#lib.check(call(c, session, batch, x, arena));
      return arena.take(Float32Array, x, size);
    });
  }
}

const METRICS_BYTES = 256;
const METRICS = ['loss', 'recon', 'rate', 'beta', 'lr', 'gradNorm', 'aux', 'perplexity', 'codesUsed', 'deadCodes', 'quantizationError'];

export class Trainer {
  #lib;
  #trainer;
  #sizes;

  constructor(lib, at, sizes) {
    this.#lib = lib;
    this.#trainer = new Handle(lib, at, lib.c.vae_trainer_destroy);
    this.#sizes = sizes;
  }

  get options() {
    const at = this.#trainer.live;
    return this.#lib.string((buffer, cap, needed) => this.#lib.c.vae_trainer_options(at, buffer, cap, needed));
  }

  get steps() {
    return Number(this.#lib.c.vae_trainer_steps(this.#trainer.live));
  }

  step(x, parts = {}) {
    const n = x.length / this.#sizes.x, at = this.#trainer.live;
    if (!Number.isInteger(n)) throw new VaeError(`x: has ${x.length} numbers, wanted a multiple of ${this.#sizes.x}`, 'VAE_E_SHAPE', -2);
    return this.#lib.within((arena) => {
      const batch = arena.batch(n, 0, this.#sizes, known({ ...parts, x }));
      const metrics = arena.put(Uint32Array.of(METRICS_BYTES, ...new Array(METRICS_BYTES / 4 - 1).fill(0)));
      this.#lib.check(this.#lib.c.vae_trainer_step_batch(at, batch, metrics));
      const view = new DataView(this.#lib.c.memory.buffer, metrics, METRICS_BYTES), result = { step: Number(view.getBigInt64(8, true)) };
      METRICS.forEach((name, i) => { result[name] = view.getFloat64(16 + 8 * i, true); });
      return result;
    });
  }

  seed(seed) {
    this.#lib.check(this.#lib.c.vae_trainer_seed(this.#trainer.live, BigInt(seed)));
  }

  setLearningRate(lr) {
    this.#lib.check(this.#lib.c.vae_trainer_set_lr(this.#trainer.live, lr));
  }

  dispose() {
    this.#trainer.dispose();
  }
}

function floats(array) {
  return array instanceof Float32Array ? array : Float32Array.from(array);
}

// Nothing is dropped in silence: a part of a batch with a wrong name is refused.
function known(parts) {
  for (const name of Object.keys(parts)) {
    if (!PARTS.includes(name)) throw new VaeError(`'${name}' is no part of a batch, wanted one of ${PARTS.join(', ')}`, 'VAE_E_ARG', -1);
  }
  return parts;
}
