# SPDX-License-Identifier: MIT
"""NumPy arrays on their way into the library and out of it: checked here, copied only where they must be."""
from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ._errors import ArgumentError, ShapeError, VaeError
from ._library import Handle, lib

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]

DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype("f4"), 2: np.dtype("u1"), 3: np.dtype("i4"), 4: np.dtype("i8")}


def floats(value: Any, what: str) -> Floats:
    """value as float32, C-contiguous: itself if it is that already, else a copy. Whole numbers are refused, because
    images of 0..255 would train silently and badly."""
    array = np.asarray(value)
    if array.dtype.kind not in "fb":
        hint = f", as {what}.astype('float32') / 255 makes them" if what == "x" else ""
        raise ArgumentError(f"{what}: dtype {array.dtype}, wanted floats{hint}")
    return np.require(array, np.float32, ["C", "A"])


def rows(array: npt.NDArray[Any], shape: Sequence[int], what: str) -> int:
    """How many examples of shape: the array is [n, *shape], [n, size], or [n, *shape] without a last channel of 1."""
    shape, size = tuple(shape), int(np.prod(shape))
    rest = array.shape[1:]
    if array.ndim < 1 or rest not in (shape, (size,), shape[:-1] if shape[-1] == 1 and len(shape) > 1 else shape):
        hint = f"; for one example {what}[None]" if array.shape == shape else ""
        raise ShapeError(f"{what}: shape {array.shape}, wanted (n, {', '.join(map(str, shape))}){hint}")
    return int(array.shape[0])


def output(out: npt.NDArray[Any] | None, n: int, shape: Sequence[int], dtype: Any, what: str) -> npt.NDArray[Any]:
    """The array to write: a new one, or the caller's if it fits without a copy."""
    if out is None:
        return np.empty((n, *shape), dtype)
    if not isinstance(out, np.ndarray) or out.dtype != dtype or not out.flags.c_contiguous or not out.flags.writeable:
        raise ArgumentError(f"{what}: a writable, C-contiguous NumPy array of {np.dtype(dtype)} wanted")
    if rows(out, shape, what) != n:
        raise ShapeError(f"{what}: {out.shape[0]} examples, wanted {n}")
    return out


def whole(value: Any, what: str) -> Whole:
    """value as int32, C-contiguous: itself if it is that already, else a copy."""
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise ArgumentError(f"{what}: dtype {array.dtype}, wanted whole numbers")
    if array.dtype != np.int32 and array.size > 0 and not -2**31 <= int(array.min()) <= int(array.max()) < 2**31:
        raise ArgumentError(f"{what}: a value does not fit into 32 bits")
    return np.require(array.astype(np.int32, copy=False), None, ["C", "A"])


def name_row(error: VaeError, rows: Sequence[int] | npt.NDArray[np.intp]) -> None:
    """Let the sentence of an error name the row of the caller's array: the library counts those of the part that it was given."""
    found = re.match(r"\w+\[(\d+)\]", str(error))
    if found and int(found[1]) < len(rows):
        error.args = (f"{found.string[: found.start(1)]}{rows[int(found[1])]}{found.string[found.end(1):]}",)


def labels(value: Any, n: int) -> Whole:
    """The classes of n examples."""
    array = whole(value, "labels")
    if array.shape != (n,):
        raise ShapeError(f"labels: shape {array.shape}, wanted ({n},)")
    return array


def condition(value: Any, n: int, size: int) -> Floats:
    """The values that n examples bring for the model's condition."""
    array = floats(value, "condition")
    if array.shape != (n, size):
        raise ShapeError(f"condition: shape {array.shape}, wanted ({n}, {size})")
    return array


def check_noise(noise: Floats, n: int, samples: int, shape: Sequence[int]) -> None:
    """Refuse noise unless it is [n, samples, D], each D flat or of the latents' shape; [n, D] is enough for one sample."""
    size = int(np.prod(shape))
    places = ((n, samples), (n,))[: 2 if samples == 1 else 1]
    if noise.shape not in [place + rest for place in places for rest in ((size,), tuple(shape))]:
        raise ShapeError(f"noise: shape {noise.shape}, wanted ({n}, {samples}, {size})")


def view(tensor: ctypes.c_void_p, owner: Handle, writable: bool) -> npt.NDArray[Any]:
    """A borrowed tensor as an array over the same memory; the array keeps the owner alive."""
    dtype = DTYPES[lib.vae_tensor_dtype(tensor)]
    shape = tuple(lib.vae_tensor_shape(tensor)[: lib.vae_tensor_ndim(tensor)])
    count = int(np.prod(shape))
    memory = (ctypes.c_char * (count * dtype.itemsize)).from_address(lib.vae_tensor_data(tensor))
    setattr(memory, "owner", owner)  # noqa: B010 (ctypes types no other attribute)
    exported = memoryview(memory) if writable else memoryview(memory).toreadonly()
    return np.frombuffer(exported, dtype, count).reshape(shape)
