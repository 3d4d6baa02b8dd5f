#!/bin/sh
# SPDX-License-Identifier: MIT
# run_wasi.sh PROGRAM.wasm ARGUMENTS - runs a WebAssembly program of WASI in Node, in the current folder. Node 18 needs a flag for WASI,
# which later versions may not accept. Node 20 sometimes crashes when a module that has run for a long time returns; --no-flush-bytecode,
# which keeps the code of idle functions, prevents this crash.
flag=
node -e 'require("node:wasi")' 2> /dev/null || flag=--experimental-wasi-unstable-preview1
# shellcheck disable=SC2086
exec node $flag --no-warnings --no-flush-bytecode "$(dirname "$0")/run_wasi.mjs" "$@"
