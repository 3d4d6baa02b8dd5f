# SPDX-License-Identifier: MIT
"""What the library can build, and the texts that name it."""
from __future__ import annotations

import ctypes
import itertools
from typing import NamedTuple

from ._library import OptionStruct, lib, text, utf8


class Option(NamedTuple):
    """One option of a module; default "" means that it must be given, range "" that any value will do."""

    name: str
    type: str
    default: str
    range: str
    text: str


class Module(NamedTuple):
    """A layer, latent, likelihood, objective, optimizer, schedule, clip or preset."""

    kind: str
    name: str
    options: tuple[Option, ...]

    @property
    def text(self) -> str:
        """The module in words with an example; of a preset, its text, ready for Model()."""
        return text(lib.vae_registry_text, self.kind.encode(), self.name.encode())


def _options(kind: bytes, name: bytes) -> tuple[Option, ...]:
    found: list[Option] = []
    option = OptionStruct()
    for i in itertools.count():
        option.struct_size = ctypes.sizeof(option)
        if lib.vae_registry_option(kind, name, i, ctypes.byref(option)) < 0:
            return tuple(found)
        found.append(Option(*(field.decode() for field in
                              (option.name, option.type, option.default_value, option.range, option.text))))
    return ()


def registry() -> dict[str, dict[str, Module]]:
    """Every module by kind and name: vae.registry()["layer"]["conv2d"].options."""
    kinds: dict[str, dict[str, Module]] = {}
    for i in itertools.count():
        kind = lib.vae_registry_kind(i)
        if kind is None:
            break
        modules = kinds[kind.decode()] = {}
        for j in itertools.count():
            name = lib.vae_registry_name(kind, j)
            if name is None:
                break
            modules[name.decode()] = Module(kind.decode(), name.decode(), _options(kind, name))
    return kinds


def presets() -> list[str]:
    """The names that Model() takes instead of a text."""
    names = (lib.vae_registry_name(b"preset", i) for i in itertools.count())
    return [name.decode() for name in itertools.takewhile(lambda name: name is not None, names)]


def canonical(spec: str) -> str:
    """The text with every default written out."""
    return text(lib.vae_spec_canonical, utf8(spec))


def spec_set(spec: str, path: str, value: object) -> str:
    """The canonical text with one option changed: spec_set(spec, "latent.dim", 64)."""
    return text(lib.vae_spec_set, utf8(spec), utf8(path), utf8(str(value)))


def spec_get(spec: str, path: str) -> str:
    """The value of one option of the text."""
    return text(lib.vae_spec_get, utf8(spec), utf8(path))
