#!/bin/sh
# SPDX-License-Identifier: MIT
# demo.sh - `make demo` trains the preset conv on Fashion-MNIST, 60,000 photographs of clothes, and draws samples from the model.
# It writes demo/samples.png, demo/recon.png, demo/loss.png and demo/run/. EPOCHS and THREADS may be set.
set -eu
BUILD=${BUILD:-build}
vae=$BUILD/vae
threads=${THREADS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}
epochs=${EPOCHS:-3}

if [ -z "${VAE_DATA:-}" ] && [ ! -d /usr/share/datasets/fashion-mnist ]; then
    echo >&2 "demo: no Fashion-MNIST here: apt-get install dataset-fashion-mnist, or set VAE_DATA to a folder with its IDX files"
    exit 1
fi
mkdir -p demo
start=$(date +%s)
"$vae" train fashion-mnist --preset conv -o demo/run --force --epochs "$epochs" --seed 0 --threads "$threads"
trained=$(date +%s)

model=demo/run/last.safetensors
"$vae" sample "$model" -n 64 --seed 1 --threads "$threads" -o demo/samples.png
cp demo/run/recon.png demo/run/loss.png demo/
result=$("$vae" eval "$model" fashion-mnist --threads "$threads" --json)
# one number of the JSON object
number() { printf '%s' "$result" | tr -d ' \n' | sed "s/.*\"$1\":\(-\{0,1\}[0-9.eE+-]*\).*/\1/"; }

echo
echo "Trained $epochs epochs on $threads threads in $((trained - start)) s. On the 10,000 test images:"
printf '    ELBO  -%.2f nats per image  =  -( reconstruction %.2f + rate %.2f )\n' \
    "$(number loss)" "$(number recon)" "$(number rate)"
printf '    The closer to zero, the better the model explains images it has never seen: %.3f bits per pixel here.\n' \
    "$(number bits_per_dim)"
echo "Look at   demo/samples.png   clothes that do not exist, decoded from random numbers"
echo "          demo/recon.png     test images, and what is left of them after 32 numbers"
echo "          demo/loss.png      the loss over the steps"
