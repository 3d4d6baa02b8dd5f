# SPDX-License-Identifier: MIT
"""Models in use."""
from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import _array
from ._array import Bytes, Doubles, Floats, Whole
from ._errors import ArgumentError, ShapeError, VaeError
from ._library import BatchStruct, NotCopied, SessionConfigStruct, check, create, lib, shape_of

if TYPE_CHECKING:
    from ._model import Model

_PART = 16  # batches in one call of the library; between calls Python sees Ctrl-C


class Elbo(NamedTuple):
    """The bound and its parts, an array of nats for each: elbo = -recon - rate (for one sample)."""

    elbo: Doubles
    recon: Doubles
    rate: Doubles


class Session(NotCopied):
    """A model in use: scratch memory for max_batch examples (more are worked on in parts) and a stream of random
    numbers. Sessions on one model may run side by side, each in its own thread; one session does one thing at a time.
    If a call on many examples fails in a later part, the earlier parts of out have been written."""

    _instead = "make one of the copied model, vae.Session(model)"

    def __init__(self, model: Model, max_batch: int = 64, seed: int = 0, size: tuple[int, int] | None = None,
                 memory_budget: int = 0):
        self._context, self._condition = model.context, model.condition_size
        self._lock, self._part = threading.Lock(), _PART * max_batch
        self._context.check_process()
        height, width = size or (0, 0)
        config = SessionConfigStruct(ctypes.sizeof(SessionConfigStruct), 0, max_batch, height, width, memory_budget)
        self._handle = create(lib.vae_session_create_sized, lib.vae_session_destroy, model._handle.pointer, ctypes.byref(config),
                              needs=(model._handle,))
        own = lib.vae_session_model(self._handle.pointer)
        self._input, self._latent = shape_of(lib.vae_model_input_shape, own), shape_of(lib.vae_model_latent_shape, own)
        self._codes = (int(lib.vae_model_codes_per_example(own)),)
        self.seed(seed)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The sizes of one example, channels last: the model's, or of the session's own size."""
        return self._input

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """The sizes of the latent of one example, as `input_shape`."""
        return self._latent

    def seed(self, seed: int) -> None:
        """Start the stream of random numbers anew."""
        with self._lock:
            check(lib.vae_session_seed(self._handle.pointer, seed))

    def cancel(self) -> None:
        """From another thread: give up the call that the session is at, or its next one. It raises CancelledError, what it was to
        write is unspecified, and the session's random numbers go on where they were. A call on many examples is given up in the
        part of them that it is at."""
        lib.vae_session_cancel(self._handle.pointer)

    def _run(self, function: Callable[..., int], n: int, labels: Any, condition: Any, *arrays: npt.NDArray[Any] | int | None,
             **members: Any) -> None:
        """function(session, batch, *arrays) in parts. Arrays, those of the batch too, move on by the part; None and whole numbers
        are passed on."""
        self._context.check_process()
        members["label"] = None if labels is None else _array.labels(labels, n)
        members["condition"] = None if condition is None else _array.condition(condition, n, self._condition)
        with self._lock:
            for start in range(0, n, self._part):
                part = {name: None if a is None else a[start:] for name, a in members.items()}
                batch = BatchStruct.of(min(self._part, n - start), **part)
                try:
                    check(function(self._handle.pointer, ctypes.byref(batch),
                                   *(a[start:].ctypes.data if isinstance(a, np.ndarray) else a for a in arrays)))
                except VaeError as error:
                    _array.name_row(error, range(start, n))
                    raise

    def encode(self, x: Any, out: tuple[Floats, Floats] | None = None, labels: Any = None,
               condition: Any = None) -> tuple[Floats, Floats]:
        """The mean and the log-variance of each example's posterior. Here and below, labels, whole numbers [n], and condition
        [n, condition_size] are what a model with a section `condition` wants of each example."""
        x = _array.floats(x, "x")
        n = _array.rows(x, self._input, "x")
        mean, logvar = (_array.output(a, n, self._latent, np.float32, "out") for a in (out or (None, None)))
        self._run(lib.vae_encode_batch, n, labels, condition, mean, logvar, x=x)
        return mean, logvar

    def decode(self, z: Any, out: Floats | None = None, labels: Any = None, condition: Any = None) -> Floats:
        """The mean of the likelihood for each latent."""
        z = _array.floats(z, "z")
        n = _array.rows(z, self._latent, "z")
        x = _array.output(out, n, self._input, np.float32, "out")
        self._run(lib.vae_decode_batch, n, labels, condition, z, x)
        return x

    def encode_codes(self, x: Any, out: Whole | None = None, labels: Any = None, condition: Any = None) -> Whole:
        """Each example as whole numbers, int32[n, codes_per_example] of 0..codebook_size-1, for a latent of codes."""
        x = _array.floats(x, "x")
        n = _array.rows(x, self._input, "x")
        codes = _array.output(out, n, self._codes, np.int32, "out")
        self._run(lib.vae_encode_codes_batch, n, labels, condition, codes, x=x)
        return codes

    def decode_codes(self, codes: Any, out: Floats | None = None, labels: Any = None, condition: Any = None) -> Floats:
        """The way back: the mean of the likelihood for the codes of each example."""
        codes = _array.whole(codes, "codes")
        n = _array.rows(codes, self._codes, "codes")
        x = _array.output(out, n, self._input, np.float32, "out")
        self._run(lib.vae_decode_batch, n, labels, condition, None, x, codes=codes)
        return x

    def decode_rgba8(self, z: Any, out: Bytes | None = None) -> Bytes:
        """One latent as an image, uint8[H, W, 4]; out may be a part of a larger image."""
        z = _array.floats(z, "z")
        if z.size != np.prod(self._latent):
            raise ShapeError(f"z: shape {z.shape}, wanted one latent {self._latent}")
        shape = (*self._input[:2], 4)
        if out is None:
            out = np.empty(shape, np.uint8)
        if out.shape != shape or out.dtype != np.uint8 or out.strides[1:] != (4, 1) or not out.flags.writeable:
            raise ArgumentError(f"out: a writable uint8 array {shape} wanted, the pixels of a row side by side")
        self._context.check_process()
        with self._lock:
            check(lib.vae_decode_rgba8(self._handle.pointer, z.ctypes.data, out.ctypes.data, out.strides[0]))
        return out

    def reconstruct(self, x: Any, out: Floats | None = None, labels: Any = None, condition: Any = None) -> Floats:
        """Encode and decode the posterior mean."""
        x = _array.floats(x, "x")
        n = _array.rows(x, self._input, "x")
        y = _array.output(out, n, self._input, np.float32, "out")
        self._run(lib.vae_reconstruct_batch, n, labels, condition, y, x=x)
        return y

    def sample(self, n: int = 1, noise: Any = None, out: Floats | None = None, labels: Any = None,
               condition: Any = None) -> Floats:
        """n new examples from the prior; noise, standard normal [n, D], replaces the stream. labels: the classes, for a model whose
        condition or whose prior has such."""
        if noise is not None:
            noise = _array.floats(noise, "noise")
            n = _array.rows(noise, self._latent, "noise")
        if n < 0:
            raise ArgumentError(f"n: {n}, wanted 0 or more")
        x = _array.output(out, n, self._input, np.float32, "out")
        self._run(lib.vae_sample_batch, n, labels, condition, x, noise=noise)
        return x

    def elbo(self, x: Any, samples: int = 1, noise: Any = None, labels: Any = None, condition: Any = None) -> Elbo:
        """Each example's evidence lower bound, reconstruction and rate in nats; with samples > 1 the
        importance-weighted bound. noise, standard normal [n, samples, D], replaces the stream. labels as for sample()."""
        x = _array.floats(x, "x")
        n = _array.rows(x, self._input, "x")
        if samples < 1:
            raise ArgumentError(f"samples: {samples}, wanted 1 or more")
        if noise is not None:
            noise = _array.floats(noise, "noise")
            _array.check_noise(noise, n, samples, self._latent)
        result = Elbo(np.empty(n), np.empty(n), np.empty(n))
        self._run(lib.vae_elbo_batch, n, labels, condition, samples, *result, x=x, noise=noise)
        return result
