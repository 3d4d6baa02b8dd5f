# SPDX-License-Identifier: MIT
"""One line that tells how far fit() is, written anew as it goes: in terminals and in notebooks."""
from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING, TextIO

from ._callbacks import Callback, Record, Run

if TYPE_CHECKING:
    from ._trainer import Metrics

_BAR = 16
_PAUSE = 0.1  # seconds between two lines, which a terminal takes longer to show than a small step to compute


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this."""
    ipython = sys.modules.get("IPython")
    return "ipykernel" in sys.modules and ipython is not None and ipython.get_ipython() is not None


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Progress(Callback):
    """The line: the epoch, a bar over all epochs, the figures, the time since the start and the time that is left."""

    def __init__(self, stream: TextIO | None = None):
        self._stream = stream or (sys.stdout if in_notebook() else sys.stderr)
        encoding = getattr(self._stream, "encoding", None) or "ascii"
        try:
            "█░".encode(encoding)
            self._full, self._empty = "█", "░"
        except (UnicodeEncodeError, LookupError):
            self._full, self._empty = "#", "."

    @classmethod
    def wanted(cls, progress: bool | None) -> bool:
        """None: if somebody looks on."""
        return in_notebook() or sys.stderr.isatty() if progress is None else progress

    def on_train_begin(self, run: Run) -> None:
        self._began, self._shown, self._steps, self._width = time.monotonic(), 0.0, 0, 0
        self._figures: dict[str, float] = {}

    def on_step_end(self, run: Run, metrics: Metrics) -> None:
        self._steps += 1
        if time.monotonic() - self._shown >= _PAUSE:
            self._figures["loss"] = metrics.loss
            self._show(run)

    def on_epoch_end(self, run: Run, record: Record) -> None:
        self._steps = 0
        self._figures = {name: record[name] for name in ("loss", "val_loss") if name in record}
        self._show(run)

    def on_train_end(self, run: Run) -> None:
        if self._width:
            self._show(run, ended=True)
            self._stream.write("\n")
            self._stream.flush()

    def _show(self, run: Run, ended: bool = False) -> None:
        self._shown = time.monotonic()
        seconds, done = self._shown - self._began, float(len(run.history))
        if run.steps:
            done += self._steps / run.steps
        share = min(done / run.epochs, 1.0)
        filled = round(share * _BAR)
        parts = [f"epoch {min(len(run.history) + (self._steps > 0), run.epochs)}/{run.epochs}",
                 self._full * filled + self._empty * (_BAR - filled),
                 *(f"{name} {value:.5g}" for name, value in self._figures.items()), _clock(seconds)]
        if 0 < share < 1 and not ended:
            parts.append(f"{_clock(seconds / share - seconds)} left")
        line = "  ".join(parts)[: shutil.get_terminal_size().columns - 1]
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = len(line)
