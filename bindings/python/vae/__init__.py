# SPDX-License-Identifier: MIT
"""vae: variational autoencoders on the CPU, by libvae.

    model = vae.Model("conv")                  a preset, or a text; see vae.presets(), vae.registry()
    model.fit(images, epochs=5)                float32 [n, 28, 28] in [0, 1]
    model.save("clothes.safetensors")          PyTorch opens it too
    model.sample(64)                           new images

Arrays are float32 and channels last. Whatever is float32 and C-contiguous goes in without a copy. Errors are VaeErrors
that carry the library's sentence; each is also a ValueError, OSError, MemoryError ... as fits.
"""
from . import plot
from ._anomaly import Anomaly
from ._callbacks import BestWeights, Callback, EarlyStopping, History, Run
from ._checkpoint import describe_checkpoint, open_model as open
from ._codes import codes_pack, codes_unpack
from ._errors import (ArgumentError, CallbackError, CancelledError, FileError, FormatError, LimitError, NumericError,
                      OutOfMemoryError, ShapeError, SpecError, StateError, UnsupportedError, VaeError, VersionError)
from ._library import lib
from ._context import Context
from ._measure import measure
from ._model import Model
from ._params import IncompatibleKeys, Params
from ._registry import Module, Option, canonical, presets, registry, spec_get, spec_set
from ._session import Elbo, Session
from ._trainer import Metrics, Trainer

__version__ = "0.1.0"
library_version: str = lib.vae_version_string().decode()
build_info: str = lib.vae_build_info().decode()

__all__ = [
    "Anomaly", "ArgumentError", "BestWeights", "Callback", "CallbackError", "CancelledError", "Context", "EarlyStopping", "Elbo",
    "FileError", "FormatError", "History", "IncompatibleKeys", "LimitError", "Metrics", "Model", "Module", "NumericError", "Option",
    "OutOfMemoryError", "Params", "Run", "Session", "ShapeError", "SpecError", "StateError", "Trainer", "UnsupportedError",
    "VaeError", "VersionError", "build_info", "canonical", "codes_pack", "codes_unpack", "describe_checkpoint", "library_version",
    "measure", "open", "plot", "presets", "registry", "spec_get", "spec_set",
]
