#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sbom.py FILE - writes the software bill of materials of this version as SPDX 2.3 in JSON (`make sbom`).

It names libvae, the libraries and packages that each part of it uses, and every source of the library, of the program and of the Python
package with its SHA-1 and SHA-256. The time and the name of the document are those of the commit, so that equal commits give equal
bytes."""
from __future__ import annotations

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

# name, who needs it, whether a build can do without, licence
NEEDS = [
    ("libpng", "the program vae", False, "libpng-2.0"),
    ("zlib", "the program vae", False, "Zlib"),
    ("libjpeg", "the program vae", True, "IJG"),
    ("libwebp", "the program vae", True, "BSD-3-Clause"),
    ("libtiff", "the program vae", True, "libtiff"),
    ("giflib", "the program vae", True, "MIT"),
    ("OpenBLAS", "the library, for VAE_ARITH_BLAS", True, "BSD-3-Clause"),
    ("numpy", "the Python package", False, "BSD-3-Clause"),
]
SOURCES = ("include/**/*.h", "lib/**/*", "src/*", "bindings/cpp/*", "bindings/python/vae/*")


def git(*arguments: str) -> str:
    run = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, env={**os.environ, "TZ": "UTC"})
    return run.stdout.strip()


def identifier(name: str) -> str:
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.]", "-", name)


def source(path: str) -> dict[str, object]:
    content = pathlib.Path(path).read_bytes()
    sums = [{"algorithm": kind, "checksumValue": hashlib.new(kind, content).hexdigest()} for kind in ("SHA1", "SHA256")]
    return {"SPDXID": identifier(path), "fileName": f"./{path}", "checksums": sums, "licenseConcluded": "MIT",
            "licenseInfoInFiles": ["MIT"], "copyrightText": "NOASSERTION"}


def package(name: str, licence: str, **more: object) -> dict[str, object]:
    return {"SPDXID": identifier(name), "name": name, "downloadLocation": "NOASSERTION", "licenseConcluded": licence,
            "licenseDeclared": licence, "copyrightText": "NOASSERTION", "filesAnalyzed": False, **more}


def relation(one: str, kind: str, other: str, comment: str = "") -> dict[str, str]:
    related = {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
    return {**related, "comment": comment} if comment else related


def document() -> dict[str, object]:
    header = pathlib.Path("include/vae/version.h").read_text(encoding="utf-8")
    found = re.search(r'#define VAE_VERSION_STRING "(.*)"', header)
    assert found
    tracked = set(git("ls-files").split("\n"))
    paths = sorted({str(path) for pattern in SOURCES for path in pathlib.Path().glob(pattern)} & tracked)
    files = [source(path) for path in paths]
    sums = sorted(hashlib.sha1(pathlib.Path(path).read_bytes()).hexdigest() for path in paths)
    libvae = package("libvae", "MIT", versionInfo=found.group(1), filesAnalyzed=True, primaryPackagePurpose="LIBRARY",
                     packageVerificationCode={"packageVerificationCodeValue": hashlib.sha1("".join(sums).encode()).hexdigest()})
    relations = [relation("SPDXRef-DOCUMENT", "DESCRIBES", identifier("libvae"))]
    relations += [relation(identifier("libvae"), "CONTAINS", identifier(path)) for path in paths]
    relations += [relation(identifier(name), "OPTIONAL_DEPENDENCY_OF" if optional else "DEPENDENCY_OF", identifier("libvae"), f"of {part}")
                  for name, part, optional, _ in NEEDS]
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"libvae-{found.group(1)}",
        "documentNamespace": f"https://spdx.org/spdxdocs/libvae-{found.group(1)}-{git('rev-parse', 'HEAD')}",
        "creationInfo": {"created": git("log", "-1", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--format=%cd"),
                         "creators": ["Organization: the libvae authors"]},
        "packages": [libvae, *(package(name, licence) for name, _, _, licence in NEEDS)], "files": files, "relationships": relations,
    }


def main() -> None:
    path = pathlib.Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(), indent=1) + "\n", encoding="utf-8")


main()
