#!/bin/sh
# SPDX-License-Identifier: MIT
# check_layers.sh - checks the includes of each floor. A floor includes itself and lower floors, and of the public headers only status.h and
# version.h; only api includes all public headers. The program and the examples include public headers only.
. scripts/report.sh

floors='base kernel nn vae io import api'

# includes FILE...: "file header" for each #include of ours, with the quotes or brackets
includes() {
    grep -HoE '^[[:space:]]*#[[:space:]]*include[[:space:]]+["<][^">]+[">]' "$@" /dev/null | sed -E 's/:.*include[[:space:]]+/ /'
}

allowed=
for floor in $floors; do
    allowed="$allowed $floor"
    files=$(find "lib/$floor" -name '*.[ch]' -o -name '*.def' | sort)
    wrong=$([ -z "$files" ] || includes $files | while read -r file header; do
        name=$(echo "$header" | tr -d '"<>')
        case $header in
        '<vae/status.h>' | '<vae/version.h>') continue ;;
        '<vae/'*) [ "$floor" = api ] || echo "$file includes the public $name"; continue ;;
        '<'*) continue ;;
        esac
        case $name in
        */*) below=${name%%/*} ;;
        *) below=$floor ;;
        esac
        case " $allowed " in
        *" $below "*) [ -e "lib/$below/${name#*/}" ] || echo "$file includes $name, which is not in lib/$below" ;;
        *) echo "$file includes $name, from a floor above" ;;
        esac
    done)
    if [ -z "$files" ]; then not_ok "lib/$floor has no files"
    else expect_empty "lib/$floor includes lower floors only" "$wrong"; fi
done

# public_only WHAT FOLDERS...: only <vae/...>, system headers and what lies beside
public_only() {
    what=$1
    shift
    files=$(find "$@" \( -name '*.[ch]' -o -name '*.hpp' \) | sort)
    wrong=$([ -z "$files" ] || includes $files | while read -r file header; do
        name=$(echo "$header" | tr -d '"<>')
        case $header in
        '<'* | '"vae/'*) continue ;;
        esac
        [ -e "$(dirname "$file")/$name" ] || echo "$file includes $name"
    done)
    expect_empty "$what" "$wrong"
}
public_only 'the program uses the public headers only' src
public_only 'the examples use the public headers only' examples
public_only 'the public headers include each other only' include
public_only 'the C++ binding uses the public headers only' bindings/cpp
finish
