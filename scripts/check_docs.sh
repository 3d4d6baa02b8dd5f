#!/bin/sh
# SPDX-License-Identifier: MIT
# check_docs.sh - checks the documents: their code compiles and runs, their texts are models, their links lead to files, docs/spec.md is
# what the library generates, and names and numbers are those of the code (doc_names.py). The word after ```c says how a block is tested:
#
#     ```c          declarations and functions: compiled
#     ```c body     statements, compiled inside a function that has the variables of scripts/docs_body.h
#     ```c lib      a file of the library: compiled with its internal headers; equal to the file of that name in lib/ or tests/, if any
#     ```c part     all parts of one document together are a program: compiled, linked, run
#     ```vae        a text of a model (if it has an input section) or of a training: the library must accept it
. scripts/report.sh

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
libs=$(make -s --no-print-directory BLAS="${BLAS:-openblas}" print-OUR_LDLIBS 2>/dev/null || echo '-lm -pthread')
documents="README.md CONTRIBUTING.md $(find docs examples bindings -name '*.md' 2>/dev/null | sort | tr '\n' ' ')"

if CC="$CC" BUILD="$BUILD" LIBS="$libs" sh scripts/make_spec_doc.sh > "$tmp/spec.md" 2> "$tmp/log"; then
    expect_empty 'docs/spec.md is what make docs writes' "$(diff docs/spec.md "$tmp/spec.md" | head -n 10)"
else
    not_ok 'make docs' "$(head -n 5 "$tmp/log")"
fi

compile() { "$CC" -std=c11 -Wall -Wextra -Werror -Wno-unused -Iinclude -Iscripts "$@" > "$tmp/log" 2>&1; }

compiles() { # compiles WHERE FILE FLAGS...
    where=$1
    shift
    if compile -fsyntax-only "$@"; then ok "$where compiles"; else not_ok "$where" "$(head -n 5 "$tmp/log")"; fi
}

for document in $documents; do
    slug=$(echo "$document" | tr '/.' '__')
    # each block into a file of its own, named by its line and its kind
    awk -v dir="$tmp" -v slug="$slug" '
        /^```/ && out { close(out); out = ""; next }
        /^```(c|vae)( |$)/ { kind = $1 "_" $2; gsub(/`/, "", kind)
            out = kind == "c_part" ? dir "/" slug ".part.c" : dir "/" slug "." NR "." kind
            if (kind == "c_part") { printf "#line %d \"%s\"\n", NR + 1, FILENAME >> out } else printf "" > out
            next }
        out { print >> out }' "$document"
    for block in "$tmp/$slug".*; do
        [ -e "$block" ] || continue
        line=$(basename "$block" | cut -d. -f2)
        case $block in
        *.part.c)
            if compile -O1 -o "$tmp/program" "$block" "$BUILD/libvae.a" $libs &&
                (cd "$tmp" && ./program > log 2>&1); then
                ok "$document: the program in it builds and runs"
            else
                not_ok "$document: the program in it" "$(head -n 5 "$tmp/log")"
            fi ;;
        *.c_)
            { echo '#include <vae/vae.h>'; cat "$block"; } > "$tmp/top.c"
            compiles "$document:$line" "$tmp/top.c" ;;
        *.c_lib)
            cp "$block" "$tmp/lib.c"
            compiles "$document:$line" "$tmp/lib.c" -Ilib
            name=$(sed -n '2s/^ \* \([a-z_0-9]*\.c\) - .*/\1/p' "$block")
            file=$(find lib tests -name "${name:-none}")
            [ -z "$file" ] || expect_empty "$document:$line is $file" "$(diff "$file" "$block" | head -n 5)" ;;
        *.c_body)
            { printf '#include "docs_body.h"\nint body(void);\nint body(void) {\n'; cat "$block"; echo 'return 0; }'; } > "$tmp/body.c"
            compiles "$document:$line" "$tmp/body.c" ;;
        *.vae_)
            if "$BUILD/spec_doc" --text < "$block" > "$tmp/log" 2>&1; then ok "$document:$line is a valid text"
            else not_ok "$document:$line" "$(cat "$tmp/log")"; fi ;;
        *) not_ok "$document:$line: a block of unknown kind" ;;
        esac
    done
    folder=$(dirname "$document")
    broken=$(grep -oE '\]\([^)#: ]+[)#]' "$document" | sed 's/^](//; s/[)#]$//' | while read -r link; do
        [ -e "$folder/$link" ] || echo "$link"
    done)
    expect_empty "$document: its links lead to files" "$broken"
done

if ! command -v python3 > /dev/null; then
    echo "skipped: names and numbers in the documents, there is no python3"
elif ! PYTHONDONTWRITEBYTECODE=1 python3 scripts/doc_names.py "$BUILD/vae" > "$tmp/names" 2> "$tmp/log"; then
    not_ok 'doc_names.py' "$(tail -n 3 "$tmp/log")"
else
    while IFS= read -r line; do
        case $line in "ok "*) ok "${line#ok }" ;; *) not_ok "${line#not ok }" ;; esac
    done < "$tmp/names"
fi
finish
