#!/bin/sh
# SPDX-License-Identifier: MIT
# check_exports.sh - compares three lists, which must be equal: the functions that the headers declare, the version map, and the symbols of
# the shared library. In the static library every external name must start with vae_ or vaei_, so that no name can collide with one of the
# host.
. scripts/report.sh

headers=$(header_functions)
map=$(sed -n 's/^ *\(vae_[a-z0-9_]*\);.*/\1/p' libvae.map | sort)
library=$(nm -D --defined-only "$BUILD/libvae.so" | awk '$2 ~ /[TDBRVW]/ { sub(/@.*/, "", $3); print $3 }' | sort)

# difference A B: the lines of one list that the other lacks
difference() {
    printf '%s\n' "$1" > "$tmp/a"
    printf '%s\n' "$2" > "$tmp/b"
    diff "$tmp/a" "$tmp/b" | grep '^[<>]'
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

[ -n "$headers" ] && ok "$(echo "$headers" | wc -l) functions in the headers" || not_ok 'the headers declare no functions'
expect_empty 'headers and version map agree (< header, > map)' "$(difference "$headers" "$map")"
expect_empty 'headers and libvae.so agree (< header, > library)' "$(difference "$headers" "$library")"

nodes=$(nm -D --defined-only "$BUILD/libvae.so" | awk '$2 == "A" { print $3 }' | sed 's/@.*//' | sort -u)
expect_same 'version nodes' "LIBVAE_$(version_part MAJOR).$(version_part MINOR)" "$(echo "$nodes" | tail -n 1)"

foreign=$(nm -g --defined-only "$BUILD/libvae.a" 2>/dev/null | awk 'NF == 3 && $3 !~ /^vaei?_/ { print $3 }' | sort -u)
expect_empty 'external names of libvae.a start with vae_ or vaei_' "$foreign"
finish
