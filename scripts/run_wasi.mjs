// SPDX-License-Identifier: MIT
// run_wasi.mjs - runs a WebAssembly program of WASI in Node, in the current folder: node run_wasi.mjs PROGRAM.wasm ARGUMENTS
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const args = process.argv.slice(2);
const wasi = new WASI({ version: 'preview1', args, preopens: { '.': process.cwd() } });
const module = await WebAssembly.compile(readFileSync(args[0]));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exit(wasi.start(instance));
