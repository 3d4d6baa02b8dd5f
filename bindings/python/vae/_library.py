# SPDX-License-Identifier: MIT
"""Finding libvae, and its functions as ctypes sees them.

Handles are void pointers kept in Handle objects; whatever depends on a handle keeps it alive. The library is loaded
with ctypes.CDLL, so the interpreter's lock is released during every call.
"""
from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Callable, Iterator
from ctypes import (POINTER, Structure, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t, c_uint32, c_uint64,
                    c_void_p)
from typing import Any

from ._errors import ArgumentError, error_of

VERSION = (0, 1, 0)


def check(status: int) -> None:
    """Raise what a status means, with this thread's sentence."""
    if status < 0:
        raise error_of(status, lib.vae_last_error().decode("utf-8", "replace"))


LOG = ctypes.CFUNCTYPE(None, c_void_p, c_int32, c_char_p)


class CtxConfig(Structure):
    _fields_ = [("struct_size", c_uint32), ("flags", c_uint32), ("arith", c_int32), ("isa", c_int32),
                ("threads", c_int32), ("reserved", c_int32), ("mem_limit", c_uint64), ("user", c_void_p),
                ("alloc", c_void_p), ("free", c_void_p), ("parallel_for", c_void_p), ("log", LOG),
                ("reserved_hook", c_void_p)]


class MetricsStruct(Structure):
    _fields_ = [("struct_size", c_uint32), ("flags", c_uint32), ("step", c_int64), ("loss", c_double),
                ("recon", c_double), ("rate", c_double), ("beta", c_double), ("lr", c_double), ("grad_norm", c_double),
                ("aux", c_double), ("perplexity", c_double), ("codes_used", c_double), ("dead_codes", c_double),
                ("quantization_error", c_double), ("latents", c_int64), ("latent_rate", c_double * 16),
                ("critic_loss", c_double), ("critic_accuracy", c_double)]


class BatchStruct(Structure):
    _fields_ = [("struct_size", c_uint32), ("flags", c_uint32), ("n", c_int64), ("x", c_void_p), ("label", c_void_p),
                ("condition", c_void_p), ("codes", c_void_p), ("noise", c_void_p), ("weight", c_void_p), ("length", c_void_p)]

    @classmethod
    def of(cls, n: int, **members: Any) -> BatchStruct:
        """n examples and arrays, or None, of what belongs to them. The caller keeps the arrays until the call has returned."""
        pointers = {name: None if a is None else a.ctypes.data for name, a in members.items()}
        return cls(struct_size=ctypes.sizeof(cls), n=n, **pointers)


class SessionConfigStruct(Structure):
    _fields_ = [("struct_size", c_uint32), ("flags", c_uint32), ("max_batch", c_int64), ("height", c_int64), ("width", c_int64),
                ("memory_budget", c_uint64)]


class MeasuredStruct(Structure):
    _fields_ = [("struct_size", c_uint32), ("flags", c_uint32), ("n", c_int64), ("height", c_int64), ("width", c_int64),
                ("channels", c_int64), ("latents", c_int64), ("factors", c_int64), ("x", c_void_p), ("y", c_void_p), ("mean", c_void_p),
                ("logvar", c_void_p), ("factor", c_void_p), ("bound", c_void_p), ("rate", c_void_p), ("score", c_void_p)]


class ImportOptionsStruct(Structure):
    _fields_ = [("struct_size", c_uint32), ("flags", c_uint32), ("height", c_int64), ("width", c_int64), ("factor", c_double),
                ("shift", c_double)]


class OptionStruct(Structure):
    _fields_ = [("struct_size", c_uint32), ("flags", c_uint32), ("name", c_char_p), ("type", c_char_p),
                ("default_value", c_char_p), ("range", c_char_p), ("text", c_char_p)]


_floats = POINTER(c_float)
OPTIMIZER_STEP = ctypes.CFUNCTYPE(None, c_void_p, c_int64, c_int64, c_float, c_float, _floats, _floats,
                                  POINTER(_floats))


class OptimizerStruct(Structure):
    _fields_ = [("struct_size", c_uint32), ("slots", c_int32), ("user", c_void_p), ("name", c_char_p),
                ("step", OPTIMIZER_STEP)]


_text = [c_char_p, c_size_t, POINTER(c_size_t)]  # buf, cap, needed
_out = POINTER(c_void_p)

