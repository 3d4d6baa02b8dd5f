#!/bin/sh
# SPDX-License-Identifier: MIT
# `make demo-vq`: codebooks. Train the preset vq on Fashion-MNIST and vq64 on the textures of Freedoom, and look at what
# a few hundred codes can say. Writes demo/vq_clothes_*.png, demo/vq_textures_*.png and the runs beside them.
# CLOTHES_EPOCHS, TEXTURES_EPOCHS and THREADS may be set.
set -eu
BUILD=${BUILD:-build}
vae=$BUILD/vae
threads=${THREADS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}

# folder_of FILE DEBIANS_FOLDER: where the data is, the folder named by VAE_DATA first
folder_of() {
    for folder in "${VAE_DATA:-}" "$2"; do
        [ -z "$folder" ] || [ ! -e "$folder/$1" ] || { echo "$folder"; return; }
    done
}
clothes=$(folder_of train-images-idx3-ubyte.gz /usr/share/datasets/fashion-mnist)
textures=$(folder_of freedoom1.wad /usr/share/games/doom)
if [ -z "$clothes" ] || [ -z "$textures" ]; then
    echo >&2 "demo-vq: wanted Fashion-MNIST and Freedoom: apt-get install dataset-fashion-mnist freedoom, or set VAE_DATA to" \
        "a folder with the files of both"
    exit 1
fi

# demo NAME FOLDER DATA PRESET EPOCHS AUGMENTATION
demo() {
    VAE_DATA=$2
    export VAE_DATA
    model=demo/vq_$1/last.safetensors
    "$vae" train "$3" --preset "$4" -o "demo/vq_$1" --force --epochs "$5" --augment "$6" --seed 0 --threads "$threads"
    cp "demo/vq_$1/recon.png" "demo/vq_$1_recon.png"
    "$vae" codes "$model" "$3" --threads "$threads" -o "demo/vq_$1_codes.png" --force
    "$vae" encode "$model" "$3" --codes --threads "$threads" -o "demo/vq_$1_codes.npy" --force
    "$vae" eval "$model" "$3" --threads "$threads"
}
mkdir -p demo
demo clothes "$clothes" fashion-mnist vq "${CLOTHES_EPOCHS:-1}" crop,flip
demo textures "$textures" freedoom vq64 "${TEXTURES_EPOCHS:-8}" crop,flip,rotate90

echo
echo "Look at   demo/vq_clothes_recon.png, demo/vq_textures_recon.png   test images, and what is left of them in codes"
echo "          demo/vq_clothes_codes.png, demo/vq_textures_codes.png   how often each code is used, and what it stands for"
echo "          demo/vq_clothes_codes.npy, demo/vq_textures_codes.npy   the codes themselves, for NumPy"
