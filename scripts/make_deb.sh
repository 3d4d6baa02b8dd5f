#!/bin/sh
# SPDX-License-Identifier: MIT
# make_deb.sh [ROOT] - builds the Debian packages libvae0, libvae-dev, vae and python3-vae of the commit that is checked out in build/deb,
# with dpkg-buildpackage from a clean clone. lintian must find no error and no warning in them. If ROOT is given, a folder with a separate
# Debian (debootstrap --variant=minbase bookworm ROOT), autopkgtest installs the packages and their dependencies there and runs
# debian/tests: a C program is compiled and trains, Python trains, and the program vae trains and samples. This takes some minutes and is
# not a part of make check.
#
# Needs: apt-get install debhelper dh-python pybuild-plugin-pyproject python3-all python3-hatchling lintian autopkgtest debootstrap
# and the libraries of pictures that bootstrap installs.
set -eu
cd "$(dirname "$0")/.."
deb=${BUILD:-build}/deb
root=${1:-}
rm -rf "$deb"
mkdir -p "$deb"
git clone -q . "$deb/libvae"
# Debian's own Python, before any other on this machine
PATH=/usr/sbin:/usr/bin:/sbin:/bin
[ ! -d /usr/lib/ccache ] || PATH=/usr/lib/ccache:$PATH
export PATH
(cd "$deb/libvae" && dpkg-buildpackage -us -uc -b) > "$deb/log" 2>&1 || { tail -n 40 "$deb/log"; exit 1; }
lintian --allow-root --fail-on error,warning "$deb"/libvae_*.changes
[ -z "$root" ] || autopkgtest "$deb"/*.deb "$deb/libvae/" -- chroot "$root"
