#!/bin/sh
# SPDX-License-Identifier: MIT
# dist.sh - `make dist` writes to build/dist: libvae-VERSION.tar.gz of the commit that is checked out, libvae-VERSION-amalgamation.tar.gz
# (vae.c, vae.h, LICENSE), the bill of materials, libvae.rb for Homebrew, and SHA256SUMS. URL=https://... is the address where the files
# will be published. Names, owners and times in the tarballs depend only on the commit, so that equal commits give equal bytes.
set -eu
dist=$BUILD/dist
name=libvae-$VERSION
if [ -n "$(git status --porcelain)" ]; then
    echo "dist: the tree has changes that are in no commit; a release is made from a commit" >&2
    exit 1
fi
rm -rf "$dist"
mkdir -p "$dist/$name-amalgamation"
when=$(git log -1 --format=%ct)
git archive --format=tar --prefix="$name/" HEAD | gzip -n9 > "$dist/$name.tar.gz"
cp "$BUILD/amalgamation/vae.c" "$BUILD/amalgamation/vae.h" LICENSE "$dist/$name-amalgamation/"
tar --sort=name --owner=0 --group=0 --numeric-owner --mode='u=rw,go=r,a+X' --mtime="@$when" --format=ustar \
    -C "$dist" -cf - "$name-amalgamation" | gzip -n9 > "$dist/$name-amalgamation.tar.gz"
rm -r "$dist/$name-amalgamation"
scripts/sbom.py "$dist/$name.spdx.json"
sum=$(sha256sum < "$dist/$name.tar.gz" | cut -d ' ' -f 1)
sed -e '2d' -e "s|@VERSION@|$VERSION|; s|@SHA256@|$sum|" -e "s|@URL@|${URL:-https://example.org}|" \
    packaging/homebrew/libvae.rb.in > "$dist/libvae.rb"
(cd "$dist" && sha256sum ./*.tar.gz > SHA256SUMS && cat SHA256SUMS)
