#!/bin/sh
# SPDX-License-Identifier: MIT
# check_bad_inputs.sh - runs the vae program on each file of fuzz/corpus whose name ends in .good or .bad. The program must read a good
# file, and must refuse a bad one with an exit code and a sentence that names the file, within two seconds of processor time.
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/report.sh
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
vae=${VAE:-$BUILD/vae}
corpus=$PWD/fuzz/corpus
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
OPENBLAS_NUM_THREADS=1
export OPENBLAS_NUM_THREADS
ulimit -t 2

# identity NAME SHAPE: a model that gives back what it takes
identity() {
    printf 'input %s\nencoder flatten\nlatent none\ndecoder reshape %s\nlikelihood gaussian\n' "$2" "$2" > "$1.txt"
    "$vae" train "shapes:2" --model "$1.txt" --steps 1 -o "run-$1" --quiet > log 2>&1 || { cat log; exit 1; }
    mv "run-$1/last.safetensors" "$1.safetensors"
}
identity grey 4x4x1
identity cifar 32x32x3
identity crop 8x8x3

# judge FILE VERDICT COMMAND...: runs it, wants what the verdict says
judge() {
    name=${1#"$corpus"/} verdict=$2
    shift 2
    status=0
    "$@" > log 2>&1 || status=$?
    case $verdict:$status in
    good:0) ok "$name" ;;
    bad:1 | bad:2 | bad:3)
        if grep -q '^vae: ' log; then ok "$name"; else not_ok "$name" "no sentence: $(cat log)"; fi ;;
    *) not_ok "$name" "exit status $status: $(head -c 400 log)" ;;
    esac
}

# each_of TARGET ENDING COMMAND...: the files of a target under a name with that ending, the last argument
each_of() {
    target=$1 ending=$2
    shift 2
    for file in "$corpus/$target"/*.good "$corpus/$target"/*.bad; do
        [ -e "$file" ] || continue
        cp "$file" "input$ending"
        judge "$file" "${file##*.}" "$@" "input$ending"
    done
}

encode() { "$vae" encode "$1.safetensors" "$2" -o z.npy --force; }
train() { "$vae" train shapes:2 --model "$1" --steps 1 -o run --force; }
each_of picture .png encode grey
each_of idx -idx3-ubyte encode grey
each_of npy .npy encode grey
each_of model .safetensors "$vae" info
each_of training .txt train
for file in "$corpus/wad"/*.good "$corpus/wad"/*.bad; do
    case $file in */CI*) model=cifar ;; *) model=crop ;; esac
    cp "$file" input.bin
    judge "$file" "${file##*.}" encode $model input.bin
done

# cut at every byte, none is taken for a whole file
for file in picture/PN00-stored.good idx/IX00-bytes.good npy/NP00-bytes.good; do
    size=$(wc -c < "$corpus/$file")
    taken=
    for n in $(seq 0 $((size - 1))); do
        head -c "$n" "$corpus/$file" > cut
        encode grey cut > log 2>&1
        [ $? -eq 3 ] || taken="$taken $n"
    done
    expect_empty "$file cut at each of $size bytes" "$taken"
done
finish
