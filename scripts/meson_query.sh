#!/bin/sh
# SPDX-License-Identifier: MIT
# meson_query.sh - answers the queries of meson.build, so that meson.build needs no lists:
#
#   meson_query.sh version     the version in include/vae/version.h
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
