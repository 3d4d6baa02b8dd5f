#!/bin/sh
# SPDX-License-Identifier: MIT
# make_spec_doc.sh - `make docs` runs it to print docs/spec.md: the introduction, then every module with its options from the tables of
# the library.
set -eu
BUILD=${BUILD:-build}
mkdir -p "$BUILD"
# a compiler's flags are a list
# shellcheck disable=SC2086
${CC:-cc} -O1 ${CFLAGS:-} -Iinclude -o "$BUILD/spec_doc" scripts/spec_doc.c "$BUILD/libvae.a" ${LIBS:--lm -pthread}
cat scripts/spec_intro.md
"$BUILD/spec_doc"
