# SPDX-License-Identifier: MIT
"""Where models compute."""
from __future__ import annotations

import ctypes
import logging
import os
from typing import Literal, TypedDict

from ._errors import ArgumentError, StateError
from ._library import LOG, CtxConfig, NotCopied, check, create, lib

_log = logging.getLogger("vae")
_ARITH = {"reproducible": 0, "blas": 1}
_ISA = {"auto": 0, "portable": 1, "avx2": 2, "avx512": 3, "neon": 4, "wasm128": 5}


def _choice(table: dict[str, int], what: str, value: str) -> int:
    if value not in table:
        raise ArgumentError(f"{what}: {value!r}, wanted one of {', '.join(table)}")
    return table[value]


class ContextOptions(TypedDict, total=False):
    """The options of a Context, which Model takes too."""

    threads: int | None
    arith: Literal["reproducible", "blas"]
    isa: Literal["auto", "portable", "avx2", "avx512", "neon", "wasm128"]
    mem_limit: int


class Context(NotCopied):
    """Where models compute: threads (default: every CPU this process may use), arithmetic ("reproducible": the same bits on
    every machine and number of threads; "blas"), instruction set, and a limit on memory in bytes. Messages go to
    logging.getLogger("vae")."""

    _instead = "make another with the same options, or give this one to Model(context=)"

    def __init__(self, threads: int | None = None, arith: Literal["reproducible", "blas"] = "reproducible",
                 isa: Literal["auto", "portable", "avx2", "avx512", "neon", "wasm128"] = "auto", mem_limit: int = 0):
        if threads is None:
            threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if not 1 <= threads <= 256:
            raise ArgumentError(f"threads: {threads}, wanted 1..256")
        config = CtxConfig()
        check(lib.vae_ctx_config_init(ctypes.byref(config), ctypes.sizeof(config)))
        config.arith, config.isa = _choice(_ARITH, "arith", arith), _choice(_ISA, "isa", isa)
        config.threads, config.mem_limit = threads, mem_limit
        config.log = self._hook = LOG(self._message)
        self.threads, self.arith, self._process = threads, arith, os.getpid()
        self._options: ContextOptions = {"threads": threads, "arith": arith, "isa": isa, "mem_limit": mem_limit}
        self._handle = create(lib.vae_ctx_create, lib.vae_ctx_destroy, ctypes.byref(config), needs=(self._hook,))

    @staticmethod
    def _message(_user: int, level: int, line: bytes) -> None:
        _log.log(logging.WARNING if level == 1 else logging.INFO, "%s", line.decode("utf-8", "replace"))

    @property
    def isa(self) -> str:
        """The instruction set in use: "portable", "avx2", "avx512", "neon" or "wasm128"."""
        return str(lib.vae_ctx_isa(self._handle.pointer).decode())

    @property
    def bytes_in_use(self) -> int:
        return int(lib.vae_ctx_bytes_in_use(self._handle.pointer))

    def check_process(self) -> None:
        """A fork copies the pool's memory but not its threads: waiting for them would never end."""
        if self.threads > 1 and self._process != os.getpid():
            raise StateError("this model was made before a fork, and its threads stayed behind: make or load it in "
                             "this process, or with threads=1")
