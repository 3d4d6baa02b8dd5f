// SPDX-License-Identifier: MIT
// package.test.mjs - the package in Node, 18 or newer: node package.test.mjs PACKAGE, from the top of the tree. What models compute is
// compared with tests/golden/hashes.txt, that is with every other machine; both modules are tested.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';

const { load, hasSimd, VaeError } = await import(pathToFileURL(resolve(process.argv[2], 'index.js')));

const TEXT = `input      6x6x1
encoder    flatten | linear out=24 | relu
latent     gaussian dim=3
decoder    linear out=36 | reshape 6x6x1
likelihood bernoulli
`;

// FNV-1a, the numbers and the models of tests/golden/golden.c
function hash(floats) {
  let h = 0xcbf29ce484222325n;
  const bytes = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  for (const byte of bytes) h = BigInt.asUintN(64, (h ^ BigInt(byte)) * 0x100000001b3n);
  return h;
}
function numbers(n) {
  let s = 1n;
  return Float32Array.from({ length: n }, () => {
    s = BigInt.asUintN(64, s * 6364136223846793005n + 1442695040888963407n);
    return Number(s >> 40n) / 16777216;
  });
}
async function golden(name) {
  const source = await readFile('tests/golden/golden.c', 'utf8');
  const literals = new RegExp(`\\{"${name}",((?:\\s*"[^"]*")+)\\}`).exec(source)[1].match(/"[^"]*"/g);
  const line = (await readFile('tests/golden/hashes.txt', 'utf8')).split('\n').find((one) => one.split(/ +/)[1] === name);
  return { text: literals.map((one) => JSON.parse(one)).join(''), hashes: line.split(/ +/) };
}
const joined = (a, b) => Float32Array.from([...a, ...b]);
const hex = (h) => h.toString(16).padStart(16, '0');

