#!/bin/sh
# SPDX-License-Identifier: MIT
# coverage.sh - `make coverage` runs the C tests, the program's tests and the corpus of fuzz/ in a build that measures coverage. It prints
# the lines and branches of each file, and fails below the minimum values, which are defined only here. The corpus runs first, alone: the
# last column shows which share of a loader's branches the corpus reaches without any other test.
#
# A branch is one outcome of a condition in the source; `a && b` has four. Two kinds of branches are not counted: those in the arithmetic
# of the instruction sets (lib/kernel/*.tmpl.h and simd_*.h), because the optimisation copies and removes branches there (their lines are
# counted), and those that the source marks with LCOV_EXCL_START or LCOV_EXCL_BR_LINE and a reason, at most ten places.
#
# BUILD/coverage.info is a file for lcov: `genhtml -o DIR` shows it. `MISSING=yes make coverage` lists the lines and branches that no test
# reaches.
set -eu
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
tree=$BUILD/coverage
. scripts/report.sh

# floors in percent: lines and branches of every loader (all but one: two folders of one number on two devices in folder.c), what the
# corpus alone takes of the branches of all loaders, lines of every other file of the library, branches of the library as a whole
loader_lines=100 loader_branches=98 corpus_branches=96 file_lines=95 library_branches=90
most_marks=10

# the readers of files: all of lib/io, model files and checkpoints, and the program's readers of data and of runs
loaders='lib/io/[^/]*|lib/api/(model_file|trainer_file)\.c|src/(npy|wad|bitmap|bitmap_fit|bitmap_(png|jpeg|webp|gif|tiff|bmp|pnm)'
loaders="$loaders|exif|data|data_cifar|data_folder|data_idx|data_npy|data_wad|files|folder|jsonl|run|settings)\.c"

# capture FILE: lcov's file of what has run since the counts were last removed
capture() {
    lcov --quiet --capture --rc lcov_branch_coverage=1 --directory "$tree/obj/lib" --directory "$tree/obj/src" --output-file "$1" \
        2> "$tree/lcov.log" || { cat "$tree/lcov.log"; exit 1; }
}

# run NAME COMMAND...: a part of the tests, which must pass, or its counts are those of a broken tree
run() {
    name=$1
    shift
    began=$(date +%s)
    if BUILD=$PWD/$tree "$@" > "$tree/$name.log" 2>&1; then
        ok "$name, $(($(date +%s) - began)) s"
    else
        not_ok "$name" "$(grep -v '^ok ' "$tree/$name.log" | tail -n 5)"
    fi
}

find "$tree" -name '*.gcda' -delete
for target in fuzz/corpus/*; do run "corpus_${target##*/}" "$tree/fuzz_${target##*/}" "$target"; done
capture "$BUILD/coverage-corpus.info"
run check_vae env CK_FORK=no "$tree/check_vae" &
# a shell lets what runs in the background ignore Ctrl-C, and who is called by nohup ignores a hang-up: the tests send such signals
signals=
env --default-signal=INT,QUIT,HUP true 2> /dev/null && signals='env --default-signal=INT,QUIT,HUP'
for script in check_data check_bad_inputs check_runs check_program check_failures; do run "$script" $signals sh "tests/$script.sh"; done
wait
capture "$BUILD/coverage.info"

# one line a file: name, lines, reached, branches, taken. An inline function of a header counts once, wherever it was compiled.
by_file() {
    awk -v missing="${MISSING:-}" '
        /^SF:/ { file = ""; if (match($0, /(lib(\/[a-z]+)+|src)\/[^\/]*$/) && $0 !~ /\/gcc\//) file = substr($0, RSTART) }
        file == "" { next }
        /^DA:/ { split($0, a, /[:,]/); line[file "," a[2]] += a[3] }
        /^BRDA:/ && file !~ /(tmpl\.h|simd_[a-z0-9]*\.h)$/ {
            split($0, a, /[:,]/)
            branch[file "," a[2] "," (file ~ /\.h$/ ? 0 : a[3]) "," a[4]] += a[5] == "-" ? 0 : a[5]
        }
        END {
            for (k in line) { split(k, a, ","); files[a[1]]; lines[a[1]]++; reached[a[1]] += line[k] > 0 }
            for (k in branch) { split(k, a, ","); branches[a[1]]++; taken[a[1]] += branch[k] > 0 }
            for (f in files) printf "%s %d %d %d %d\n", f, lines[f], reached[f], branches[f], taken[f]
            if (missing == "") exit
            for (k in line) if (line[k] == 0) { split(k, a, ","); print a[1] ":" a[2] ": no test comes here" > "/dev/stderr" }
            for (k in branch) if (branch[k] == 0) { split(k, a, ","); print a[1] ":" a[2] ": branch " a[4] " is not taken" > "/dev/stderr" }
        }' "$1" | sort
}
by_file "$BUILD/coverage.info" 2> "$tree/missing" > "$tree/files"
MISSING='' by_file "$BUILD/coverage-corpus.info" > "$tree/corpus"
[ -z "${MISSING:-}" ] || sort -t : -k 1,1 -k 2,2n "$tree/missing"

marks=$(grep -rE 'LCOV_EXCL_(START|LINE|BR_LINE)' lib src | wc -l)
expect_same 'marks of branches that are not counted' yes "$([ "$marks" -le $most_marks ] && echo yes || echo "$marks")"

# the table, and behind it the sentences of what lies below its floor
awk -v loaders="^($loaders)$" -v ll=$loader_lines -v lb=$loader_branches -v cb=$corpus_branches -v fl=$file_lines -v tb=$library_branches '
    function percent(part, all) { return all ? 100 * part / all : 100 }
    function below(what, got, floor) { if (got < floor) fault[++faults] = sprintf("%s: %.1f %%, wanted %d", what, got, floor) }
    FNR == NR { corpus[$1] = $5; next }
    FNR == 1 { printf "%-32s %7s %6s %9s %6s %9s\n", "file", "lines", "%", "branches", "%", "corpus %" }
    {
        is_loader = $1 ~ loaders
        row = sprintf("%-32s %7d %6.1f %9d %6.1f", $1, $2, percent($3, $2), $4, percent($5, $4))
        print row (is_loader ? sprintf(" %9.1f", percent(corpus[$1], $4)) : "")
        if ($1 ~ /^lib/) { all[1] += $2; all[2] += $3; all[3] += $4; all[4] += $5 }
        if (is_loader) {
            load[1] += $2; load[2] += $3; load[3] += $4; load[4] += $5; load[5] += corpus[$1]
            below($1 ": lines", percent($3, $2), ll)
            below($1 ": branches", percent($5, $4), lb)
        } else if ($1 ~ /^lib/) {
            below($1 ": lines", percent($3, $2), fl)
        }
    }
    END {
        printf "%-32s %7d %6.1f %9d %6.1f %9.1f\n", "loaders", load[1], percent(load[2], load[1]), load[3], percent(load[4], load[3]),
            percent(load[5], load[3])
        printf "%-32s %7d %6.1f %9d %6.1f\n", "the library", all[1], percent(all[2], all[1]), all[3], percent(all[4], all[3])
        below("loaders: branches by the corpus alone", percent(load[5], load[3]), cb)
        below("the library: branches", percent(all[4], all[3]), tb)
        for (i = 1; i <= faults; i++) print "below: " fault[i]
    }' "$tree/corpus" "$tree/files" > "$tree/table"
grep -v '^below: ' "$tree/table"
expect_empty 'floors of lines and branches' "$(sed -n 's/^below: //p' "$tree/table")"
finish
