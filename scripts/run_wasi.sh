#!/bin/sh
# SPDX-License-Identifier: MIT
# run_wasi.sh PROGRAM.wasm ARGUMENTS - a WebAssembly program of WASI in Node, in the current folder. Node 18 has WASI behind a flag, which
# later versions need not know. Node 20 crashes at times when a module returns that has run for long, unless the code of idle functions
# is kept.
flag=
node -e 'require("node:wasi")' 2> /dev/null || flag=--experimental-wasi-unstable-preview1
# shellcheck disable=SC2086
exec node $flag --no-warnings --no-flush-bytecode "$(dirname "$0")/run_wasi.mjs" "$@"
