#!/bin/sh
# SPDX-License-Identifier: MIT
# coverage.sh - `make coverage`: runs the C tests, the program's tests and the corpus of fuzz/ in a build that counts,
# prints lines and branches by folder, and fails below the floors, which are stated here and nowhere else.
#
# BUILD/coverage.info is lcov's file: genhtml -o DIR it, or look for what is not reached with
#     awk '/^SF:/ {f=$0} /^DA:[0-9]*,0$/ {print f, $0}' BUILD/coverage.info
set -eu
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
tree=$BUILD/coverage
. scripts/report.sh

# floors of lines and branches in percent; `loaders` are lib/io and the program's readers of files
floor() {
    case $1 in
    loaders) echo 95 85 ;;
    src) echo 75 60 ;;
    *) echo 95 80 ;;
    esac
}
loaders='npy|wad|bitmap|bitmap_png|bitmap_jpeg|data_npy|data_idx|data_cifar|data_wad'

if [ -z "${COUNTED:-}" ]; then
    find "$tree" -name '*.gcda' -delete
    "$tree/check_vae" > "$tree/check_vae.log" 2>&1 || tail -n 3 "$tree/check_vae.log"
    BUILD=$tree sh tests/check_program.sh > "$tree/program.log" 2>&1 || tail -n 1 "$tree/program.log"
    BUILD=$tree sh tests/check_bad_inputs.sh > "$tree/bad.log" 2>&1 || tail -n 1 "$tree/bad.log"
    for target in fuzz/corpus/*; do "$tree/fuzz_${target##*/}" "$target" > /dev/null; done
fi
lcov --quiet --capture --rc lcov_branch_coverage=1 --directory "$tree/obj/lib" --directory "$tree/obj/src" \
    --output-file "$BUILD/coverage.info" 2> "$tree/lcov.log" || tail -n 5 "$tree/lcov.log"

awk -v loaders="^($loaders)$" '
    /^SF:/ {
        file = $0; sub(/^SF:/, "", file)
        if (match(file, /(lib\/[a-z]+|src)\//)) folder = substr(file, RSTART, RLENGTH - 1); else folder = ""
        name = file; sub(/.*\//, "", name); sub(/\.[a-z.]*$/, "", name)
        if (folder == "lib/io" || (folder == "src" && name ~ loaders)) folder = "loaders"
    }
    folder != "" && /^DA:/ { split($0, a, /[:,]/); lines[folder]++; if (a[3] > 0) reached[folder]++ }
    folder != "" && /^BRDA:/ { split($0, a, /[:,]/); branches[folder]++; if (a[5] != "-" && a[5] > 0) taken[folder]++ }
    END {
        for (f in lines)
            printf "%s %d %d %d %d\n", f, lines[f], reached[f], branches[f], taken[f]
    }' "$BUILD/coverage.info" | sort > "$tree/folders"

printf '%-12s %8s %8s %10s %8s\n' folder lines % branches %
while read -r folder lines reached branches taken; do
    read -r least_lines least_branches << LEAST
$(floor "$folder")
LEAST
    line=$(awk "BEGIN { printf \"%.1f\", 100 * $reached / $lines }")
    branch=$(awk "BEGIN { printf \"%.1f\", $branches ? 100 * $taken / $branches : 100 }")
    printf '%-12s %8d %8s %10d %8s\n' "$folder" "$lines" "$line" "$branches" "$branch"
    if awk "BEGIN { exit !($line >= $least_lines && $branch >= $least_branches) }"; then
        ok "$folder" > /dev/null
    else
        not_ok "$folder: wanted $least_lines % of lines, $least_branches % of branches"
    fi
done < "$tree/folders"
finish
