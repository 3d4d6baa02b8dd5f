#!/bin/sh
# SPDX-License-Identifier: MIT
# check_words.sh - tests the program with models of tokens: lines of a text as examples, samples and interpolations as lines, and data
# that it must refuse.
. scripts/report.sh

vae=$PWD/$BUILD/vae
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

for i in 1 2 3 4 5 6 7 8 9 10; do printf 'cat\r\nDog\nhorse\n\nit is\nhippopotamusandantelopes\n'; done > animals.txt
expect_exit() { # expect_exit WHAT CODE WORDS COMMAND...
    what=$1 code=$2 words=$3
    shift 3
    "$@" > out 2> err
    got=$?
    if [ $got -eq "$code" ] && { [ -z "$words" ] || grep -q "$words" out err; }; then ok "$what"
    else not_ok "$what" "exit $got: $(head -n 3 err)"; fi
}

expect_exit 'lines become examples, and the others are counted' 0 'animals.txt: 30 of 60 lines are taken' \
    "$vae" train animals.txt --preset text-gru --set decoder.3.out=24 --set encoder.1.out=16 --epochs 40 --batch 9 -o run
expect_same 'an epoch leaves samples as lines' 64 "$(wc -l < run/samples/epoch_0040.txt)"
expect_exit 'samples go to stdout' 0 '^[a-z]*$' "$vae" sample run -n 5
expect_same 'samples are as many lines' 5 "$(wc -l < out)"
cp out shown
expect_exit 'samples go to a file' 0 '' "$vae" sample run -n 5 -o five.txt
expect_same 'the file holds what stdout shows' "$(cat shown)" "$(cat five.txt)"
expect_exit 'samples go to an array' 0 '' "$vae" sample run -n 5 -o five.npy
expect_exit 'a walk goes from word to word' 0 '' "$vae" interp run animals.txt -n 2 --steps 4
expect_same 'a walk has its steps, and an empty line between two' 9 "$(wc -l < out)"
expect_exit 'eval takes text' 0 'recon' "$vae" eval run animals.txt
expect_exit 'text is for models of tokens' 3 'no data file that is known here' "$vae" train animals.txt --preset dense -o other
expect_exit 'there is no alphabet of 30 tokens' 3 'text is of 27, 96 or 256 tokens, the model has 30' \
    "$vae" train animals.txt --preset text-gru --set input.tokens=30 --set decoder.4.out=30 -o other
printf 'A1\n{x}\n~ ~\n' > signs.txt
expect_exit 'ninety-six tokens are printable characters' 0 '2 examples to train on, 1 to validate' \
    "$vae" train signs.txt --preset text-gru --set input.tokens=96 --set decoder.4.out=96 --epochs 1 -o signs
expect_exit 'a text without a line that fits is refused' 3 'there is no example in it' \
    "$vae" train signs.txt --preset text-gru -o none
finish
