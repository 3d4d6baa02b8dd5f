#!/bin/sh
# SPDX-License-Identifier: MIT
# What meson.build asks of the tree, so that no list is kept there:
#
#   meson_query.sh version     of include/vae/version.h
#   meson_query.sh sources     the .c files of the library, one a line
cd "$(dirname "$0")/.." || exit 1
case ${1:-} in
version) sed -n 's/^#define VAE_VERSION_STRING  *"\(.*\)"/\1/p' include/vae/version.h ;;
sources) find lib -name '*.c' | sort ;;
*) echo "meson_query.sh: '${1:-}', wanted version or sources" >&2; exit 2 ;;
esac
