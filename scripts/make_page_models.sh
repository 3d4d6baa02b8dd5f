#!/bin/sh
# SPDX-License-Identifier: MIT
# make_page_models.sh - trains the two models of the page of bindings/wasm/demo and writes them to build/wasm: clothes.safetensors is
# trained on Fashion-MNIST, texture.safetensors on textures of a game (Debian: dataset-fashion-mnist, freedoom). The second model has the
# decoder of texture_decode1 of vae bench, but its convolutions are circular, so that its pictures can be laid as tiles.
set -eu
BUILD=${BUILD:-build}
vae=$BUILD/vae
out=$BUILD/wasm
mkdir -p "$out"

# model NAME DATA EPOCHS FLAG...: the text comes from the standard input
model() {
    name=$1 data=$2 epochs=$3
    shift 3
    [ ! -e "$out/$name.safetensors" ] || return 0
    cat > "$out/$name.txt"
    "$vae" train "$data" --model "$out/$name.txt" -o "$out/$name.run" --force --epochs "$epochs" --seed 0 "$@"
    cp "$out/$name.run/best.safetensors" "$out/$name.safetensors"
}

model clothes fashion-mnist 2 << 'TEXT'
input      28x28x1
encoder    conv2d out=16 kernel=3 stride=2 pad=1 | relu | conv2d out=32 kernel=3 stride=2 pad=1 | relu | flatten
latent     gaussian dim=4
decoder    linear out=1568 | relu | reshape 7x7x32 | deconv2d out=16 kernel=4 stride=2 pad=1 | relu | deconv2d out=1 kernel=4 stride=2 pad=1
likelihood bernoulli
optimizer  adam lr=0.002
TEXT

model texture freedoom 12 --batch 32 << 'TEXT'
input      64x64x3
encoder    avgpool kernel=8 | flatten | linear out=128 | relu
latent     gaussian dim=16
decoder    linear out=4096 | relu | reshape 8x8x64 |
           upsample factor=2 | conv2d out=64 kernel=3 pad=1 pad_mode=circular | relu |
           upsample factor=2 | conv2d out=32 kernel=3 pad=1 pad_mode=circular | relu |
           upsample factor=2 | conv2d out=16 kernel=3 pad=1 pad_mode=circular | relu | conv2d out=3 kernel=3 pad=1 pad_mode=circular
likelihood bernoulli
optimizer  adam lr=0.002
TEXT
