#!/bin/sh
# SPDX-License-Identifier: MIT
# What meson.build asks of the tree, so that no list is kept there:
#
#   meson_query.sh version     of include/vae/version.h
#   meson_query.sh soversion   the number in the name of the shared library
#   meson_query.sh sources     the .c files of the library, one a line
cd "$(dirname "$0")/.." || exit 1
. scripts/report.sh
case ${1:-} in
version) version_part STRING ;;
soversion) version_part SONAME ;;
sources) find lib -name '*.c' | sort ;;
*) echo "meson_query.sh: '${1:-}', wanted version, soversion or sources" >&2; exit 2 ;;
esac