# name: result, arguments. Results of c_int32 are statuses unless the header says otherwise.
PROTOTYPES: dict[str, tuple[Any, list[Any]]] = {
    "vae_version_number": (c_uint32, []),
    "vae_version_string": (c_char_p, []),
    "vae_build_info": (c_char_p, []),
    "vae_last_error": (c_char_p, []),
    "vae_ctx_config_init": (c_int32, [POINTER(CtxConfig), c_size_t]),
    "vae_ctx_create": (c_int32, [_out, POINTER(CtxConfig)]),
    "vae_ctx_destroy": (None, [c_void_p]),
    "vae_ctx_isa": (c_char_p, [c_void_p]),
    "vae_ctx_bytes_in_use": (c_uint64, [c_void_p]),
    "vae_tensor_dtype": (c_int32, [c_void_p]),
    "vae_tensor_ndim": (c_int32, [c_void_p]),
    "vae_tensor_shape": (POINTER(c_int64), [c_void_p]),
    "vae_tensor_data": (c_void_p, [c_void_p]),
    "vae_registry_kind": (c_char_p, [c_int32]),
    "vae_registry_name": (c_char_p, [c_char_p, c_int32]),
    "vae_registry_option": (c_int32, [c_char_p, c_char_p, c_int32, POINTER(OptionStruct)]),
    "vae_registry_text": (c_int32, [c_char_p, c_char_p, *_text]),
    "vae_spec_canonical": (c_int32, [c_char_p, *_text]),
    "vae_spec_set": (c_int32, [c_char_p, c_char_p, c_char_p, *_text]),
    "vae_spec_get": (c_int32, [c_char_p, c_char_p, *_text]),
    "vae_model_create": (c_int32, [_out, c_void_p, c_char_p, c_uint64]),
    "vae_model_load": (c_int32, [_out, c_void_p, c_char_p]),
    "vae_model_load_memory": (c_int32, [_out, c_void_p, c_void_p, c_size_t]),
    "vae_model_load_weights": (c_int32, [c_void_p, c_char_p]),
    "vae_model_save": (c_int32, [c_void_p, c_char_p]),
    "vae_model_save_memory": (c_int32, [c_void_p, c_void_p, c_size_t, POINTER(c_size_t)]),
    "vae_model_destroy": (None, [c_void_p]),
    "vae_model_spec": (c_int32, [c_void_p, *_text]),
    "vae_model_plan": (c_int32, [c_void_p, c_int64, c_int32, c_int32, *_text]),
    "vae_model_input_shape": (c_int32, [c_void_p, POINTER(c_int64)]),
    "vae_model_latent_shape": (c_int32, [c_void_p, POINTER(c_int64)]),
    "vae_model_latent_count": (c_int32, [c_void_p]),
    "vae_model_latent_shape_at": (c_int32, [c_void_p, c_int32, POINTER(c_int64)]),
    "vae_model_codes_per_example": (c_int64, [c_void_p]),
    "vae_model_codebook_size": (c_int64, [c_void_p]),
    "vae_model_class_count": (c_int64, [c_void_p]),
    "vae_model_token_count": (c_int64, [c_void_p]),
    "vae_model_param_count": (c_int64, [c_void_p]),
    "vae_model_param_total": (c_int64, [c_void_p]),
    "vae_model_param": (c_int32, [c_void_p, c_int64, _out, POINTER(c_char_p)]),
    "vae_model_param_find": (c_int32, [c_void_p, c_char_p, POINTER(c_int64)]),
    "vae_model_set_param": (c_int32, [c_void_p, c_int64, c_void_p, c_int64]),
    "vae_model_set_input_size": (c_int32, [c_void_p, c_int64, c_int64]),
    "vae_model_import": (c_int32, [_out, c_void_p, c_char_p, POINTER(ImportOptionsStruct)]),
    "vae_import_describe": (c_int32, [c_void_p, c_char_p, *_text]),
    "vae_session_create": (c_int32, [_out, c_void_p, c_int64]),
    "vae_session_create_sized": (c_int32, [_out, c_void_p, POINTER(SessionConfigStruct)]),
    "vae_session_model": (c_void_p, [c_void_p]),
    "vae_session_destroy": (None, [c_void_p]),
    "vae_session_bytes": (c_int32, [c_void_p, c_int64, POINTER(c_uint64)]),
    "vae_session_bytes_sized": (c_int32, [c_void_p, POINTER(SessionConfigStruct), POINTER(c_uint64)]),
    "vae_session_seed": (c_int32, [c_void_p, c_uint64]),
    "vae_encode": (c_int32, [c_void_p, c_int64, c_void_p, c_void_p, c_void_p]),
    "vae_decode": (c_int32, [c_void_p, c_int64, c_void_p, c_void_p]),
    "vae_decode_rgba8": (c_int32, [c_void_p, c_void_p, c_void_p, c_size_t]),
    "vae_encode_codes": (c_int32, [c_void_p, c_int64, c_void_p, c_void_p]),
    "vae_decode_codes": (c_int32, [c_void_p, c_int64, c_void_p, c_void_p]),
    "vae_codes_packed_bytes": (c_size_t, [c_int64, c_int64]),
    "vae_codes_pack": (c_int32, [c_int64, c_int64, c_void_p, c_void_p, c_size_t]),
    "vae_codes_unpack": (c_int32, [c_int64, c_int64, c_void_p, c_size_t, c_void_p]),
    "vae_reconstruct": (c_int32, [c_void_p, c_int64, c_void_p, c_void_p]),
    "vae_session_cancel": (None, [c_void_p]),
    "vae_sample": (c_int32, [c_void_p, c_int64, c_void_p, c_void_p]),
    "vae_elbo": (c_int32, [c_void_p, c_int64, c_void_p, c_int64, c_void_p, c_void_p, c_void_p, c_void_p]),
    "vae_trainer_create": (c_int32, [_out, c_void_p, c_char_p, c_int64]),
    "vae_trainer_destroy": (None, [c_void_p]),
    "vae_trainer_bytes": (c_int32, [c_void_p, c_char_p, c_int64, POINTER(c_uint64)]),
    "vae_trainer_min_batch": (c_int32, [c_void_p, c_char_p, POINTER(c_int64)]),
    "vae_trainer_options": (c_int32, [c_void_p, *_text]),
    "vae_trainer_seed": (c_int32, [c_void_p, c_uint64]),
    "vae_trainer_step": (c_int32, [c_void_p, c_int64, c_void_p, POINTER(MetricsStruct)]),
    "vae_trainer_backward": (c_int32, [c_void_p, c_int64, c_void_p, c_void_p, POINTER(MetricsStruct)]),
    "vae_model_condition_size": (c_int64, [c_void_p]),
    "vae_encode_codes_batch": (c_int32, [c_void_p, POINTER(BatchStruct), c_void_p]),
    "vae_encode_batch": (c_int32, [c_void_p, POINTER(BatchStruct), c_void_p, c_void_p]),
    "vae_decode_batch": (c_int32, [c_void_p, POINTER(BatchStruct), c_void_p, c_void_p]),
    "vae_reconstruct_batch": (c_int32, [c_void_p, POINTER(BatchStruct), c_void_p]),
    "vae_sample_batch": (c_int32, [c_void_p, POINTER(BatchStruct), c_void_p]),
    "vae_elbo_batch": (c_int32, [c_void_p, POINTER(BatchStruct), c_int64, c_void_p, c_void_p, c_void_p]),
    "vae_trainer_step_batch": (c_int32, [c_void_p, POINTER(BatchStruct), POINTER(MetricsStruct)]),
    "vae_trainer_backward_batch": (c_int32, [c_void_p, POINTER(BatchStruct), POINTER(MetricsStruct)]),
    "vae_trainer_cancel": (None, [c_void_p]),
    "vae_trainer_apply": (c_int32, [c_void_p, POINTER(MetricsStruct)]),
    "vae_trainer_grad": (c_int32, [c_void_p, c_int64, _out]),
    "vae_trainer_set_optimizer": (c_int32, [c_void_p, POINTER(OptimizerStruct)]),
    "vae_trainer_set_lr": (c_int32, [c_void_p, c_double]),
    "vae_trainer_samples": (c_int64, [c_void_p]),
    "vae_trainer_steps": (c_int64, [c_void_p]),
    "vae_trainer_save": (c_int32, [c_void_p, c_char_p]),
    "vae_trainer_load": (c_int32, [c_void_p, c_char_p]),
    "vae_measure_reads": (c_int32, [c_char_p, POINTER(c_uint32)]),
    "vae_gradient_create": (c_int32, [_out, c_void_p, c_int64]),
    "vae_gradient_destroy": (None, [c_void_p]),
    "vae_input_gradient": (c_int32, [c_void_p, POINTER(BatchStruct), c_void_p, c_void_p]),
    "vae_anomaly_create": (c_int32, [_out, c_void_p, c_char_p, c_int64]),
    "vae_anomaly_destroy": (None, [c_void_p]),
    "vae_anomaly_add": (c_int32, [c_void_p, POINTER(BatchStruct)]),
    "vae_anomaly_fit": (c_int32, [c_void_p]),
    "vae_anomaly_score": (c_int32, [c_void_p, POINTER(BatchStruct), c_void_p, c_void_p]),
    "vae_anomaly_threshold": (c_int32, [c_void_p, c_int32, c_double, POINTER(c_double)]),
    "vae_anomaly_text": (c_int32, [c_void_p, *_text]),
    "vae_anomaly_save": (c_int32, [c_void_p, c_char_p]),
    "vae_anomaly_load": (c_int32, [_out, c_void_p, c_char_p, c_int64]),
    "vae_measure": (c_int32, [c_void_p, c_char_p, POINTER(MeasuredStruct), POINTER(c_double), c_void_p]),
}


