# SPDX-License-Identifier: MIT
"""Pictures of models and of their training, with matplotlib (pip install libvae[plot]).

Each function draws on one Axes, `ax`, or on a new figure, and returns the Axes.

    vae.plot.history(model.history)
    vae.plot.reconstructions(model, images[:8])
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._array import Floats
from ._errors import ArgumentError, ShapeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._callbacks import History
    from ._model import Model

_CLASSES = 10  # colours that a legend still tells apart


def _axes(ax: Axes | None, width: float, height: float) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def _grid(x: npt.NDArray[Any], columns: int) -> Floats:
    """Images [n, H, W, C] side by side as one, with a white line between them; C of 1, 3 or 4."""
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4 or x.shape[-1] not in (1, 3, 4) or len(x) == 0:
        raise ShapeError(f"x: shape {x.shape}, wanted images (n, height, width, channels) of 1, 3 or 4 channels")
    n, height, width, channels = x.shape
    rows = math.ceil(n / columns)
    grid = np.ones((rows * (height + 1) - 1, columns * (width + 1) - 1, channels), np.float32)
    for i, image in enumerate(x):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        grid[top: top + height, left: left + width] = np.clip(image, 0, 1)
    return grid


def images(x: Any, columns: int | None = None, ax: Axes | None = None) -> Axes:
    """Images in rows.

    Parameters
    ----------
    x : array
        Floats of 0..1 [n, height, width, channels], one, three or four channels; or [n, height, width].
    columns : int, optional
        Images of a row; by default as many as make a square.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        What was drawn on.
    """
    x = np.asarray(x)
    columns = columns or max(1, math.ceil(math.sqrt(len(x))))
    grid = _grid(x, columns)
    ax = _axes(ax, min(10, 0.9 * columns), min(10, 0.9 * columns) * grid.shape[0] / grid.shape[1])
    ax.imshow(grid[..., 0] if grid.shape[-1] == 1 else grid, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    return ax


def reconstructions(model: Model, x: Any, ax: Axes | None = None) -> Axes:
    """Examples, and below each what the model makes of it.

    Parameters
    ----------
    model : Model
        A model of images.
    x : array
        A few examples [n, ...].
    ax : matplotlib.axes.Axes, optional
        As for images().

    Returns
    -------
    matplotlib.axes.Axes
        What was drawn on.
    """
    made = model.reconstruct(x)
    return images(np.concatenate([np.asarray(x).reshape(made.shape), made]), len(made), ax)


def samples(model: Model, n: int = 16, columns: int | None = None, seed: int = 0, ax: Axes | None = None) -> Axes:
    """New examples from the prior.

    Parameters
    ----------
    model : Model
        A model of images.
    n, columns : int
        How many, and how many in a row.
    seed : int
        Of the latents.
    ax : matplotlib.axes.Axes, optional
        As for images().

    Returns
    -------
    matplotlib.axes.Axes
        What was drawn on.
    """
    return images(model.session(seed=seed).sample(n), columns, ax)


def traversals(model: Model, x: Any, dims: Sequence[int] | None = None, steps: int = 9, width: float = 2.5,
               ax: Axes | None = None) -> Axes:
    """What each latent means: a row for each, in which it goes from -width to width while the others stay those of one example.

    Parameters
    ----------
    model : Model
        A model of images.
    x : array
        The example, [1, ...].
    dims : sequence of int, optional
        Which latents; by default the first ten.
    steps : int
        Images of a row.
    width : float
        How far they go, in standard deviations of the prior.
    ax : matplotlib.axes.Axes, optional
        As for images().

    Returns
    -------
    matplotlib.axes.Axes
        What was drawn on.
    """
    mean = model.encode(x)[0]
    if len(mean) != 1 or steps < 2:
        raise ArgumentError(f"x: {len(mean)} examples, steps: {steps}, wanted 1 and at least 2")
    flat = mean.reshape(-1)
    chosen = list(range(min(10, flat.size)) if dims is None else dims)
    z = np.tile(flat, (len(chosen), steps, 1))
    for row, dim in enumerate(chosen):
        z[row, :, dim] = np.linspace(-width, width, steps)
    return images(model.decode(z.reshape(len(chosen) * steps, *mean.shape[1:])), steps, ax)


def latents(model: Model, x: Any, y: Any = None, ax: Axes | None = None) -> Axes:
    """Where the examples are among the latents: the means of two, or of more along the two directions in which they differ most (PCA).

    Parameters
    ----------
    model : Model
        Any model.
    x : array
        Examples [n, ...].
    y : array, optional
        Labels or values [n], as colours; a legend names up to ten labels.
    ax : matplotlib.axes.Axes, optional
        As for images().

    Returns
    -------
    matplotlib.axes.Axes
        What was drawn on.
    """
    z = model.encode(x)[0].reshape(len(x), -1).astype(np.float64)
    names = ("latent 0", "latent 1")
    if z.shape[1] > 2:
        z -= z.mean(0)
        z, names = z @ np.linalg.svd(z, full_matrices=False)[2][:2].T, ("first direction", "second direction")
    if z.shape[1] < 2:
        z = np.column_stack([z, np.zeros(len(z))])
    ax = _axes(ax, 6, 5)
    kinds = [] if y is None else np.unique(y).tolist()
    if 0 < len(kinds) <= _CLASSES:
        for number, kind in enumerate(kinds):
            part = z[np.asarray(y) == kind]
            ax.scatter(part[:, 0], part[:, 1], s=6, color=f"C{number}", label=str(kind), linewidths=0)
        ax.legend(markerscale=3, fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    else:
        ax.scatter(z[:, 0], z[:, 1], s=6, c=y, linewidths=0)
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])
    return ax


def history(records: History, ax: Axes | None = None) -> Axes:
    """The losses of each epoch, in nats per example.

    Parameters
    ----------
    records : History
        What fit() returned.
    ax : matplotlib.axes.Axes, optional
        As for images().

    Returns
    -------
    matplotlib.axes.Axes
        What was drawn on.
    """
    ax = _axes(ax, 6, 3.5)
    for name, label in (("loss", "training"), ("val_loss", "validation")):
        points = [(record["epoch"], record[name]) for record in records if name in record]
        if points:
            ax.plot(*zip(*points), label=label, marker="." if len(points) < 30 else "")
    ax.set_xlabel("epoch")
    ax.set_ylabel("nats per example")
    ax.legend(frameon=False)
    return ax
