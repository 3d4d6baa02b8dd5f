#!/bin/sh
# SPDX-License-Identifier: MIT
# demo_vq.sh - `make demo-vq` trains models with codebooks: the preset vq on Fashion-MNIST and vq64 on the textures of Freedoom. It writes
# reconstructions, fits a prior over the codes, and draws new pictures from the prior. It writes demo/vq_clothes_*.png,
# demo/vq_textures_*.png and the runs beside them. CLOTHES_EPOCHS, TEXTURES_EPOCHS, CLOTHES_PRIOR_EPOCHS,
# TEXTURES_PRIOR_EPOCHS and THREADS may be set.
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

# demo NAME FOLDER DATA PRESET EPOCHS AUGMENTATION EPOCHS_OF_THE_PRIOR
demo() {
    VAE_DATA=$2
    export VAE_DATA
    model=demo/vq_$1/best.safetensors
    sampler=demo/vq_$1/sampler.safetensors
    "$vae" train "$3" --preset "$4" -o "demo/vq_$1" --force --epochs "$5" --augment "$6" --seed 0 --threads "$threads"
    cp "demo/vq_$1/recon.png" "demo/vq_$1_recon.png"
    "$vae" codes "$model" "$3" --threads "$threads" -o "demo/vq_$1_codes.png" --force
    "$vae" encode "$model" "$3" --codes --threads "$threads" -o "demo/vq_$1_codes.npy" --force
    "$vae" prior "$model" "$3" --kind pixelcnn --epochs "$7" --seed 0 --threads "$threads" -o "$sampler" --force
    "$vae" sample "$sampler" -n 64 --seed 1 --threads "$threads" -o "demo/vq_$1_samples.png" --force
    "$vae" eval "$sampler" "$3" --threads "$threads"
}
mkdir -p demo
demo clothes "$clothes" fashion-mnist vq "${CLOTHES_EPOCHS:-1}" crop,flip "${CLOTHES_PRIOR_EPOCHS:-1}"
demo textures "$textures" freedoom vq64 "${TEXTURES_EPOCHS:-8}" crop,flip,rotate90 "${TEXTURES_PRIOR_EPOCHS:-20}"

echo
echo "Look at   demo/vq_clothes_recon.png, demo/vq_textures_recon.png   test images and their reconstructions from codes"
echo "          demo/vq_clothes_samples.png, demo/vq_textures_samples.png   new pictures, drawn from the prior over codes"
echo "          demo/vq_clothes_codes.png, demo/vq_textures_codes.png   how often each code is used, and what it decodes to"
echo "          demo/vq_clothes_codes.npy, demo/vq_textures_codes.npy   the codes themselves, for NumPy"