def candidates() -> Iterator[str]:
    """Where libvae may be, the most deliberate place first."""
    if os.environ.get("VAE_LIBRARY"):
        yield os.environ["VAE_LIBRARY"]
        return  # who names a file wants no other
    others = {"darwin": ["libvae.0.dylib", "libvae.dylib"], "win32": ["libvae-0.dll"]}
    names = others.get(sys.platform, ["libvae.so.0", "libvae.so"])
    here = os.path.dirname(os.path.abspath(__file__))
    source_tree = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(here))), "build")
    for folder in (here, source_tree, os.path.join(sys.prefix, "lib")):  # inside the wheel; beside the sources; conda's
        for name in names:
            yield os.path.join(folder, name)
    found = ctypes.util.find_library("vae")
    if found:
        yield found
    yield names[0]


def prepare(path: str) -> ctypes.CDLL:
    """Load one candidate and describe its functions; OSError says why it will not do."""
    library = ctypes.CDLL(path)
    for name, (result, arguments) in PROTOTYPES.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise OSError(f"no function {name} in it") from None
        function.restype, function.argtypes = result, arguments
    number = library.vae_version_number()
    if (number // 10000, number // 100 % 100) != VERSION[:2]:
        raise OSError(f"it is version {library.vae_version_string().decode()}, "
                      f"this package wants {VERSION[0]}.{VERSION[1]}")
    return library


def find() -> ctypes.CDLL:
    tried = []
    for path in candidates():
        if os.path.isabs(path) and not os.path.exists(path):
            tried.append(f"  {path}: no such file")
            continue
        try:
            return prepare(path)
        except OSError as error:
            tried.append(f"  {path}: {error}")
    raise ImportError("libvae was not found; set VAE_LIBRARY to its path, or install it. Tried:\n" + "\n".join(tried))


lib = find()


class NotCopied:
    """What holds a handle and cannot be copied: copy, deepcopy and pickle raise a TypeError that says what to do."""

    _instead = ""

    def __reduce_ex__(self, _protocol: Any) -> Any:
        raise TypeError(f"a vae.{type(self).__name__} cannot be copied or pickled: {self._instead}")


class Handle(NotCopied):
    """Owns one C object; frees it when the last Python object that needs it is gone."""

    _instead = "it is an object of the C library"

    def __init__(self, pointer: c_void_p, destroy: Callable[[c_void_p], None], *needs: object):
        self.pointer, self._destroy, self._needs = pointer, destroy, needs

    def __del__(self) -> None:
        self._destroy(self.pointer)


def create(function: Callable[..., int], destroy: Callable[[c_void_p], None], *arguments: Any,
           needs: tuple[object, ...] = ()) -> Handle:
    """Call function(&out, *arguments)."""
    out = c_void_p()
    check(function(ctypes.byref(out), *arguments))
    return Handle(out, destroy, *needs)


def utf8(string: str) -> bytes:
    """A string as the library takes it; C would stop at a NUL without a word."""
    encoded = string.encode()
    if b"\0" in encoded:
        raise ArgumentError("a text for libvae holds a NUL character")
    return encoded


def path_bytes(path: str | os.PathLike[str]) -> bytes:
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ArgumentError("a path holds a NUL character")
    return encoded


def shape_of(function: Callable[..., int], model: Any) -> tuple[int, ...]:
    """The sizes that function(model, sizes) writes."""
    sizes = (c_int64 * 4)()
    return tuple(sizes[: function(model, sizes)])


def text(function: Callable[..., int], *arguments: Any) -> str:
    """Call function(*arguments, buf, cap, needed), first for the size."""
    needed = c_size_t(0)
    status = function(*arguments, None, 0, ctypes.byref(needed))
    if needed.value == 0:
        check(status)
    buffer = ctypes.create_string_buffer(max(1, needed.value))
    check(function(*arguments, buffer, len(buffer), ctypes.byref(needed)))
    return buffer.value.decode()
