# SPDX-License-Identifier: MIT
"""Files of models, of libvae or of another program."""
from __future__ import annotations

import os
from typing import Any

from ._errors import ArgumentError, about
from ._library import lib, path_bytes, text
from ._model import Model


def describe_checkpoint(path: str | os.PathLike[str]) -> str:
    """What Model.import_checkpoint() would make of the file, in lines of a word and a text: family, latents, scaling ..."""
    with about(path):
        return text(lib.vae_import_describe, None, path_bytes(path))


def open_model(path: str | os.PathLike[str], size: int | tuple[int, int] = 0, **options: Any) -> Model:
    """The model in a file: one of libvae, as Model.load(), else the autoencoder of another program's checkpoint, as
    Model.import_checkpoint() for pictures of this size."""
    try:
        describe_checkpoint(path)
    except ArgumentError:
        return Model.load(path, **options)
    return Model.import_checkpoint(path, size, **options)
