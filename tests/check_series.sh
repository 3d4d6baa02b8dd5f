#!/bin/sh
# SPDX-License-Identifier: MIT
# check_series.sh - tests the program with time series: lines of numbers as steps or as examples, an array of series, and data that it
# must refuse.
. scripts/report.sh

vae=$PWD/$BUILD/vae
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

expect_exit() { # expect_exit WHAT CODE WORDS COMMAND...
    what=$1 code=$2 words=$3
    shift 3
    "$@" > out 2> err
    got=$?
    if [ $got -eq "$code" ] && { [ -z "$words" ] || grep -q "$words" out err; }; then ok "$what"
    else not_ok "$what" "exit $got: $(head -n 3 err)"; fi
}

awk 'BEGIN { print "first,second"; for (i = 0; i < 650; i++) printf "%.4f,%.4f\n", sin(i * 0.3), cos(i * 0.2) }' > waves.csv
cat > model.txt <<'END'
input      32x2
encoder    lstm out=12 | last
latent     gaussian dim=4
decoder    spread steps=32 | positions kind=sinusoidal | lstm out=12 | linear out=2
likelihood gaussian sigma=optimal
END
expect_exit 'lines are steps of a series' 0 'the last 10 lines are no whole series' \
    "$vae" train waves.csv --model model.txt --epochs 3 --batch 6 -o run
expect_exit 'so many steps are an example' 0 '18 examples to train on, 2 to validate' \
    "$vae" train waves.csv --model model.txt --epochs 1 --batch 6 -o again
expect_exit 'samples of series are an array' 0 '' "$vae" sample run -n 3 -o three.npy
expect_exit 'eval takes series' 0 'recon' "$vae" eval run waves.csv
tr ',' ';' < waves.csv | sed 1d > waves2.csv
expect_exit 'semicolons are separators, and there may be no heading' 0 '18 examples' \
    "$vae" train waves2.csv --model model.txt --epochs 1 --batch 6 -o third

printf 'input 3\nencoder linear out=4\nlatent gaussian dim=2\ndecoder linear out=3\nlikelihood gaussian\n' > flat.txt
printf '1\t2\t3\n4\t5\t-6e-1\n7\t8\t9\n' > table.tsv
expect_exit 'a line is an example of a model of as many values' 0 '2 examples to train on, 1 to validate' \
    "$vae" train table.tsv --model flat.txt --epochs 1 --batch 2 -o flat
expect_exit 'lines of other sizes are refused' 3 'the examples are 2, the model wants 3' "$vae" train waves2.csv --model flat.txt -o none
wrong() { # wrong WHAT WORDS TEXT
    printf "$3" > wrong.csv
    expect_exit "$1" 3 "$2" "$vae" train wrong.csv --model flat.txt -o none
}
wrong 'a word is refused with its line and field' 'wrong.csv: line 2, field 3 is no finite number: "x"' '1,2,3\n1,2,x\n'
wrong 'nan is refused' 'line 2, field 1 is no finite number' '1,2,3\nnan,2,3\n'
wrong 'a short line is refused' 'line 2 has fewer than the 3 numbers' '1,2,3\n1,2\n'
wrong 'a long line is refused' 'line 2 has more than the 3 numbers' '1,2,3\n1,2,3,4\n'
wrong 'an empty field is refused' 'line 1, field 2 is no finite number' '1,,3\n'
wrong 'a heading alone is refused' 'there is no line of numbers in it' 'a,b,c\n'
wrong 'a zero byte is refused' 'a zero byte' '1,2,3\n4,5\0006\n'
finish
