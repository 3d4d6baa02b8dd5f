# SPDX-License-Identifier: MIT
"""Codes of a quantizing latent in as few bytes as they take."""
from __future__ import annotations

from typing import Any

import numpy as np

from . import _array
from ._errors import ArgumentError
from ._library import check, lib


def codes_pack(codes: Any, size: int) -> bytes:
    """Codes of 0..size-1, size being Model.codebook_size, at ceil(log2 size) bits each, lowest bit first."""
    codes = _array.whole(codes, "codes")
    packed = np.zeros(lib.vae_codes_packed_bytes(codes.size, size), np.uint8)
    check(lib.vae_codes_pack(codes.size, size, codes.ctypes.data, packed.ctypes.data, packed.size))
    return packed.tobytes()


def codes_unpack(packed: Any, count: int, size: int) -> _array.Whole:
    """The way back: the first count codes, int32[count]."""
    data = np.frombuffer(packed, np.uint8)
    if not 0 <= count <= 8 * data.size:  # a code takes a bit at the least
        raise ArgumentError(f"count: {count} codes, wanted 0 or more that fit into {data.size} bytes")
    codes = np.empty(count, np.int32)
    check(lib.vae_codes_unpack(count, size, data.ctypes.data, data.size, codes.ctypes.data))
    return codes
