# SPDX-License-Identifier: MIT
"""What looks on while fit() trains, and may stop it."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Union, overload

import numpy as np
import numpy.typing as npt

from ._errors import ArgumentError

if TYPE_CHECKING:
    from ._model import Model
    from ._trainer import Metrics, Trainer

Record = dict[str, float]


class History(Sequence[Record]):
    """What fit() tells of each epoch: a sequence of records.

    A record has `epoch`, `step`, the means `loss`, `recon` and `rate` in nats per example, and with validation data `val_loss`. A name
    instead of a number gives one figure of all epochs. ``pandas.DataFrame(history)`` makes a table.

    Examples
    --------
    >>> history = vae.History([{"epoch": 1, "loss": 9.5}, {"epoch": 2, "loss": 9.25}])
    >>> history["loss"]
    [9.5, 9.25]
    >>> history[-1]["epoch"]
    2
    >>> history
    <vae.History of 2 epochs: loss 9.25>
    """

    def __init__(self, records: Iterable[Record] = ()):
        self._records = [dict(record) for record in records]

    def append(self, record: Record) -> None:
        """Add the record of one more epoch."""
        self._records.append(record)

    @overload
    def __getitem__(self, key: int) -> Record: ...
    @overload
    def __getitem__(self, key: slice) -> list[Record]: ...
    @overload
    def __getitem__(self, key: str) -> list[float]: ...
    def __getitem__(self, key: int | slice | str) -> Record | list[Record] | list[float]:
        return [record[key] for record in self._records] if isinstance(key, str) else self._records[key]

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Iterable) and list(self) == list(other)

    def __repr__(self) -> str:
        last = self._records[-1] if self._records else {}
        figures = ", ".join(f"{name} {last[name]:.6g}" for name in ("loss", "val_loss") if name in last)
        return f"<vae.History of {len(self)} epoch{'s' * (len(self) != 1)}{': ' * bool(figures)}{figures}>"


@dataclass
class Run:
    """A training that fit() is at, as its callbacks see it.

    Attributes
    ----------
    model, trainer, history
        What is trained, by what, and the records of the epochs so far. The trainer is closed when on_train_end() is called.
    epochs, steps
        The epochs that were asked for, and the steps of each; None if an iterable does not tell.
    stop
        Set it to true, and the training ends behind this step.
    """

    model: Model
    trainer: Trainer
    epochs: int
    steps: int | None
    history: History = field(default_factory=History)
    stop: bool = False


class Callback:
    """Base class of what looks on while fit() trains; a subclass overrides what it wants to know.

    For what happens behind each epoch a function will do: it gets the record, and stops the training by returning something true.
    """

    def on_train_begin(self, run: Run) -> None:
        """Before the first step."""

    def on_step_end(self, run: Run, metrics: Metrics) -> None:
        """Behind each step."""

    def on_epoch_end(self, run: Run, record: Record) -> None:
        """Behind each epoch, with its record, which is the last of run.history."""

    def on_train_end(self, run: Run) -> None:
        """When the training is over, however it ended: by an exception or by Ctrl-C too."""


class _Function(Callback):
    def __init__(self, function: Callable[[Record], Any]):
        self._function = function

    def on_epoch_end(self, run: Run, record: Record) -> None:
        if self._function(record):
            run.stop = True


class BestWeights(Callback):
    """Keeps the parameters of the best epoch, and gives them back to the model when the training ends, also by Ctrl-C or an exception.

    Parameters
    ----------
    monitor : str, optional
        The figure of a record that is to be small; by default `val_loss` if there are validation data, else `loss`.
    min_delta : float
        How much smaller it must be to count as better.

    Attributes
    ----------
    best : float
        The least value so far.
    best_epoch : int
        Its epoch, counted from 1; 0 before the first.
    """

    def __init__(self, monitor: str | None = None, *, min_delta: float = 0.0):
        self.monitor, self.min_delta = monitor, min_delta
        self.best, self.best_epoch = math.inf, 0
        self._restores = True
        self._weights: dict[str, npt.NDArray[np.float32]] = {}

    def on_train_begin(self, run: Run) -> None:
        self.best, self.best_epoch, self._weights = math.inf, 0, {}

    def on_epoch_end(self, run: Run, record: Record) -> None:
        name = self.monitor or ("val_loss" if "val_loss" in record else "loss")
        if name not in record:
            raise ArgumentError(f"monitor: {name!r}, wanted one of {', '.join(record)}")
        if record[name] < self.best - self.min_delta:
            self.best, self.best_epoch = record[name], int(record["epoch"])
            if self._restores:
                self._weights = run.model.state_dict()

    def on_train_end(self, run: Run) -> None:
        if self._weights and self.best_epoch != len(run.history):
            run.model.load_state_dict(self._weights)
        self._weights = {}


class EarlyStopping(BestWeights):
    """Stops the training when a figure has not become smaller for some epochs.

    Parameters
    ----------
    monitor, min_delta
        As for BestWeights.
    patience : int
        The epochs without a better figure after which the training stops.
    restore_best_weights : bool
        Whether the model gets the parameters of the best epoch back, or keeps the last.
    """

    def __init__(self, monitor: str | None = None, *, patience: int = 5, min_delta: float = 0.0, restore_best_weights: bool = True):
        super().__init__(monitor, min_delta=min_delta)
        if patience < 1:
            raise ArgumentError(f"patience: {patience}, wanted 1 or more epochs")
        self.patience, self._restores = patience, restore_best_weights

    def on_epoch_end(self, run: Run, record: Record) -> None:
        super().on_epoch_end(run, record)
        if record["epoch"] - self.best_epoch >= self.patience:
            run.stop = True


AnyCallback = Union[Callback, Callable[[Record], Any]]


def callback_list(given: AnyCallback | Sequence[AnyCallback]) -> list[Callback]:
    """One callback or several, functions among them, as Callbacks."""
    items = [given] if isinstance(given, Callback) or callable(given) else list(given)
    for item in items:
        if isinstance(item, type) or not (isinstance(item, Callback) or callable(item)):
            raise ArgumentError(f"callbacks: {item!r}, wanted a vae.Callback or a function of a record")
    return [item if isinstance(item, Callback) else _Function(item) for item in items]
