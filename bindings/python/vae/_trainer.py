# SPDX-License-Identifier: MIT
"""Training: one step at a time, and the loop over it."""
from __future__ import annotations

import ctypes
import math
import os
import threading
from typing import Any, Callable, NamedTuple

import numpy as np

from . import _array
from ._library import (OPTIMIZER_STEP, ArgumentError, BatchStruct, Handle, MetricsStruct, NotCopied, OptimizerStruct, ShapeError,
                       StateError, check, create, lib, path_bytes, text, utf8)
from ._model import Model, Session


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
        return Metrics(**{name: rates if name == "latent_rates" else getattr(self._struct, name) for name in Metrics._fields})

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

    def grad(self, name: str) -> np.ndarray:
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
        return lib.vae_trainer_samples(self._pointer)

    @property
    def steps(self) -> int:
        """Steps applied so far."""
        return lib.vae_trainer_steps(self._pointer)

    @property
    def options(self) -> str:
        """The canonical text of the training."""
        return text(lib.vae_trainer_options, self._pointer)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint: the model and all that a bit-exact resume needs."""
        check(lib.vae_trainer_save(self._pointer, path_bytes(path)))

    def load(self, path: str | os.PathLike[str]) -> None:
        """Continue from a checkpoint of the same spec and options."""
        check(lib.vae_trainer_load(self._pointer, path_bytes(path)))


def _min_batch(model: Model, options: str | None) -> int:
    """The least examples of one step."""
    chosen = model._text if options is None else options
    least = ctypes.c_int64()
    check(lib.vae_trainer_min_batch(model._handle.pointer, None if chosen is None else utf8(chosen), ctypes.byref(least)))
    return least.value


def _batches(n: int, batch: int, least: int) -> list[tuple[int, int]]:
    """Where each batch of n examples starts and ends: a remainder smaller than `least` joins the batch before."""
    ends = [*range(batch, n, batch), n]
    if len(ends) > 1 and n - ends[-2] < least:
        del ends[-2]
    return list(zip([0, *ends], ends))


def fit(model: Model, x: Any, epochs: int, batch: int, options: str | None, seed: int, shuffle: bool, validation: Any,
        callback: Callable[[dict[str, float]], Any] | None,
        on_step: Callable[[Metrics], Any] | None, given: tuple[Any, Any] = (None, None),
        validation_given: tuple[Any, Any] = (None, None)) -> list[dict[str, float]]:
    """Model.fit(). The loop is here so that Python sees Ctrl-C between two steps."""
    x = _array.floats(x, "x")
    n = _array.rows(x, model.input_shape, "x")
    if n < 1 or batch < 1 or epochs < 0:
        raise ArgumentError(f"fit: {n} examples, batch {batch}, {epochs} epochs: wanted at least 1, 1 and 0")
    batches = _batches(n, min(batch, n), _min_batch(model, options))
    batch = max(end - start for start, end in batches)
    flat = x.reshape(n, math.prod(model.input_shape))
    labels = None if given[0] is None else _array.labels(given[0], n)
    condition = None if given[1] is None else _array.condition(given[1], n, model.condition_size)
    order, random = np.arange(n), np.random.Generator(np.random.Philox(seed))
    gathered = np.empty((batch, flat.shape[1]), np.float32) if shuffle else None
    judge = None if validation is None else Session(model, batch)
    model.history = []
    stop = False
    with Trainer(model, options, batch, seed) as trainer:
        for epoch in range(1, epochs + 1):
            if shuffle:
                random.shuffle(order)
            sums = np.zeros(3)
            seen = 0
            for start, end in batches:
                rows = flat[start:end]
                if gathered is not None:  # "clip" only because it lets take() write straight into the buffer
                    rows = np.take(flat, order[start:end], 0, out=gathered[: len(rows)], mode="clip")
                labels_of, condition_of = (None if a is None else a[order[start:end]] for a in (labels, condition))
                metrics = trainer.step(rows, labels_of, condition=condition_of)
                sums += np.array((metrics.loss, metrics.recon, metrics.rate)) * len(rows)
                seen += len(rows)
                if on_step is not None and on_step(metrics):
                    stop = True
                    break
            record: dict[str, float] = {"epoch": epoch, "step": trainer.steps}
            record.update(zip(("loss", "recon", "rate"), (sums / seen).tolist()))
            if judge is not None:
                judge.seed(0)  # the same noise every time, so that epochs can be compared
                record["val_loss"] = -float(judge.elbo(validation, labels=validation_given[0], condition=validation_given[1]).elbo.mean())
            model.history.append(record)
            if (callback is not None and callback(record)) or stop:
                break
    return model.history
