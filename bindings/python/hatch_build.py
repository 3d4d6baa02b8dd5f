# SPDX-License-Identifier: MIT
"""The build step of the package: compiles libvae with a C compiler and puts the library beside vae/__init__.py.

The sources are those of the tree around this folder, or, in an sdist, its folder `source`, where this step has put them.
What the builder may choose, by environment variables:

    CC             the compiler, with its flags: "clang", "python -m ziglang cc -target aarch64-linux-musl"
    CFLAGS         flags of one's own, before those that the results depend on; the default is -O3
    LDFLAGS        the same for the link
    VAE_PLATFORM   the wheel's platform where it is not this machine's: manylinux_2_17_aarch64 (scripts/make_wheels.sh); `any` makes a
                   wheel without the library, which takes the one that is installed, as distributions want it

The library is built without a BLAS: it needs the C library only, and cannot meet another OpenBLAS in the process.
"""
from __future__ import annotations

import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging import tags

# As in the Makefile, which has the reasons: the first decide the bits of the results.
FLOAT = ["-fno-fast-math", "-fno-math-errno", "-ffp-contract=off", "-fno-trapping-math"]
LANGUAGE = ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Iinclude", "-Ilib"]
NEEDED = ["include", "lib", "libvae.map", "LICENSE"]


class Compiler:
    """A C compiler, and the system that it compiles for."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        found = os.environ.get("CC") or next(filter(shutil.which, ("cc", "gcc", "clang")), None)
        if found is None:
            raise SystemExit("libvae needs a C compiler: install gcc or clang (Debian: apt-get install gcc libc6-dev), "
                             "or name yours in CC")
        self.command = shlex.split(found)
        self.user = shlex.split(os.environ.get("CFLAGS", "-O3"))
        self.user_link = shlex.split(os.environ.get("LDFLAGS", ""))
        macros = self.run("-dM", "-E", "-x", "c", os.devnull)
        self.system = next((name for macro, name in (("_WIN32", "windows"), ("__APPLE__", "macos"))
                            if f"#define {macro} " in macros), "elf")
        # 32-bit x86 would compute on the x87, in 80 bits: every product and sum rounded twice
        self.shared = ["-DVAE_BUILD"] if self.system == "windows" else ["-fPIC", "-fvisibility=hidden", "-pthread"]
        self.float = FLOAT + (["-msse2", "-mfpmath=sse"] if "#define __i386__ " in macros else [])

    def run(self, *arguments: str) -> str:
        done = subprocess.run([*self.command, *arguments], cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"libvae: {shlex.join([*self.command, *arguments])}\n{done.stdout}{done.stderr}")
        return done.stdout

    def compile(self, source: pathlib.Path, output: pathlib.Path) -> str:
        flags = [*LANGUAGE, *self.shared, *self.float, f"-ffile-prefix-map={self.folder}=."]
        self.run(*self.user, *flags, "-c", str(source), "-o", str(output))
        return str(output)

    @property
    def library(self) -> str:
        """The name that vae/_library.py looks for."""
        return {"windows": "libvae-0.dll", "macos": "libvae.0.dylib", "elf": "libvae.so.0"}[self.system]

    def link(self, objects: list[str], output: pathlib.Path) -> None:
        how = {"windows": ["-shared", "-Wl,-s"],
               "macos": ["-dynamiclib", "-install_name", f"@rpath/{self.library}"],
               "elf": ["-shared", "-Wl,-s", f"-Wl,-soname,{self.library}", "-Wl,--version-script=libvae.map",
                       "-Wl,-z,relro,-z,now,-z,noexecstack", "-pthread"]}[self.system]
        self.run(*self.user, *how, *self.user_link, *objects, "-o", str(output), "-lm")


def platform() -> str:
    """The platform of the wheel's tag."""
    if os.environ.get("VAE_PLATFORM"):
        return os.environ["VAE_PLATFORM"]
    if sys.platform == "darwin":  # sysconfig tells how Python was built: for older systems, and for two processors
        return next(tags.platform_tags())
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def build_library(folder: pathlib.Path, output: pathlib.Path) -> pathlib.Path:
    """Compile every file of folder/lib into the library, in the folder `output`."""
    compiler = Compiler(folder)
    sources = sorted(path.relative_to(folder) for path in folder.glob("lib/**/*.c"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(lambda source: compiler.compile(source, output / (source.stem + ".o")), sources))
    compiler.link(objects, output / compiler.library)
    return output / compiler.library


class LibraryHook(BuildHookInterface[Any]):
    """Called by hatchling before it writes an sdist or a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        inside = pathlib.Path(self.root, "source")
        folder = inside if inside.is_dir() else pathlib.Path(self.root).parents[1]
        if not (folder / "lib" / "api").is_dir():
            raise SystemExit(f"libvae: no sources of the library in {folder}")
        if self.target_name == "sdist":
            for name in NEEDED if folder != inside else ():
                build_data["force_include"][str(folder / name)] = f"source/{name}"
        elif version != "editable" and platform() != "any":  # editable: it finds the library that make builds
            self.scratch = tempfile.TemporaryDirectory(prefix="libvae-")  # goes at the latest when this process ends
            library = build_library(folder, pathlib.Path(self.scratch.name))
            build_data["force_include"][str(library)] = f"vae/{library.name}"
            build_data["tag"], build_data["pure_python"] = f"py3-none-{platform()}", False

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if hasattr(self, "scratch"):
            self.scratch.cleanup()
