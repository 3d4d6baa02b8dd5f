# SPDX-License-Identifier: MIT
"""Measures: numbers that describe examples and the results of a model for them."""
from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _array
from ._array import Doubles
from ._errors import ArgumentError, ShapeError
from ._library import MeasuredStruct, check, lib, utf8

if TYPE_CHECKING:
    from ._model import Model

_X, _Y, _MEAN, _LOGVAR, _FACTOR, _BOUND, _RATE, _SIZES, _SCORE, _EACH = (1 << bit for bit in range(10))


def _reads(text: str) -> int:
    reads = ctypes.c_uint32()
    check(lib.vae_measure_reads(utf8(text), ctypes.byref(reads)))
    return reads.value


def _floats(value: Any, what: str) -> npt.NDArray[Any] | None:
    if value is None:
        return None
    array = np.asarray(value)
    return _array.floats(array.astype(np.float32) if what == "factors" and array.dtype.kind in "iu" else array, what)


def _struct(arrays: dict[str, npt.NDArray[Any] | None], shape: tuple[int, ...] | None) -> MeasuredStruct:
    given = {name: a for name, a in arrays.items() if a is not None}
    if not given or any(a.ndim == 0 for a in given.values()):
        raise ArgumentError("measure: wanted arrays of examples, such as x and y")
    lengths = {name: len(a) for name, a in given.items()}
    n = next(iter(lengths.values()))
    if set(lengths.values()) != {n}:
        raise ShapeError("measure: " + ", ".join(f"{name} has {length} examples" for name, length in lengths.items()))
    struct = MeasuredStruct(struct_size=ctypes.sizeof(MeasuredStruct), n=n)
    x = given.get("x", given.get("y"))
    sizes = shape if shape is not None else x.shape[1:] if x is not None else ()
    if x is not None and int(np.prod(sizes)) * n != x.size:
        raise ShapeError(f"measure: x has shape {x.shape}, wanted (n, {', '.join(map(str, sizes))})")
    if len(sizes) == 3:
        struct.height, struct.width, struct.channels = sizes
    else:  # not a picture, or a grey picture without its last axis
        struct.height, struct.width, struct.channels = (*sizes, 1) if len(sizes) == 2 else (1, 1, int(np.prod(sizes)))
    for name, count in (("mean", "latents"), ("logvar", "latents"), ("factor", "factors")):
        if name in given:
            setattr(struct, count, given[name].size // max(n, 1))
    for name, a in given.items():
        setattr(struct, name, a.ctypes.data)
    return struct


def measure(text: str, *, x: Any = None, y: Any = None, mean: Any = None, logvar: Any = None, factors: Any = None, bound: Any = None,
            rate: Any = None, score: Any = None, latents: int = 0, shape: tuple[int, ...] | None = None,
            each: bool = False) -> float | Doubles:
    """Compute one measure of arrays; Model.measure() computes the arrays itself.

    Parameters
    ----------
    text : str
        The measure with its options, such as ``"mig bins=10"``: see ``vae.registry()["measure"]``.
    x, y : array, optional
        Examples and their reconstructions, floats [n, height, width, channels], or [n, height, width].
    mean, logvar : array, optional
        Posteriors, floats [n, D].
    factors : array, optional
        What the examples were made from, numbers [n, F], or labels [n].
    bound, rate : array, optional
        Nats of each example, as Model.elbo() gives them: float64 [n].
    score : array, optional
        Floats [n], larger for less normal examples; factors are then 1 for anomalies and 0 for normal examples.
    latents : int
        D, for a measure that reads neither `mean` nor `logvar`.
    shape : tuple of int, optional
        The sizes of an example, for a measure of `bound` by dimension, or where x is flat.
    each : bool
        Whether the number of each example is wanted in place of the value, which is their mean.

    Returns
    -------
    value : float, or float64 array [n]
        In the measure's unit.

    Examples
    --------
    >>> x = np.linspace(0, 1, 128, dtype=np.float32).reshape(2, 8, 8, 1)
    >>> round(vae.measure("psnr", x=x, y=x + 0.1), 3)
    20.0
    """
    factors = None if factors is None else np.asarray(factors)
    arrays: dict[str, npt.NDArray[Any] | None] = {
        "x": _floats(x, "x"), "y": _floats(y, "y"), "mean": _floats(mean, "mean"), "logvar": _floats(logvar, "logvar"),
        "factor": _floats(factors, "factors"), "bound": None if bound is None else np.require(bound, np.float64, ["C", "A"]),
        "score": _floats(score, "score"), "rate": None if rate is None else np.require(rate, np.float64, ["C", "A"])}
    struct = _struct(arrays, shape)
    struct.latents = struct.latents or latents
    value, numbers = ctypes.c_double(), np.empty(struct.n if each else 0)
    check(lib.vae_measure(None, utf8(text), ctypes.byref(struct), ctypes.byref(value), numbers.ctypes.data if each else None))
    return numbers if each else value.value


def of_model(model: Model, x: Any, measures: str | Iterable[str], samples: int, factors: Any, labels: Any,
             condition: Any) -> dict[str, float]:
    texts = [text.strip() for text in (measures.split("|") if isinstance(measures, str) else measures)]
    reads = 0
    for text in texts:
        reads |= _reads(text)
    x = _array.floats(x, "x")
    n, size = _array.rows(x, model.input_shape, "x"), int(np.prod(model.input_shape))
    arrays: dict[str, Any] = {"x": x.reshape(n, size), "factors": factors}
    if reads & _Y:
        arrays["y"] = model.reconstruct(x, labels=labels, condition=condition).reshape(n, size)
    if reads & (_MEAN | _LOGVAR):
        mean, logvar = model.encode(x, labels=labels, condition=condition)
        arrays["mean"], arrays["logvar"] = mean.reshape(n, -1), logvar.reshape(n, -1)
    if reads & (_BOUND | _RATE):
        scores = model.elbo(x, samples, labels=labels, condition=condition)
        arrays["bound"], arrays["rate"] = scores.elbo, scores.rate
    latents = int(np.prod(model.latent_shape))
    return {text: float(measure(text, **arrays, latents=latents, shape=model.input_shape)) for text in texts}
