#!/bin/sh
# SPDX-License-Identifier: MIT
# The library from other languages (docs/languages.md): in each that is installed here the test of its binding passes, and its example
# trains and draws. What is not installed is named and passed over. scripts/check_headers.sh compares the declarations with the headers.
. scripts/report.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
top=$PWD
library=$(cd "$BUILD" && pwd)
hashes=$top/tests/golden/hashes.txt
LD_LIBRARY_PATH=$library${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
PATH=$PATH:$HOME/.cargo/bin # where rustup puts it, also for a shell that does not log in
export LD_LIBRARY_PATH PATH
run() { # run WHAT FOLDER COMMAND...
    what=$1
    folder=$2
    shift 2
    if (cd "$folder" && "$@") > "$tmp/log" 2>&1; then ok "$what"; else not_ok "$what" "$(tail -n 15 "$tmp/log")"; fi
}
has() { command -v "$1" > /dev/null; }
draws() { # draws WHAT: the log has a falling loss and a picture of points and crosses
    losses=$(grep -oE 'loss [0-9]+' "$tmp/log" | cut -d' ' -f2)
    first=$(echo "$losses" | head -n 1) last=$(echo "$losses" | tail -n 1)
    if [ "${last:-0}" -lt "${first:-0}" ]; then ok "$1: the loss falls"; else not_ok "$1: the loss falls" "$losses"; fi
    expect_same "$1: it draws twelve lines" 12 "$(grep -cE '^[.# ]+$' "$tmp/log")"
    grep -q '#' "$tmp/log" && ok "$1: with something on them" || not_ok "$1: nothing is on them"
}

if has luajit; then
    run 'Lua: test.lua' bindings/lua luajit test.lua "$hashes" "$tmp"
    run 'Lua: texture.lua' bindings/lua luajit texture.lua
    draws 'Lua'
else
    echo 'skipped: Lua, luajit is not here'
fi

if has mcs && has mono; then
    run 'C#: the test compiles' bindings/csharp mcs -warnaserror -r:System.Core Vae.cs Test.cs "-out:$tmp/test.exe"
    run 'C#: Test.cs' . mono "$tmp/test.exe" "$hashes" "$tmp"
    run 'C#: the example compiles' bindings/csharp mcs -warnaserror Vae.cs Example.cs "-out:$tmp/example.exe"
    run 'C#: Example.cs' . mono "$tmp/example.exe"
    draws 'C#'
else
    echo 'skipped: C#, mcs and mono are not here'
fi

if has cargo; then
    mkdir -p "$BUILD/rust"
    CARGO_TARGET_DIR=$(cd "$BUILD/rust" && pwd)
    export CARGO_TARGET_DIR
    run 'Rust: cargo test' bindings/rust env VAE_LIB_DIR="$library" cargo test --offline --quiet
    run 'Rust: squares.rs' bindings/rust env VAE_LIB_DIR="$library" cargo run --offline --quiet --example squares
    draws 'Rust'
    # what build.rs compiles by itself; tcc takes a second for it, where others take half a minute
    if has tcc; then
        run 'Rust: build.rs makes and compiles the two files' bindings/rust env CARGO_TARGET_DIR="$tmp/rust" CC=tcc \
            VAE_CFLAGS='-std=c11 -DVAE_NO_THREADS' cargo test --offline --quiet --test binding golden
    else
        echo 'skipped: build.rs of the crate vae-sys without VAE_LIB_DIR, tcc is not here'
    fi
else
    echo 'skipped: Rust, cargo is not here'
fi
finish
