#!/bin/sh
# SPDX-License-Identifier: MIT
# check_version.sh - checks that all files that name a version agree with include/vae/version.h.
. scripts/report.sh

soname=$(version_part SONAME) major=$(version_part MAJOR) minor=$(version_part MINOR) patch=$(version_part PATCH)
version=$major.$minor.$patch
expect_same 'VAE_VERSION_STRING' "$version" "$(version_part STRING)"
expect_same 'VAE_VERSION_NUMBER' "$((major * 10000 + minor * 100 + patch))" "$(version_part NUMBER)"
expect_same 'the last node of libvae.map' \
    "LIBVAE_$major.$minor" "$(sed -n 's/^\(LIBVAE_[0-9.]*\) *{.*/\1/p' libvae.map | tail -n 1)"
expect_same 'the head of CHANGELOG.md' "$version" "$(sed -n 's/^## \[\([0-9.]*\)\].*/\1/p' CHANGELOG.md | head -n 1)"
expect_same 'the soname' "libvae.so.$soname" "$(objdump -p "$BUILD/libvae.so" | awk '$1 == "SONAME" { print $2 }')"
for file in bindings/python/hatch_build.py bindings/python/vae/_library.py bindings/lua/vae.lua docs/languages.md debian/libvae0.symbols; do
    expect_same "names of the library in $file" "$soname" \
        "$(grep -oE 'libvae(\.so\.[0-9]+|-[0-9]+\.dll|\.[0-9]+\.dylib)' "$file" | grep -oE '[0-9]+' | sort -u)"
done
expect_same 'the Debian package of the library' "libvae$soname" "$(sed -n 's/^Package: \(libvae[0-9].*\)/\1/p' debian/control)"
expect_same 'the Debian version' "$version" "$(sed -n '1s/^libvae (\([0-9.]*\)-.*/\1/p' debian/changelog)"
expect_same 'the library file' "libvae.so.$version" "$(basename "$(readlink -f "$BUILD/libvae.so")")"
expect_same 'vae --version' "$version" "$("$BUILD/vae" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)"
for file in packaging/vcpkg/libvae/vcpkg.json packaging/conda/recipe.yaml bindings/wasm/package.json; do
    expect_same "$file" "$version" "$(sed -n 's/^ *"\{0,1\}version"\{0,1\}: "\([0-9.]*\)",\{0,1\}$/\1/p' $file)"
done
setup=bindings/python/pyproject.toml
[ ! -e "$setup" ] || expect_same 'the Python package' "$version" "$(sed -n 's/^version *= *"\(.*\)"/\1/p' "$setup")"
for file in bindings/rust/Cargo.toml bindings/rust/vae/Cargo.toml bindings/csharp/Vae.csproj; do
    expect_same "$file" "$version" \
        "$(sed -n 's/.*<Version>\(.*\)<.*/\1/p; s/^version = "\(.*\)"/\1/p; s/.* version = "\(.*\)" }/\1/p' $file)"
done
finish