assert.ok(hasSimd(), 'Node has the vectors of WebAssembly');
for (const simd of [false, true]) {
  const isa = simd ? 'wasm128' : 'portable';
  const vae = await load({ simd });

  test(`${isa}: the module says what it is`, () => {
    assert.equal(vae.isa, isa);
    assert.match(vae.buildInfo, new RegExp(`^libvae ${vae.version} kernel_abi=`));
  });

  for (const name of ['dense', 'norms', 'texture', 'gumbel']) {
    test(`${isa}: model ${name} has the bits of every machine`, async () => {
      const { text, hashes } = await golden(name), model = vae.create(text, { seed: 1, batch: 2 }), x = numbers(4 * model.inputSize);
      const { mean, logvar } = model.encode(x);
      const got = [hash(joined(mean, logvar)), hash(model.decode(mean)), hash(model.sample(4))];
      const trainer = model.train('optimizer adam lr=0.002\nobjective elbo warmup=5\nclip norm max=50', { batch: 4 });
      for (let i = 0; i < 20; i++) trainer.step(x.subarray(0, (4 - (i % 2)) * model.inputSize));
      let h = 0n;
      for (const { values } of model.parameters().values()) h = BigInt.asUintN(64, h * 31n + hash(values));
      trainer.dispose();
      model.dispose();
      assert.deepEqual([...got, h].map(hex), [3, 5, 7, 9].map((i) => hashes[i]));
    });
  }

  test(`${isa}: a saved model opens, and decodes to the same bytes`, () => {
    const model = vae.create(TEXT, { seed: 7 }), file = model.save(), opened = vae.open(file), again = vae.open(file.buffer);
    const z = [0.5, -1, 2, 0, 0.25, -0.125];
    assert.deepEqual(opened.decode(z), model.decode(z));
    assert.deepEqual(again.text, model.text);
    assert.deepEqual(opened.inputShape, [6, 6, 1]);
    assert.equal(opened.latentSize, 3);
    assert.deepEqual(opened.decodePixels([0, 0, 0]), Uint8ClampedArray.from([...model.decode([0, 0, 0])].flatMap((v) => {
      const grey = Math.round(255 * v);
      return [grey, grey, grey, 255];
    })));
    for (const one of [model, opened, again]) one.dispose();
  });

  test(`${isa}: training lowers the loss, and metrics are those of the library`, () => {
    const model = vae.create(TEXT), trainer = model.train('optimizer adam lr=0.02', { batch: 8, seed: 3 });
    const x = Float32Array.from({ length: 8 * 36 }, (_, i) => (i % 36 < 18 ? 1 : 0)), first = trainer.step(x);
    let last = first;
    for (let i = 0; i < 100; i++) last = trainer.step(x);
    assert.equal(last.step, 101);
    assert.equal(trainer.steps, 101);
    assert.ok(Math.abs(last.loss - (last.recon + last.rate)) < 1e-6 * Math.abs(last.loss));
    assert.equal(last.lr, Math.fround(0.02));
    assert.ok(last.loss < first.loss / 2, `${first.loss} -> ${last.loss}`);
    assert.match(trainer.options, /^optimizer +adam lr=0\.02\b/m);
    const { elbo, recon, rate } = model.elbo(x, { samples: 1 });
    elbo.forEach((bound, i) => assert.ok(Math.abs(bound + recon[i] + rate[i]) < 1e-9));
    assert.deepEqual(model.reconstruct(x).length, x.length);
    trainer.dispose();
    model.dispose();
  });

  test(`${isa}: equal seeds give equal samples`, () => {
    const model = vae.create(TEXT);
    model.seed(5);
    const first = model.sample(3);
    model.seed(5);
    assert.deepEqual(model.sample(3), first);
    assert.notDeepEqual(model.sample(3), first);
    assert.deepEqual(model.sample(1, { noise: [0, 0, 0] }), model.decode([0, 0, 0]));
    model.dispose();
  });

  test(`${isa}: codes and labels`, () => {
    const codes = vae.create(TEXT.replace('gaussian dim=3', 'vq codes=8 dim=3')), x = numbers(2 * 36);
    const code = codes.encodeCodes(x);
    assert.equal(codes.codebookSize, 8);
    assert.equal(code.length, 2 * codes.codesPerExample);
    assert.deepEqual(codes.decodeCodes(code), codes.reconstruct(x));
    codes.dispose();
    const classes = vae.create(`${TEXT.replace('decoder    ', 'decoder    condition | ')}condition  classes=4\n`);
    assert.equal(classes.classes, 4);
    assert.notDeepEqual(classes.sample(1, { label: [1], noise: [0, 0, 0] }), classes.sample(1, { label: [2], noise: [0, 0, 0] }));
    classes.dispose();
  });

  test(`${isa}: a refused call throws the library's sentence and changes nothing`, () => {
    const refuses = (body, code, words) => assert.throws(body, (error) => {
      assert.ok(error instanceof VaeError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, words);
      return true;
    });
    refuses(() => vae.create(TEXT.replace('relu', 'rellu')), 'VAE_E_SPEC', /line 2, column 3\d: .*did you mean 'relu'/);
    refuses(() => vae.open(new Uint8Array(3)), 'VAE_E_FORMAT', /\w/);
    const model = vae.create(TEXT), before = model.save();
    refuses(() => model.decode(new Float32Array(4)), 'VAE_E_SHAPE', /4 numbers, wanted a multiple of 3/);
    refuses(() => model.decode([0, NaN, 0]), 'VAE_E_NUMERIC', /\w/);
    refuses(() => model.encode(new Float32Array(36).fill(2)), 'VAE_E_ARG', /0\.\.1|bernoulli/);
    refuses(() => model.sample(1, { labels: [1] }), 'VAE_E_ARG', /'labels'/);
    refuses(() => model.encodeCodes(new Float32Array(36)), 'VAE_E_UNSUPPORTED', /\w/);
    const trainer = model.train();
    refuses(() => model.train(), 'VAE_E_STATE', /trainer/);
    refuses(() => trainer.step(new Float32Array(36).fill(NaN)), 'VAE_E_NUMERIC', /\w/);
    refuses(() => trainer.step(new Float32Array(36), { weight: [1, 1] }), 'VAE_E_SHAPE', /weight: has 2 numbers, wanted 1/);
    trainer.dispose();
    assert.deepEqual(model.save(), before);
    model.dispose();
    model.dispose();
    refuses(() => model.decode([0, 0, 0]), 'VAE_E_STATE', /disposed/);
  });

  test(`${isa}: a thousand models leave no memory behind`, () => {
    const cycle = () => {
      const model = vae.create(TEXT);
      model.train().dispose();
      model.decode([0, 0, 0]);
      model.dispose();
    };
    for (let i = 0; i < 10; i++) cycle();
    const bytes = vae.memoryBytes;
    for (let i = 0; i < 1000; i++) cycle();
    assert.equal(vae.memoryBytes, bytes);
  });
}
