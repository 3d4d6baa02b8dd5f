# SPDX-License-Identifier: MIT
"""The methods of a model that work on examples by its own session."""
from __future__ import annotations

from typing import Any

from ._array import Bytes, Floats, Whole
from ._session import Elbo, Session


class Running:
    """What a model computes from examples, latents and codes: each method calls that of the same name of the model's own session."""

    def _default(self) -> Session:
        raise NotImplementedError  # Model has the session

    def seed(self, seed: int) -> None:
        """Start the random numbers of sample() and elbo() anew."""
        self._default().seed(seed)

    def encode(self, x: Any, out: tuple[Floats, Floats] | None = None, labels: Any = None,
                   condition: Any = None) -> tuple[Floats, Floats]:
        """The posterior of each example.

        Parameters
        ----------
        x : array
            Examples: floats [n, ...] of `input_shape`, or flat, [n, size].
        out : pair of arrays, optional
            float32 arrays to write into.
        labels : array, optional
            Whole numbers [n], the class of each example, for a model that tells `class_count` classes apart.
        condition : array, optional
            float32 [n, `condition_size`], what each example brings besides x, for a model with ``condition vector=...``.

        Returns
        -------
        mean, logvar : float32 arrays [n, ...] of `latent_shape`
            The mean and the logarithm of the variance.
        """
        return self._default().encode(x, out, labels, condition)

    def decode(self, z: Any, out: Floats | None = None, labels: Any = None,
                   condition: Any = None) -> Floats:
        """Examples for latents: the mean of the likelihood.

        Parameters
        ----------
        z : array
            Latents: floats [n, ...] of `latent_shape`.
        out : array, optional
            A float32 array to write into.
        labels : array, optional
            Whole numbers [n], the class of each example, for a model that tells `class_count` classes apart.
        condition : array, optional
            float32 [n, `condition_size`], what each example brings besides x, for a model with ``condition vector=...``.

        Returns
        -------
        x : float32 array [n, ...] of `input_shape`
            The examples.
        """
        return self._default().decode(z, out, labels, condition)

    def encode_codes(self, x: Any, out: Whole | None = None, labels: Any = None,
                         condition: Any = None) -> Whole:
        """Each example as whole numbers, for a latent of codes.

        Parameters
        ----------
        x : array
            Examples: floats [n, ...] of `input_shape`, or flat, [n, size].
        out : array, optional
            An int32 array to write into.
        labels : array, optional
            Whole numbers [n], the class of each example, for a model that tells `class_count` classes apart.
        condition : array, optional
            float32 [n, `condition_size`], what each example brings besides x, for a model with ``condition vector=...``.

        Returns
        -------
        codes : int32 array [n, codes_per_example]
            Numbers of 0..`codebook_size`-1.
        """
        return self._default().encode_codes(x, out, labels, condition)

    def decode_codes(self, codes: Any, out: Floats | None = None, labels: Any = None,
                         condition: Any = None) -> Floats:
        """Examples for codes: the way back from encode_codes().

        Parameters
        ----------
        codes : array
            Whole numbers [n, `codes_per_example`] of 0..`codebook_size`-1.
        out : array, optional
            A float32 array to write into.
        labels : array, optional
            Whole numbers [n], the class of each example, for a model that tells `class_count` classes apart.
        condition : array, optional
            float32 [n, `condition_size`], what each example brings besides x, for a model with ``condition vector=...``.

        Returns
        -------
        x : float32 array [n, ...] of `input_shape`
            The mean of the likelihood.
        """
        return self._default().decode_codes(codes, out, labels, condition)

    def decode_rgba8(self, z: Any, out: Bytes | None = None) -> Bytes:
        """One latent as an image, uint8[H, W, 4]; out may be a part of a larger image."""
        return self._default().decode_rgba8(z, out)

    def reconstruct(self, x: Any, out: Floats | None = None, labels: Any = None,
                        condition: Any = None) -> Floats:
        """What the model makes of examples: the decoded mean of their posterior.

        Parameters
        ----------
        x : array
            Examples: floats [n, ...] of `input_shape`, or flat, [n, size].
        out : array, optional
            A float32 array to write into.
        labels : array, optional
            Whole numbers [n], the class of each example, for a model that tells `class_count` classes apart.
        condition : array, optional
            float32 [n, `condition_size`], what each example brings besides x, for a model with ``condition vector=...``.

        Returns
        -------
        x : float32 array [n, ...] of `input_shape`
            The mean of the likelihood.
        """
        return self._default().reconstruct(x, out, labels, condition)

    def sample(self, n: int = 1, noise: Any = None, out: Floats | None = None, labels: Any = None,
               condition: Any = None) -> Floats:
        """New examples: the mean of the likelihood for latents from the prior.

        Parameters
        ----------
        n : int
            How many.
        noise : array, optional
            Standard normal floats [n, D] in place of the stream of random numbers that seed() starts; its length is n.
        out : array, optional
            A float32 array to write into.
        labels : array, optional
            Whole numbers [n], the class of each example, for a model that tells `class_count` classes apart.
        condition : array, optional
            float32 [n, `condition_size`], what each example brings besides x, for a model with ``condition vector=...``.

        Returns
        -------
        x : float32 array [n, ...] of `input_shape`
            The examples.
        """
        return self._default().sample(n, noise, out, labels, condition)

    def elbo(self, x: Any, samples: int = 1, noise: Any = None, labels: Any = None, condition: Any = None) -> Elbo:
        """The bound of each example's log-likelihood, and its parts.

        Parameters
        ----------
        x : array
            Examples: floats [n, ...] of `input_shape`, or flat, [n, size].
        samples : int
            Draws from the posterior; with more than one, the importance-weighted bound, which is tighter.
        noise : array, optional
            Standard normal floats [n, samples, D] in place of the stream of random numbers.
        labels : array, optional
            Whole numbers [n], the class of each example, for a model that tells `class_count` classes apart.
        condition : array, optional
            float32 [n, `condition_size`], what each example brings besides x, for a model with ``condition vector=...``.

        Returns
        -------
        Elbo
            `elbo`, `recon` and `rate`, float64 [n] each, in nats: elbo = -recon - rate for one sample. Low bounds are unusual examples.
        """
        return self._default().elbo(x, samples, noise, labels, condition)
