# SPDX-License-Identifier: MIT
"""Training: one step at a time, and the loop over it."""
from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import _array
from ._errors import ShapeError, StateError, about
from ._library import (OPTIMIZER_STEP, BatchStruct, Handle, MetricsStruct, NotCopied, OptimizerStruct, check, create, lib,
                       path_bytes, text, utf8)
from ._model import Model


class Metrics(NamedTuple):
    """What a step tells, in nats per example; rate is unweighted, grad_norm is before clipping. aux and what follows are of
    latents of codes, 0 for others: the latent's own part of loss; exp of the entropy of how often each code was chosen;
    the share of codes chosen at all; how many are dead; the mean squared distance of a value to what stands for it.
    latent_rates: the part of rate that is each latent's, that of the section first. critic_loss and critic_accuracy are of models with
    a critic, 0 for others: its own loss, and the share of scores above 0 for real ones, below 0 for made ones."""

    step: int
    loss: float
    recon: float
    rate: float
    beta: float
    lr: float
    grad_norm: float
    aux: float
    perplexity: float
    codes_used: float
    dead_codes: float
    quantization_error: float
    latent_rates: tuple[float, ...]
    critic_loss: float
    critic_accuracy: float


class Trainer(NotCopied):
    """Gradients, the optimizer's memory, the schedule and the count of steps. A model has one trainer at a time: close
    it, or use it in a with statement. Do not use the model's sessions in other threads during a step.

    options   "optimizer adam lr=0.001", one section a line; None: the training sections of the model's own text
    """

    _instead = "save() it and load() the file into the trainer of another model"

    def __init__(self, model: Model, options: str | None = None, max_batch: int = 128, seed: int = 0):
        model.context.check_process()
        chosen = model._text if options is None else options
        self._model, self._lock = model, threading.Lock()
        self._handle: Handle | None = create(
            lib.vae_trainer_create, lib.vae_trainer_destroy, model._handle.pointer,
            None if chosen is None else utf8(chosen), max_batch, needs=(model._handle,))
        self._optimizer: OptimizerStruct | None = None
        self._failure: BaseException | None = None
        self._struct = MetricsStruct()
        check(lib.vae_trainer_seed(self._pointer, seed))

    @property
    def _pointer(self) -> ctypes.c_void_p:
        if self._handle is None:
            raise StateError("trainer: it is closed")
        return self._handle.pointer

    def close(self) -> None:
        """Free the trainer once no array of grad() is left."""
        self._handle = None

    def __enter__(self) -> Trainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _metrics(self, function: Callable[..., int], *arguments: Any) -> Metrics:
        self._model.context.check_process()
        with self._lock:
            self._struct.struct_size = ctypes.sizeof(MetricsStruct)
            status = function(self._pointer, *arguments, ctypes.byref(self._struct))
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        check(status)
        rates = tuple(self._struct.latent_rate[: self._struct.latents])
        return Metrics._make(rates if name == "latent_rates" else getattr(self._struct, name) for name in Metrics._fields)

    def _batch(self, function: Callable[..., int], n: int, labels: Any, weights: Any, condition: Any, **members: Any) -> Metrics:
        members["label"] = None if labels is None else _array.labels(labels, n)
        if condition is not None:
            members["condition"] = _array.condition(condition, n, self._model.condition_size)
        if weights is not None:
            members["weight"] = weights = _array.floats(np.asarray(weights, np.float32), "weights")
            if weights.shape != (n,):
                raise ShapeError(f"weights: shape {weights.shape}, wanted ({n},)")
        return self._metrics(function, ctypes.byref(BatchStruct.of(n, **members)))

    def step(self, x: Any, labels: Any = None, weights: Any = None, condition: Any = None) -> Metrics:
        """One step: backward() and apply()."""
        x = _array.floats(x, "x")
        n = _array.rows(x, self._model.input_shape, "x")
        return self._batch(lib.vae_trainer_step_batch, n, labels, weights, condition, x=x)

    def backward(self, x: Any, noise: Any = None, labels: Any = None, weights: Any = None, condition: Any = None) -> Metrics:
        """Add the gradient of the mean loss of x. noise, standard normal [n, D], or [n, samples, D] where the objective
        draws several samples, replaces the random stream. labels, whole numbers [n], are the classes that the model's
        condition or a prior asks for, -1 an example without a class, which only a condition takes. condition
        [n, condition_size] are the values that the model's condition asks for. With weights [n] the loss is a weighted
        mean: an example of weight 2 counts as two equal examples."""
        x = _array.floats(x, "x")
        n = _array.rows(x, self._model.input_shape, "x")
        if noise is not None:
            noise = _array.floats(noise, "noise")
            _array.check_noise(noise, n, self.samples, self._model.latent_shape)
        return self._batch(lib.vae_trainer_backward_batch, n, labels, weights, condition, x=x, noise=noise)

    def backward_codes(self, codes: Any, labels: Any = None, weights: Any = None) -> Metrics:
        """With objective prior: backward() of examples by their codes, which Model.encode_codes() gave."""
        codes = _array.whole(codes, "codes")
        n = _array.rows(codes, (self._model.codes_per_example,), "codes")
        return self._batch(lib.vae_trainer_backward_batch, n, labels, weights, None, codes=codes)

    def apply(self) -> Metrics:
        """Update the parameters by the mean of the accumulated gradients, and zero these."""
        return self._metrics(lib.vae_trainer_apply)

    def cancel(self) -> None:
        """From another thread: give up the step() or backward() that the trainer is at, or its next one. It raises CancelledError;
        trainer and model are as they were before it."""
        lib.vae_trainer_cancel(self._pointer)

    def grad(self, name: str) -> _array.Floats:
        """A parameter's gradient as an array that may be read and written between backward() and apply()."""
        tensor = ctypes.c_void_p()
        check(lib.vae_trainer_grad(self._pointer, self._model.params.index(name), ctypes.byref(tensor)))
        assert self._handle is not None
        return _array.view(tensor, self._handle, writable=True)

    def set_optimizer(self, step: Callable[..., Any], slots: int = 0, name: str = "python") -> None:
        """Use an optimizer of one's own, before the first step. step(w, g, slots, t, lr, decay) changes the flat array
        w from the gradient g; slots is a list of arrays like w that keep their values; t counts from 1."""

        def run(_user: int, n: int, t: int, lr: float, decay: float, g: Any, w: Any, slot: Any) -> None:
            if self._failure is not None:
                return
            try:
                memories = [np.ctypeslib.as_array(slot[i], (n,)) for i in range(slots)]
                step(np.ctypeslib.as_array(w, (n,)), np.ctypeslib.as_array(g, (n,)), memories, t, lr, decay)
            except BaseException as error:  # cannot cross C; _metrics() raises it
                self._failure = error

        optimizer = OptimizerStruct(ctypes.sizeof(OptimizerStruct), slots, None, utf8(name), OPTIMIZER_STEP(run))
        check(lib.vae_trainer_set_optimizer(self._pointer, ctypes.byref(optimizer)))
        self._optimizer = optimizer

    def set_lr(self, lr: float) -> None:
        """Replace the base learning rate that the schedule scales."""
        check(lib.vae_trainer_set_lr(self._pointer, lr))

    @property
    def samples(self) -> int:
        """How many latents the objective draws for each example: K of `iwae samples=K`, else 1."""
        return int(lib.vae_trainer_samples(self._pointer))

    @property
    def steps(self) -> int:
        """Steps applied so far."""
        return int(lib.vae_trainer_steps(self._pointer))

    @property
    def options(self) -> str:
        """The canonical text of the training."""
        return text(lib.vae_trainer_options, self._pointer)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint: the model and all that a bit-exact resume needs."""
        with about(path):
            check(lib.vae_trainer_save(self._pointer, path_bytes(path)))

    def load(self, path: str | os.PathLike[str]) -> None:
        """Continue from a checkpoint of the same spec and options."""
        with about(path):
            check(lib.vae_trainer_load(self._pointer, path_bytes(path)))


def min_batch(model: Model, options: str | None) -> int:
    """The least examples of one step."""
    chosen = model._text if options is None else options
    least = ctypes.c_int64()
    check(lib.vae_trainer_min_batch(model._handle.pointer, None if chosen is None else utf8(chosen), ctypes.byref(least)))
    return least.value
