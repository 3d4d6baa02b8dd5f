# SPDX-License-Identifier: MIT
"""Model.fit(): the loop over a trainer's steps. It is here, and not in C, so that Python sees Ctrl-C between two steps."""
from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ._callbacks import AnyCallback, Callback, History, Record, Run, callback_list
from ._data import Arrays, Batch, Source, source, validation_source
from ._errors import ArgumentError, VaeError
from ._model import Model
from ._progress import Progress
from ._session import Session
from ._trainer import Metrics, Trainer, min_batch

_BATCH = 128


class _Plan:
    """The batches of each epoch, and the most examples that one of them may have."""

    def __init__(self, model: Model, data: Source, batch_size: int | None, options: str | None, shuffle: bool, seed: int, epochs: int):
        self.steps: int | None
        if (batch_size is not None and batch_size < 1) or epochs < 0:
            raise ArgumentError(f"fit: batch_size {batch_size}, epochs {epochs}: wanted at least 1 and 0")
        if isinstance(data, Arrays):
            if data.n < 1:
                raise ArgumentError("fit: 0 examples, wanted at least 1")
            spans = data.spans(min(batch_size or _BATCH, data.n), min_batch(model, options))
            order = np.arange(data.n) if shuffle else None
            random = np.random.Generator(np.random.Philox(seed))
            self.largest, self.steps = max(end - start for start, end in spans), len(spans)

            def arrays() -> Iterator[Batch]:
                if order is not None:
                    random.shuffle(order)
                return data.batches(spans, order)

            self.epoch: Callable[[], Iterator[Batch]] = arrays
            return
        if data.once and epochs > 1:
            raise ArgumentError(f"x: an iterator gives its batches once, and epochs is {epochs}: wanted an iterable such as a "
                                "DataLoader, or a function that returns an iterator")
        start = data.batches()
        first = next(start, None)  # tells how large batches are
        if first is None:
            raise ArgumentError("x: gives no batch, wanted at least 1")
        self.largest, self.steps = max(batch_size or 0, len(first.x)), None
        begun: list[Iterator[Batch]] = [itertools.chain([first], start)]
        self.epoch = lambda: begun.pop() if begun else data.batches()


def _validation_loss(judge: Session, data: Source, batch: int) -> float:
    """The mean of the negative bound, with the same noise every time, so that epochs can be compared."""
    judge.seed(0)
    total, n = 0.0, 0
    for part in data.batches(data.spans(batch, 1), None) if isinstance(data, Arrays) else data.batches():
        try:
            total -= float(judge.elbo(part.x, labels=part.labels, condition=part.condition).elbo.sum())
        except VaeError as error:
            part.locate(error)
            error.args = (f"validation_data: {error}",)
            raise
        n += len(part.x)
    if n == 0:
        raise ArgumentError("validation_data: 0 examples, wanted at least 1")
    return total / n


def _step(trainer: Trainer, batch: Batch, largest: int) -> Metrics:
    if len(batch.x) > largest:
        raise ArgumentError(f"{batch.rows}: {len(batch.x)} examples, wanted at most {largest} as in the first, or batch_size="
                            f"{len(batch.x)}")
    try:
        return trainer.step(batch.x, batch.labels, condition=batch.condition)
    except VaeError as error:
        batch.locate(error)
        raise


def _train(run: Run, plan: _Plan, judge: Session | None, held_out: Source | None, lookers: list[Callback]) -> None:
    for epoch in range(1, run.epochs + 1):
        sums, seen = np.zeros(3), 0
        for batch in plan.epoch():
            metrics = _step(run.trainer, batch, plan.largest)
            sums += np.array((metrics.loss, metrics.recon, metrics.rate)) * len(batch.x)
            seen += len(batch.x)
            for looker in lookers:
                looker.on_step_end(run, metrics)
            if run.stop:
                break
        if seen == 0:
            raise ArgumentError(f"x: gives no batch in epoch {epoch}, wanted at least 1")
        record: Record = {"epoch": epoch, "step": run.trainer.steps}
        record.update(zip(("loss", "recon", "rate"), (sums / seen).tolist()))
        if judge is not None and held_out is not None:
            record["val_loss"] = _validation_loss(judge, held_out, plan.largest)
        run.history.append(record)
        for looker in lookers:
            looker.on_epoch_end(run, record)
        if run.stop:
            break


def fit(model: Model, x: Any, y: Any, epochs: int, batch_size: int | None, validation_data: Any,
        callbacks: AnyCallback | Sequence[AnyCallback], progress: bool | None, options: str | None, condition: Any,
        scale: float | None, shuffle: bool, seed: int) -> History:
    """Model.fit()."""
    lookers = callback_list(callbacks)
    held_out = validation_source(model, validation_data, scale)
    plan = _Plan(model, source(model, x, y, condition, scale), batch_size, options, shuffle, seed, epochs)
    judge = None if held_out is None else Session(model, plan.largest)
    if Progress.wanted(progress):
        lookers.insert(0, Progress())
    with Trainer(model, options, plan.largest, seed) as trainer:
        run = Run(model, trainer, epochs, plan.steps)
        model.history = run.history
        begun: list[Callback] = []
        try:
            for looker in lookers:
                begun.append(looker)
                looker.on_train_begin(run)
            _train(run, plan, judge, held_out, lookers)
        finally:
            trainer.close()
            for looker in begun:
                looker.on_train_end(run)
    return model.history
