# SPDX-License-Identifier: MIT
"""A variational autoencoder as an estimator of scikit-learn (1.6 or newer): rows in, latents out, in a Pipeline like any other.

    from vae.sklearn import VAE
    codes = make_pipeline(MinMaxScaler(clip=True), VAE(8, likelihood="bernoulli")).fit_transform(X)
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ._array import Doubles, Floats
from ._callbacks import EarlyStopping, History
from ._errors import ArgumentError, ShapeError
from ._model import Model
from ._registry import spec_get

_AT_ONCE = 1 << 22  # values of noise that score_samples() keeps at a time


class VAE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Variational autoencoder: a density model with latents.

    transform() gives the mean of each row's posterior, inverse_transform() the mean of the likelihood for latents, score_samples() a lower
    bound of each row's log-density, sample() new rows.

    Parameters
    ----------
    n_components : int
        Latents of a row.
    hidden_layer_sizes : sequence of int
        Widths of the layers of the encoder; the decoder has them in reverse.
    likelihood : str
        What the features are: ``"gaussian sigma=learned"`` for real ones, ``"bernoulli"`` for those in [0, 1], or another of libvae with
        its options. Scale real features before, with StandardScaler or the like.
    beta : float
        Weight of the rate; above 1, the latents tell less of a row and are nearer to the prior.
    spec : str, optional
        A text of libvae or the name of a preset in place of the parameters above, convolutions for one; a row holds its input, flat.
    max_iter : int
        Epochs.
    batch_size : int
        Rows of a step.
    learning_rate : float
        Of Adam.
    early_stopping : bool
        Whether `validation_fraction` of the rows are held out, and the training ends when their loss has not become smaller for
        `n_iter_no_change` epochs, with the parameters of the best one.
    validation_fraction : float
        See `early_stopping`.
    n_iter_no_change : int
        See `early_stopping`.
    random_state : int, RandomState or None
        Of the parameters, the order of the rows and the noise. The same int gives the same estimator on every machine.
    n_jobs : int, optional
        Threads, as everywhere in scikit-learn: None is one, -1 all processors. The results are the same for any number.
    verbose : bool
        Whether a line shows how far the training is.

    Attributes
    ----------
    model_ : vae.Model
        The trained model, with all that libvae can do with it.
    history_ : vae.History
        A record for each epoch.
    n_iter_ : int
        Epochs that were run.
    n_features_in_ : int
        Features seen during fit.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from vae.sklearn import VAE
    >>> X = load_digits().data / 16
    >>> digits = VAE(4, likelihood="bernoulli", max_iter=5, random_state=0).fit(X)
    >>> digits.transform(X).shape, digits.sample(3).shape
    ((1797, 4), (3, 64))
    >>> bool(digits.score(X) > digits.score(np.random.default_rng(0).random(X.shape)))
    True
    """

    def __init__(self, n_components: int = 2, *, hidden_layer_sizes: Sequence[int] = (128,), likelihood: str = "gaussian sigma=learned",
                 beta: float = 1.0, spec: str | None = None, max_iter: int = 50, batch_size: int = 128, learning_rate: float = 0.001,
                 early_stopping: bool = False, validation_fraction: float = 0.1, n_iter_no_change: int = 10,
                 random_state: Any = None, n_jobs: int | None = None, verbose: bool = False):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.likelihood = likelihood
        self.beta = beta
        self.spec = spec
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _text(self, n_features: int) -> str:
        if self.spec is not None:
            return self.spec
        up = [f"linear out={width} | relu" for width in self.hidden_layer_sizes]
        return (f"input {n_features}\nencoder {' | '.join(up or ['flatten'])}\nlatent gaussian dim={self.n_components}\n"
                f"decoder {' | '.join([*up[::-1], f'linear out={n_features}'])}\nlikelihood {self.likelihood}\n")

    def fit(self, X: Any, y: Any = None) -> VAE:
        """Train on the rows of X; y is not used.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : None
            Not used.

        Returns
        -------
        self : VAE
            The estimator.
        """
        X = validate_data(self, X, dtype=np.float32, ensure_min_samples=2 if self.early_stopping else 1)
        random = check_random_state(self.random_state)
        seed, self._noise_seed = (int(value) for value in random.randint(2**31 - 1, size=2))
        if self.max_iter < 1:
            raise ArgumentError(f"max_iter: {self.max_iter}, wanted 1 or more")
        held_out, callbacks = None, []
        if self.early_stopping:
            order, n = random.permutation(len(X)), round(len(X) * self.validation_fraction)
            if not 1 <= n < len(X):
                raise ArgumentError(f"validation_fraction: {self.validation_fraction} of {len(X)} rows are {n}, wanted 1..{len(X) - 1}")
            held_out, X = X[order[:n]], X[order[n:]]
            callbacks.append(EarlyStopping(patience=self.n_iter_no_change))
        self.model_ = Model(self._text(X.shape[1]), seed, threads=effective_n_jobs(self.n_jobs))  # pyright: ignore[reportArgumentType]
        if np.prod(self.model_.input_shape) != X.shape[1]:
            raise ShapeError(f"spec: an input of {self.model_.input_shape}, and X has {X.shape[1]} features")
        self.history_: History = self.model_.fit(
            X, epochs=self.max_iter, batch_size=self.batch_size, validation_data=held_out, callbacks=callbacks, progress=bool(self.verbose),
            options=f"optimizer adam lr={self.learning_rate}\nobjective elbo beta={self.beta}", seed=seed)
        self.n_iter_ = len(self.history_)
        return self

    def _rows(self, X: Any) -> Floats:
        check_is_fitted(self)
        rows: Floats = validate_data(self, X, dtype=np.float32, reset=False)  # pyright: ignore[reportAssignmentType]
        return rows

    @property
    def _n_features_out(self) -> int:
        return int(np.prod(self.model_.latent_shape))

    def transform(self, X: Any) -> Floats:
        """The latents of rows: the mean of each one's posterior.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components), float32
            The latents.
        """
        rows = self._rows(X)
        return self.model_.encode(rows)[0].reshape(len(rows), -1)

    def inverse_transform(self, Z: Any) -> Floats:
        """Rows for latents: the mean of the likelihood.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
            Latents.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), float32
            The rows.
        """
        check_is_fitted(self)
        z = check_array(Z, dtype=np.float32)  # pyright: ignore[reportArgumentType]
        return self.model_.decode(z).reshape(len(z), -1)

    def score_samples(self, X: Any, draws: int = 16) -> Doubles:
        """A lower bound of the log-density of each row, in nats: low values are unusual rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        draws : int
            Draws from each posterior: more of them make the bound tighter. Every row has the same noise, so that its score does not
            depend on the others.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            The bound of each row.
        """
        rows = self._rows(X)
        if spec_get(self.model_.spec, "latent").split()[0] != "gaussian":  # codes, and latents without a distribution: nothing to draw
            return self.model_.elbo(rows).elbo
        noise = np.random.default_rng(self._noise_seed).standard_normal((1, draws, self._n_features_out), np.float32)
        part = max(1, _AT_ONCE // noise.size)
        scores = []
        for start in range(0, len(rows), part):
            x = rows[start: start + part]
            scores.append(self.model_.elbo(x, draws, noise=np.repeat(noise, len(x), 0)).elbo)
        return np.concatenate(scores)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of score_samples().

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : None
            Not used.

        Returns
        -------
        score : float
            The mean of the rows' bounds, in nats.
        """
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Floats:
        """New rows: the mean of the likelihood for latents from the prior.

        Parameters
        ----------
        n_samples : int
            How many.
        random_state : int, RandomState or None
            Of the latents.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), float32
            The rows.
        """
        check_is_fitted(self)
        session = self.model_.session(seed=int(check_random_state(random_state).randint(2**31 - 1)))
        return session.sample(n_samples).reshape(n_samples, -1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
