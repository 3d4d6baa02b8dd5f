#!/bin/sh
# SPDX-License-Identifier: MIT
# reproducible.sh - `make check-reproducible` checks that equal sources give equal bytes. It builds libvae.a, libvae.so and the program
# twice, in two folders, with a different umask, locale, time zone and number of jobs.
. scripts/report.sh
CFLAGS=${CFLAGS:--O2 -g}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# built FOLDER JOBS: copies the sources there and builds them
built() {
    mkdir -p "$tmp/$1"
    cp -R Makefile libvae.map vae.pc.in include lib src "$tmp/$1/"
    ${MAKE:-make} -s --no-print-directory -C "$tmp/$1" -j"$2" CC="$CC" CFLAGS="$CFLAGS" BLAS="${BLAS:-openblas}" BUILD=build all \
        > "$tmp/log" 2>&1 ||
        not_ok "the build in $1" "$(tail -n 5 "$tmp/log")"
}
(umask 022 && LC_ALL=C TZ=UTC built one 2)
(umask 077 && LC_ALL=C.UTF-8 TZ=Pacific/Auckland built another/folder 1)
for name in libvae.a libvae.so vae; do
    sum=$(sha256sum < "$tmp/one/build/$name" | cut -d ' ' -f 1)
    expect_same "$name is the same from another folder: sha256 $sum" "$sum" \
        "$(sha256sum < "$tmp/another/folder/build/$name" | cut -d ' ' -f 1)"
done
finish
