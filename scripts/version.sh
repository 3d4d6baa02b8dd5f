#!/bin/sh
# SPDX-License-Identifier: MIT
# What meson.build asks: the version of include/vae/version.h, or with `sources` the .c files of the library, one a line.
cd "$(dirname "$0")/.." || exit 1
case ${1:-} in
sources) find lib -name '*.c' | sort ;;
'') sed -n 's/^#define VAE_VERSION_STRING  *"\(.*\)"/\1/p' include/vae/version.h ;;
*) echo "version.sh: $1 is not known" >&2; exit 2 ;;
esac
