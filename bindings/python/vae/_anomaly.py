# SPDX-License-Identifier: MIT
"""Detectors of anomalies."""
from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _array
from ._array import Doubles, Floats
from ._context import Context
from ._errors import ArgumentError, about
from ._library import BatchStruct, Handle, NotCopied, check, create, lib, path_bytes, text, utf8

if TYPE_CHECKING:
    from ._model import Model

_HOW = {"conformal": 0, "quantile": 1, "tail": 2}


class Anomaly(NotCopied):
    """Detects examples that are unlike those of the training: each example gets a score, calibrated on normal examples.

    With the methods of scikit-learn's outlier detectors. One thread at a time uses a detector.

    Parameters
    ----------
    model : Model
        A trained model.
    score : str
        The score with its options, such as ``"mahalanobis ridge=0.01"``: see ``vae.registry()["score"]``.
    alpha : float
        The rate of false alarms of predict().
    threshold : {"conformal", "quantile", "tail"}
        How predict() finds the score above which an example is an anomaly; "tail" extrapolates beyond the largest calibration score.
    max_batch : int
        Examples that are worked on at once.

    Examples
    --------
    >>> model = vae.Model("input 8\\nencoder linear out=6 | relu\\nlatent gaussian dim=2\\n"
    ...                   "decoder linear out=6 | relu | linear out=8\\nlikelihood gaussian")
    >>> normal = np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32)
    >>> detector = vae.Anomaly(model, "pixels", alpha=0.05).fit(normal)
    >>> detector.predict(np.concatenate([normal[:3], normal[:3] + 20]))
    array([ 1,  1,  1, -1, -1, -1])
    """

    _instead = "save() it and load it"

    def __init__(self, model: Model, score: str = "bound", *, alpha: float = 0.01, threshold: str = "conformal", max_batch: int = 64):
        handle = create(lib.vae_anomaly_create, lib.vae_anomaly_destroy, model._handle.pointer, utf8(score), max_batch,
                        needs=(model._handle,))
        self._open(handle, model.context, model.input_shape, model.condition_size, alpha, threshold)

    def _open(self, handle: Handle, context: Context, shape: tuple[int, ...], condition: int, alpha: float, threshold: str) -> None:
        if threshold not in _HOW:
            raise ArgumentError(f"threshold: {threshold!r}, wanted one of {', '.join(_HOW)}")
        self._handle, self._context, self._input, self._condition = handle, context, shape, condition
        self.alpha, self.threshold = alpha, threshold

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, alpha: float = 0.01, threshold: str = "conformal", context: Context | None = None,
             max_batch: int = 64) -> Anomaly:
        """Load a fitted detector from a file that save() or ``vae anomaly fit`` wrote; ``Model.load`` opens the model in it."""
        from ._model import Model
        context = context or Context()
        model, detector = Model.load(path, context=context), cls.__new__(cls)
        with about(path):
            handle = create(lib.vae_anomaly_load, lib.vae_anomaly_destroy, context._handle.pointer, path_bytes(path), max_batch,
                            needs=(context,))
        detector._open(handle, context, model.input_shape, model.condition_size, alpha, threshold)
        return detector

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model and the fitted detector to one file."""
        with about(path):
            check(lib.vae_anomaly_save(self._handle.pointer, path_bytes(path)))

    @property
    def score(self) -> str:
        """The score as canonical text."""
        return text(lib.vae_anomaly_text, self._handle.pointer)

    def _run(self, function: Any, x: Any, labels: Any, condition: Any, *outputs: npt.NDArray[Any] | None) -> None:
        x = _array.floats(x, "x")
        n = _array.rows(x, self._input, "x")
        labels = None if labels is None else _array.labels(labels, n)
        condition = None if condition is None else _array.condition(condition, n, self._condition)
        self._context.check_process()
        batch = BatchStruct.of(n, x=x, label=labels, condition=condition)
        check(function(self._handle.pointer, ctypes.byref(batch), *(None if a is None else a.ctypes.data for a in outputs)))

    def fit(self, x: Any, y: Any = None, *, labels: Any = None, condition: Any = None) -> Anomaly:
        """Calibrate on normal examples that the model was not trained on.

        Parameters
        ----------
        x : array
            Examples: floats [n, ...] of the model's input shape, or flat, [n, size].
        y : None
            Not used.
        labels, condition : array, optional
            What a model with a section `condition` wants of each example.
        """
        self._run(lib.vae_anomaly_add, x, labels, condition)
        check(lib.vae_anomaly_fit(self._handle.pointer))
        return self

    def anomaly_scores(self, x: Any, *, labels: Any = None, condition: Any = None) -> Floats:
        """The score of each example, larger for less normal examples."""
        scores = np.empty(len(x), np.float32)
        self._run(lib.vae_anomaly_score, x, labels, condition, scores, None)
        return scores

    def score_samples(self, x: Any, *, labels: Any = None, condition: Any = None) -> Floats:
        """Minus the score of each example: as in scikit-learn, lower for less normal examples."""
        return -self.anomaly_scores(x, labels=labels, condition=condition)

    def p_values(self, x: Any, *, labels: Any = None, condition: Any = None) -> Doubles:
        """The conformal p-value of each example: at most alpha for at most a share alpha of normal examples."""
        values = np.empty(len(x))
        self._run(lib.vae_anomaly_score, x, labels, condition, None, values)
        return values

    @property
    def offset_(self) -> float:
        """decision_function() is score_samples() minus this, which is minus the threshold."""
        value = ctypes.c_double()
        check(lib.vae_anomaly_threshold(self._handle.pointer, _HOW[self.threshold], self.alpha, ctypes.byref(value)))
        return -value.value

    def decision_function(self, x: Any, *, labels: Any = None, condition: Any = None) -> Doubles:
        """The distance of each example from the threshold; negative for anomalies."""
        return self.score_samples(x, labels=labels, condition=condition).astype(np.float64) - self.offset_

    def predict(self, x: Any, *, labels: Any = None, condition: Any = None) -> npt.NDArray[np.int64]:
        """-1 for anomalies, 1 for the others."""
        return np.where(self.decision_function(x, labels=labels, condition=condition) < 0, -1, 1)
