# SPDX-License-Identifier: MIT
"""The parameters of a model by name."""
from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from . import _array
from ._array import Floats
from ._errors import NumericError, ShapeError
from ._library import Handle, NotCopied, check, lib, utf8


class Params(Mapping[str, Floats], NotCopied):
    """A model's parameters by name: read-only arrays over the library's own memory, in PyTorch's layouts, following the
    training as it goes. Assign to change one: model.params["encoder.0.weight"] = array."""

    _instead = "copy the model, or its arrays: {name: array.copy() for name, array in params.items()}"

    def __init__(self, model: Handle):
        self._handle = model
        self._names = {}
        name, tensor = ctypes.c_char_p(), ctypes.c_void_p()
        for i in range(lib.vae_model_param_count(model.pointer)):
            check(lib.vae_model_param(model.pointer, i, ctypes.byref(tensor), ctypes.byref(name)))
            self._names[(name.value or b"").decode()] = i

    def index(self, name: str) -> int:
        if name in self._names:
            return self._names[name]
        status = lib.vae_model_param_find(self._handle.pointer, utf8(name), ctypes.byref(ctypes.c_int64()))
        raise KeyError(lib.vae_last_error().decode() if status < 0 else name)

    def __getitem__(self, name: str) -> Floats:
        tensor = ctypes.c_void_p()
        check(lib.vae_model_param(self._handle.pointer, self.index(name), ctypes.byref(tensor), None))
        return _array.view(tensor, self._handle, writable=False)

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def update(self, values: Mapping[str, Any]) -> None:
        """Change several, or none if one does not fit."""
        arrays = []
        for name, value in values.items():
            index, shape = self.index(name), self[name].shape
            array = _array.floats(value.detach().cpu() if hasattr(value, "detach") else value, name)
            if array.shape != shape:
                raise ShapeError(f"{name}: shape {array.shape}, wanted {shape}")
            if not np.isfinite(array).all():
                raise NumericError(f"{name}: holds NaN or infinity")
            arrays.append((index, array))
        for index, array in arrays:
            check(lib.vae_model_set_param(self._handle.pointer, index, array.ctypes.data, array.size))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return "Params(" + ", ".join(f"{name} {self[name].shape}" for name in self) + ")"


class IncompatibleKeys(NamedTuple):
    """What load_state_dict() did not find in its mapping, and what the mapping has that the model has not."""

    missing_keys: list[str]
    unexpected_keys: list[str]
