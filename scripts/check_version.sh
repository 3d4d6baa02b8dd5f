#!/bin/sh
# SPDX-License-Identifier: MIT
# include/vae/version.h has the version; everything else that names one agrees with it.
. scripts/report.sh

major=$(version_part MAJOR) minor=$(version_part MINOR) patch=$(version_part PATCH)
version=$major.$minor.$patch
expect_same 'VAE_VERSION_STRING' "$version" "$(version_part STRING)"
expect_same 'VAE_VERSION_NUMBER' "$((major * 10000 + minor * 100 + patch))" "$(version_part NUMBER)"
expect_same 'the last node of libvae.map' \
    "LIBVAE_$major.$minor" "$(sed -n 's/^\(LIBVAE_[0-9.]*\) *{.*/\1/p' libvae.map | tail -n 1)"
expect_same 'the head of CHANGELOG.md' "$version" "$(sed -n 's/^## \[\([0-9.]*\)\].*/\1/p' CHANGELOG.md | head -n 1)"
expect_same 'the soname' "libvae.so.$major" "$(objdump -p "$BUILD/libvae.so" | awk '$1 == "SONAME" { print $2 }')"
expect_same 'the library file' "libvae.so.$version" "$(basename "$(readlink -f "$BUILD/libvae.so")")"
expect_same 'vae --version' "$version" "$("$BUILD/vae" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)"
setup=bindings/python/pyproject.toml
[ ! -e "$setup" ] || expect_same 'the Python package' "$version" "$(sed -n 's/^version *= *"\(.*\)"/\1/p' "$setup")"
finish
