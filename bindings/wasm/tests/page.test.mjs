// SPDX-License-Identifier: MIT
// page.test.mjs - the page in Chromium, by playwright-core: node page.test.mjs FOLDER PLAYWRIGHT NATIVE SHOTS. FOLDER is what make wasm and
// scripts/make_page_models.sh have written; PLAYWRIGHT is playwright-core's folder; NATIVE has z.f32 and x.f32, latents of
// clothes.safetensors and what the program decodes from them; SHOTS receives pictures of the page.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import test, { after, before } from 'node:test';
import { pathToFileURL } from 'node:url';

const [folder, playwright, native, shots] = process.argv.slice(2);
const { chromium } = (await import(pathToFileURL(resolve(playwright, 'index.js')))).default;
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm' };
const PATIENCE = 120000;

let server, home, browser, page;
const problems = [];

before(async () => {
  server = createServer(async (request, response) => {
    const name = new URL(request.url, 'http://localhost').pathname.replace(/\/$/, '/index.html');
    try {
      const bytes = await readFile(join(folder, name));
      response.writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream' }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  }).listen(0, '127.0.0.1');
  await new Promise((done) => { server.once('listening', done); });
  home = await mkdtemp(join(tmpdir(), 'page-'));
  browser = await chromium.launchPersistentContext(home, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS, viewport: { width: 1100, height: 900 },
  });
  page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction(() => globalThis.demo?.latent.model);
}, { timeout: PATIENCE });

after(async () => {
  await browser?.close();
  server?.close();
  if (home) await rm(home, { recursive: true, force: true });
});

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const bytesOf = async (name) => readFile(join(native, name));

test('the page says what it loaded', async () => {
  const status = await page.textContent('#status');
  console.log(`# ${status}`);
  assert.match(status, /^libvae \d+\.\d+\.\d+ with 128-bit vectors\. The first picture came \d+ ms/);
});

test('the floats that the page decodes are those of the native program', async () => {
  const z = await bytesOf('z.f32'), numbers = [...new Float32Array(z.buffer, z.byteOffset, z.length / 4)];
  const got = await page.evaluate((latents) => [...new Uint8Array(globalThis.demo.latent.model.decode(latents).buffer)], numbers);
  assert.equal(sha256(Uint8Array.from(got)), sha256(await bytesOf('x.f32')));
});

test('so are the pixels of its picture', async () => {
  await page.click('#zero-z');
  const pixels = await page.evaluate(() => {
    const canvas = document.getElementById('picture');
    return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data];
  });
  const bytes = await bytesOf('x.f32'), x = new Float32Array(bytes.buffer, bytes.byteOffset, 784); // the first z is 0
  assert.deepEqual(pixels, [...x].flatMap((value) => [0, 1, 2].map(() => Math.round(255 * value)).concat(255)));
});

test('moving over the map, the arrow keys and the sliders move the point', async () => {
  const z = () => page.evaluate(() => [...globalThis.demo.latent.z]);
  await page.hover('#map', { position: { x: 40, y: 60 } });
  const hovered = await z();
  assert.ok(hovered.filter((value) => value < -1).length === 2, String(hovered));
  await page.focus('#map');
  await page.keyboard.press('ArrowRight');
  const moved = await z();
  assert.equal(moved.filter((value, d) => value !== hovered[d]).length, 1);
  await page.focus('#sliders label:last-child input');
  await page.keyboard.press('End');
  assert.ok((await z()).some((value) => value === 3));
  await page.click('#zero-z');
});

test('a file that is no model is refused in words, and the model stays', async () => {
  await page.setInputFiles('#file', { name: 'broken.safetensors', mimeType: 'application/octet-stream', buffer: Buffer.from('no model') });
  await page.waitForFunction(() => document.getElementById('model-error').textContent);
  assert.match(await page.textContent('#model-error'), /safetensors|file|header/i);
  await page.setInputFiles('#file', join(folder, 'clothes.safetensors'));
  await page.waitForFunction(() => !document.getElementById('model-error').textContent);
  assert.match(await page.textContent('#model-name'), /^clothes\.safetensors: 28×28×1 from 4 numbers/);
});

test('the texture runs', async () => {
  await page.waitForFunction(() => document.getElementById('texture-rate').textContent);
  console.log(`# ${await page.textContent('#texture-rate')}`);
  const seen = () => page.evaluate(() => String(document.getElementById('texture').getContext('2d').getImageData(0, 0, 64, 64).data));
  const first = await seen();
  await page.waitForTimeout(300);
  assert.notEqual(await seen(), first);
  await page.click('#texture-pause');
  await page.waitForTimeout(300);
  const paused = await seen();
  await page.waitForTimeout(300);
  assert.equal(await seen(), paused);
});

test('a digit drawn with the pointer is added, and training on digits lowers the loss', async () => {
  await page.locator('#pad').scrollIntoViewIfNeeded();
  const box = await page.locator('#pad').boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 4);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, box.y + (3 * box.height) / 4, { steps: 5 });
  await page.mouse.up();
  await page.click('#pad-add');
  assert.equal(await page.locator('#digits button').count(), 1);
  await page.click('#pad-examples');
  assert.equal(await page.locator('#digits button').count(), 7);
  await page.click('#train-start');
  await page.waitForFunction(() => globalThis.demo.training.losses.length >= 400);
  const losses = await page.evaluate(() => globalThis.demo.training.losses);
  const mean = (part) => part.reduce((a, b) => a + b, 0) / part.length;
  console.log(`# loss ${mean(losses.slice(0, 10)).toFixed(1)}, after 400 steps ${mean(losses.slice(390, 400)).toFixed(1)}`);
  assert.ok(mean(losses.slice(390, 400)) < 0.6 * mean(losses.slice(0, 10)));
  await page.click('#train-start');
});

test('nothing went wrong in silence, and the page looks as the pictures show', async () => {
  await page.screenshot({ path: join(shots, 'page.png'), fullPage: true });
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.screenshot({ path: join(shots, 'page-dark.png'), fullPage: true });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: join(shots, 'page-phone.png'), fullPage: true });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than a phone');
  assert.deepEqual(problems, []);
});
