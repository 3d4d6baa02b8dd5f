# SPDX-License-Identifier: MIT
"""What fit() may be given: arrays in memory or in files, and iterables of batches; both as batches of float32 arrays."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Union

import numpy as np
import numpy.typing as npt

from . import _array
from ._array import Floats, Whole
from ._errors import ArgumentError, ShapeError, VaeError

if TYPE_CHECKING:
    from ._model import Model


class Batch(NamedTuple):
    """Some examples and what belongs to them; `rows`: their numbers in the array of the caller, or what the batch is called."""

    x: Floats
    labels: Whole | None
    condition: Floats | None
    rows: npt.NDArray[np.intp] | str

    def locate(self, error: VaeError) -> None:
        """Let the sentence of an error name the row of the caller's array: the library counts those of the batch."""
        if isinstance(self.rows, str):
            error.args = (f"{self.rows}: {error}",)
        else:
            _array.name_row(error, self.rows)


class _Taker:
    """Takes arrays as they come: checks them against the model, and makes float32 of them."""

    def __init__(self, model: Model, scale: float | None):
        self.input, self.condition_size, self.class_count = model.input_shape, model.condition_size, model.class_count
        self.scale = scale

    def check(self, x: npt.NDArray[Any]) -> int:
        """The number of examples."""
        if x.dtype.kind in "iu" and self.scale is None:
            raise ArgumentError(f"x: dtype {x.dtype}, wanted floats; with scale=1/255 pixels of 0..255 are taken as they are")
        if x.dtype.kind not in "fbiu":
            raise ArgumentError(f"x: dtype {x.dtype}, wanted numbers")
        return _array.rows(x, self.input, "x")

    def floats(self, x: npt.NDArray[Any]) -> Floats:
        x = np.require(x, np.float32, ["C", "A"])
        return x if self.scale is None else x * np.float32(self.scale)

    def labels(self, value: Any, n: int) -> Whole | None:
        return None if value is None else _array.labels(value, n)

    def condition(self, value: Any, n: int) -> Floats | None:
        return None if value is None else _array.condition(value, n, self.condition_size)


class Arrays:
    """Examples in one array. Only the rows of a batch are read, gathered and converted: x may be a memmap larger than the memory."""

    def __init__(self, model: Model, x: Any, y: Any, condition: Any, scale: float | None):
        self._take = _Taker(model, scale)
        x = np.asanyarray(x)
        self.n = self._take.check(x)
        self._x = x.reshape(self.n, math.prod(model.input_shape))
        self._labels, self._condition = self._take.labels(y, self.n), self._take.condition(condition, self.n)
        ready = x.dtype == np.float32 and x.flags.c_contiguous and x.flags.aligned and scale is None
        self._gathered: Floats | None = None
        self._straight = ready

    def _gather(self, rows: npt.NDArray[np.intp]) -> Floats:
        if not self._straight:
            return self._take.floats(self._x[rows])
        if self._gathered is None or len(self._gathered) < len(rows):
            self._gathered = np.empty((len(rows), self._x.shape[1]), np.float32)
        # "clip" only because it lets take() write straight into the buffer
        return np.take(self._x, rows, 0, out=self._gathered[: len(rows)], mode="clip")

    def spans(self, batch_size: int, least: int) -> list[tuple[int, int]]:
        """Where each batch starts and ends: a remainder of fewer than `least` joins the batch before."""
        ends = [*range(batch_size, self.n, batch_size), self.n]
        if len(ends) > 1 and self.n - ends[-2] < least:
            del ends[-2]
        return list(zip([0, *ends], ends))

    def batches(self, spans: list[tuple[int, int]], order: npt.NDArray[np.intp] | None) -> Iterator[Batch]:
        """The batches in an order of the rows, or in that of the array."""
        for start, end in spans:
            rows = np.arange(start, end) if order is None else order[start:end]
            x = self._take.floats(self._x[start:end]) if order is None else self._gather(rows)
            labels = None if self._labels is None else self._labels[rows]
            yield Batch(x, labels, None if self._condition is None else self._condition[rows], rows)


class Batches:
    """Examples that come in batches: from an iterable (a DataLoader), or from a function that makes an iterator. Each item is x,
    (x, labels) or (x, labels, condition). Labels are left out for a model without classes, because data sets bring them anyway."""

    def __init__(self, model: Model, source: Any, scale: float | None):
        self._take = _Taker(model, scale)
        make: Any = source if callable(source) else lambda: source
        self._items: Callable[[], Iterable[Any]] = make
        self.once = hasattr(source, "__next__")

    def _one(self, number: int, item: Any) -> Batch:
        x, labels, condition = (*item, None, None)[:3] if isinstance(item, (tuple, list)) else (item, None, None)
        name = f"batch {number}"
        x = np.asarray(x)
        try:
            if x.ndim == 4 and x.shape[1:] == (*self._take.input[2:], *self._take.input[:2]) != self._take.input:
                x = np.moveaxis(x, 1, -1)  # PyTorch's loaders give [n, C, H, W]
            n = self._take.check(x)
            labels = self._take.labels(labels, n) if self._take.class_count > 0 else None
            condition = self._take.condition(condition, n)
        except VaeError as error:
            error.args = (f"{name}: {error}",)
            raise
        return Batch(self._take.floats(x), labels, condition, name)

    def batches(self) -> Iterator[Batch]:
        for number, item in enumerate(self._items()):
            yield self._one(number, item)


Source = Union[Arrays, Batches]


def source(model: Model, x: Any, y: Any, condition: Any, scale: float | None) -> Source:
    """Whatever holds examples, as one of the two classes above."""
    if scale is not None and not (math.isfinite(scale) and scale != 0):
        raise ArgumentError(f"scale: {scale}, wanted a finite number other than 0, such as 1/255")
    if hasattr(x, "__array__") or isinstance(x, (list, tuple)) or np.isscalar(x):
        if y is not None and np.ndim(y) != 1:
            raise ShapeError(f"y: shape {np.shape(y)}, wanted the labels (n,) of a model with classes; an autoencoder needs no "
                             "targets: fit(x)")
        return Arrays(model, x, y, condition, scale)
    if y is not None or condition is not None:
        raise ArgumentError("y, condition: an iterable brings them itself, as (x, labels, condition)")
    if not callable(x) and not hasattr(x, "__iter__") and not hasattr(x, "__getitem__"):
        raise ArgumentError(f"x: {type(x).__name__}, wanted an array, an iterable of batches or a function that returns an iterator")
    return Batches(model, x, scale)


def validation_source(model: Model, data: Any, scale: float | None) -> Source | None:
    """validation_data: x, (x, labels) or (x, labels, condition), or an iterable."""
    if data is None:
        return None
    x, labels, condition = (*data, None, None)[:3] if isinstance(data, tuple) else (data, None, None)
    return source(model, x, labels, condition, scale)


