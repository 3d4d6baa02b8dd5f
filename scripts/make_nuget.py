#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_nuget.py WHEELS FOLDER - `make nuget` writes libvae.native.VERSION.nupkg to FOLDER, from the wheels of `make wheels`.

A .nupkg is a zip file with the .nuspec, its place in _rels, the types of its files, and the library of each system in
runtimes/RID/native, where .NET searches for it. A program calls the library by [DllImport("vae")]; the files have the names that .NET
tries. Equal wheels give equal bytes."""
from __future__ import annotations

import fnmatch
import pathlib
import sys
import zipfile

# the end of a wheel's name: the system as .NET calls it, the name of the library there
RUNTIMES = {
    "manylinux*_x86_64": ("linux-x64", "libvae.so"), "manylinux*_aarch64": ("linux-arm64", "libvae.so"),
    "musllinux*_x86_64": ("linux-musl-x64", "libvae.so"), "musllinux*_aarch64": ("linux-musl-arm64", "libvae.so"),
    "win_amd64": ("win-x64", "vae.dll"), "win_arm64": ("win-arm64", "vae.dll"),
    "macosx*_x86_64": ("osx-x64", "libvae.dylib"), "macosx*_arm64": ("osx-arm64", "libvae.dylib"),
}
RELATIONS = """<?xml version="1.0" encoding="utf-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
  <Relationship Type="http://schemas.microsoft.com/packaging/2010/07/manifest" Target="/libvae.native.nuspec" Id="R1" />
</Relationships>
"""
TYPES = """<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
  <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml" />
  <Default Extension="nuspec" ContentType="application/octet" />
  <Default Extension="so" ContentType="application/octet" />
  <Default Extension="dll" ContentType="application/octet" />
  <Default Extension="dylib" ContentType="application/octet" />
  <Override PartName="/LICENSE" ContentType="application/octet" />
</Types>
"""


def libraries(wheels: pathlib.Path) -> dict[str, bytes]:
    """{place in the package: the library} of every wheel of the table."""
    found = {}
    for end, (runtime, name) in RUNTIMES.items():
        for wheel in wheels.glob("libvae-*.whl"):
            if fnmatch.fnmatch(wheel.stem.rsplit("-", 1)[1], end):
                with zipfile.ZipFile(wheel) as contents:
                    inside = next(path for path in contents.namelist() if path.startswith("vae/libvae"))
                    found[f"runtimes/{runtime}/native/{name}"] = contents.read(inside)
                break
        else:
            raise SystemExit(f"make_nuget.py: {wheels} has no wheel {end}: run make wheels")
    return found


def main() -> None:
    wheels, folder = map(pathlib.Path, sys.argv[1:])
    version = next(wheels.glob("libvae-*.whl"), pathlib.Path("libvae-0")).name.split("-")[1]
    nuspec = pathlib.Path("packaging/nuget/libvae.nuspec.in").read_text(encoding="utf-8").replace("@VERSION@", version)
    files = {"libvae.native.nuspec": nuspec.encode(), "_rels/.rels": RELATIONS.encode(), "[Content_Types].xml": TYPES.encode(),
             "LICENSE": pathlib.Path("LICENSE").read_bytes(), **libraries(wheels)}
    folder.mkdir(parents=True, exist_ok=True)
    package = folder / f"libvae.native.{version}.nupkg"
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    print(package)


main()
