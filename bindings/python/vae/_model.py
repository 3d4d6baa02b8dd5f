# SPDX-License-Identifier: MIT
"""Contexts, models and sessions."""
from __future__ import annotations

import ctypes
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import _array
from ._callbacks import AnyCallback, History, Record
from ._errors import ArgumentError, NumericError, ShapeError, StateError, VaeError, about
from ._library import LOG, BatchStruct, CtxConfig, Handle, ImportOptionsStruct, NotCopied, check, create, lib, path_bytes, text, utf8

if TYPE_CHECKING:
    from ._trainer import Trainer

_log = logging.getLogger("vae")
_ARITH = {"reproducible": 0, "blas": 1}
_ISA = {"auto": 0, "portable": 1, "avx2": 2, "avx512": 3, "neon": 4}
_PART = 16  # batches in one call of the library; between calls Python sees Ctrl-C


def _choice(table: dict[str, int], what: str, value: str) -> int:
    if value not in table:
        raise ArgumentError(f"{what}: {value!r}, wanted one of {', '.join(table)}")
    return table[value]


class Context(NotCopied):
    """Where models compute: threads (default: every CPU this process may use), arithmetic ("reproducible": the same bits on
    every machine and number of threads; "blas"), instruction set, and a limit on memory in bytes. Messages go to
    logging.getLogger("vae")."""

    _instead = "make another with the same options, or give this one to Model(context=)"

    def __init__(self, threads: int | None = None, arith: str = "reproducible", isa: str = "auto", mem_limit: int = 0):
        if threads is None:
            threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if not 1 <= threads <= 256:
            raise ArgumentError(f"threads: {threads}, wanted 1..256")
        config = CtxConfig()
        check(lib.vae_ctx_config_init(ctypes.byref(config), ctypes.sizeof(config)))
        config.arith, config.isa = _choice(_ARITH, "arith", arith), _choice(_ISA, "isa", isa)
        config.threads, config.mem_limit = threads, mem_limit
        config.log = self._hook = LOG(self._message)
        self.threads, self.arith, self._process = threads, arith, os.getpid()
        self._options = {"threads": threads, "arith": arith, "isa": isa, "mem_limit": mem_limit}
        self._handle = create(lib.vae_ctx_create, lib.vae_ctx_destroy, ctypes.byref(config), needs=(self._hook,))

    @staticmethod
    def _message(_user: int, level: int, line: bytes) -> None:
        _log.log(logging.WARNING if level == 1 else logging.INFO, "%s", line.decode("utf-8", "replace"))

    @property
    def isa(self) -> str:
        """The instruction set in use: "portable", "avx2", "avx512" or "neon"."""
        return str(lib.vae_ctx_isa(self._handle.pointer).decode())

    @property
    def bytes_in_use(self) -> int:
        return int(lib.vae_ctx_bytes_in_use(self._handle.pointer))

    def check_process(self) -> None:
        """A fork copies the pool's memory but not its threads: waiting for them would never end."""
        if self.threads > 1 and self._process != os.getpid():
            raise StateError("this model was made before a fork, and its threads stayed behind: make or load it in "
                             "this process, or with threads=1")


class Params(Mapping[str, np.ndarray], NotCopied):
    """A model's parameters by name: read-only arrays over the library's own memory, in PyTorch's layouts, following the
    training as it goes. Assign to change one: model.params["encoder.0.weight"] = array."""

    _instead = "copy the model, or its arrays: {name: array.copy() for name, array in params.items()}"

    def __init__(self, model: Handle):
        self._handle = model
        self._names = {}
        name, tensor = ctypes.c_char_p(), ctypes.c_void_p()
        for i in range(lib.vae_model_param_count(model.pointer)):
            check(lib.vae_model_param(model.pointer, i, ctypes.byref(tensor), ctypes.byref(name)))
            self._names[(name.value or b"").decode()] = i

    def index(self, name: str) -> int:
        if name in self._names:
            return self._names[name]
        status = lib.vae_model_param_find(self._handle.pointer, utf8(name), ctypes.byref(ctypes.c_int64()))
        raise KeyError(lib.vae_last_error().decode() if status < 0 else name)

    def __getitem__(self, name: str) -> np.ndarray:
        tensor = ctypes.c_void_p()
        check(lib.vae_model_param(self._handle.pointer, self.index(name), ctypes.byref(tensor), None))
        return _array.view(tensor, self._handle, writable=False)

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def update(self, values: Mapping[str, Any]) -> None:
        """Change several, or none if one does not fit."""
        arrays = []
        for name, value in values.items():
            index, shape = self.index(name), self[name].shape
            array = _array.floats(value.detach().cpu() if hasattr(value, "detach") else value, name)
            if array.shape != shape:
                raise ShapeError(f"{name}: shape {array.shape}, wanted {shape}")
            if not np.isfinite(array).all():
                raise NumericError(f"{name}: holds NaN or infinity")
            arrays.append((index, array))
        for index, array in arrays:
            check(lib.vae_model_set_param(self._handle.pointer, index, array.ctypes.data, array.size))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return "Params(" + ", ".join(f"{name} {self[name].shape}" for name in self) + ")"


class IncompatibleKeys(NamedTuple):
    """What load_state_dict() did not find in its mapping, and what the mapping has that the model has not."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Elbo(NamedTuple):
    """The bound and its parts, an array of nats for each: elbo = -recon - rate (for one sample)."""

    elbo: np.ndarray
    recon: np.ndarray
    rate: np.ndarray


class Session(NotCopied):
    """A model in use: scratch memory for max_batch examples (more are worked on in parts) and a stream of random
    numbers. Sessions on one model may run side by side, each in its own thread; one session does one thing at a time.
    If a call on many examples fails in a later part, the earlier parts of out have been written."""

    _instead = "make one of the copied model, vae.Session(model)"

    def __init__(self, model: Model, max_batch: int = 64, seed: int = 0):
        self._context, self._input, self._latent = model.context, model.input_shape, model.latent_shape
        self._codes, self._condition = (model.codes_per_example,), model.condition_size
        self._lock, self._part = threading.Lock(), _PART * max_batch
        self._context.check_process()
        self._handle = create(lib.vae_session_create, lib.vae_session_destroy, model._handle.pointer, max_batch,
                              needs=(model._handle,))
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Start the stream of random numbers anew."""
        with self._lock:
            check(lib.vae_session_seed(self._handle.pointer, seed))

    def cancel(self) -> None:
        """From another thread: give up the call that the session is at, or its next one. It raises CancelledError, what it was to
        write is unspecified, and the session's random numbers go on where they were. A call on many examples is given up in the
        part of them that it is at."""
        lib.vae_session_cancel(self._handle.pointer)

    def _run(self, function: Callable[..., int], n: int, labels: Any, condition: Any, *arrays: np.ndarray | int | None,
             **members: Any) -> None:
        """function(session, batch, *arrays) in parts. Arrays, those of the batch too, move on by the part; None and whole numbers
        are passed on."""
        self._context.check_process()
        members["label"] = None if labels is None else _array.labels(labels, n)
        members["condition"] = None if condition is None else _array.condition(condition, n, self._condition)
        with self._lock:
            for start in range(0, n, self._part):
                part = {name: None if a is None else a[start:] for name, a in members.items()}
                batch = BatchStruct.of(min(self._part, n - start), **part)
                try:
                    check(function(self._handle.pointer, ctypes.byref(batch),
                                   *(a[start:].ctypes.data if isinstance(a, np.ndarray) else a for a in arrays)))
                except VaeError as error:
                    _array.name_row(error, range(start, n))
                    raise

    def encode(self, x: Any, out: tuple[np.ndarray, np.ndarray] | None = None, labels: Any = None,
               condition: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """The mean and the log-variance of each example's posterior. Here and below, labels, whole numbers [n], and condition
        [n, condition_size] are what a model with a section `condition` wants of each example."""
        x = _array.floats(x, "x")
        n = _array.rows(x, self._input, "x")
        mean, logvar = (_array.output(a, n, self._latent, np.float32, "out") for a in (out or (None, None)))
        self._run(lib.vae_encode_batch, n, labels, condition, mean, logvar, x=x)
        return mean, logvar

    def decode(self, z: Any, out: np.ndarray | None = None, labels: Any = None, condition: Any = None) -> np.ndarray:
        """The mean of the likelihood for each latent."""
        z = _array.floats(z, "z")
        n = _array.rows(z, self._latent, "z")
        x = _array.output(out, n, self._input, np.float32, "out")
        self._run(lib.vae_decode_batch, n, labels, condition, z, x)
        return x

    def encode_codes(self, x: Any, out: np.ndarray | None = None, labels: Any = None, condition: Any = None) -> np.ndarray:
        """Each example as whole numbers, int32[n, codes_per_example] of 0..codebook_size-1, for a latent of codes."""
        x = _array.floats(x, "x")
        n = _array.rows(x, self._input, "x")
        codes = _array.output(out, n, self._codes, np.int32, "out")
        self._run(lib.vae_encode_codes_batch, n, labels, condition, codes, x=x)
        return codes

    def decode_codes(self, codes: Any, out: np.ndarray | None = None, labels: Any = None, condition: Any = None) -> np.ndarray:
        """The way back: the mean of the likelihood for the codes of each example."""
        codes = _array.whole(codes, "codes")
        n = _array.rows(codes, self._codes, "codes")
        x = _array.output(out, n, self._input, np.float32, "out")
        self._run(lib.vae_decode_batch, n, labels, condition, None, x, codes=codes)
        return x

    def decode_rgba8(self, z: Any, out: np.ndarray | None = None) -> np.ndarray:
        """One latent as an image, uint8[H, W, 4]; out may be a part of a larger image."""
        z = _array.floats(z, "z")
        if z.size != np.prod(self._latent):
            raise ShapeError(f"z: shape {z.shape}, wanted one latent {self._latent}")
        shape = (*self._input[:2], 4)
        if out is None:
            out = np.empty(shape, np.uint8)
        if out.shape != shape or out.dtype != np.uint8 or out.strides[1:] != (4, 1) or not out.flags.writeable:
            raise ArgumentError(f"out: a writable uint8 array {shape} wanted, the pixels of a row side by side")
        self._context.check_process()
        with self._lock:
            check(lib.vae_decode_rgba8(self._handle.pointer, z.ctypes.data, out.ctypes.data, out.strides[0]))
        return out

    def reconstruct(self, x: Any, out: np.ndarray | None = None, labels: Any = None, condition: Any = None) -> np.ndarray:
        """Encode and decode the posterior mean."""
        x = _array.floats(x, "x")
        n = _array.rows(x, self._input, "x")
        y = _array.output(out, n, self._input, np.float32, "out")
        self._run(lib.vae_reconstruct_batch, n, labels, condition, y, x=x)
        return y

    def sample(self, n: int = 1, noise: Any = None, out: np.ndarray | None = None, labels: Any = None,
               condition: Any = None) -> np.ndarray:
        """n new examples from the prior; noise, standard normal [n, D], replaces the stream. labels: the classes, for a model whose
        condition or whose prior has such."""
        if noise is not None:
            noise = _array.floats(noise, "noise")
            n = _array.rows(noise, self._latent, "noise")
        if n < 0:
            raise ArgumentError(f"n: {n}, wanted 0 or more")
        x = _array.output(out, n, self._input, np.float32, "out")
        self._run(lib.vae_sample_batch, n, labels, condition, x, noise=noise)
        return x

    def elbo(self, x: Any, samples: int = 1, noise: Any = None, labels: Any = None, condition: Any = None) -> Elbo:
        """Each example's evidence lower bound, reconstruction and rate in nats; with samples > 1 the
        importance-weighted bound. noise, standard normal [n, samples, D], replaces the stream. labels as for sample()."""
        x = _array.floats(x, "x")
        n = _array.rows(x, self._input, "x")
        if samples < 1:
            raise ArgumentError(f"samples: {samples}, wanted 1 or more")
        if noise is not None:
            noise = _array.floats(noise, "noise")
            _array.check_noise(noise, n, samples, self._latent)
        result = Elbo(np.empty(n), np.empty(n), np.empty(n))
        self._run(lib.vae_elbo_batch, n, labels, condition, samples, *result, x=x, noise=noise)
        return result


class Model:
    """A variational autoencoder.

    spec     its text, or the name of a preset: see presets()
    seed     equal seeds give equal parameters on every machine
    context  shared with other models; or give the Context's options: threads, arith, isa, mem_limit
    max_batch  examples that encode(), decode() ... below work on at once: speed against memory
    """

    _text: str | None = None  # as given; it may hold training sections, which trainer() reads

    def __init__(self, spec: str, seed: int = 0, *, context: Context | None = None, max_batch: int = 64,
                 **options: Any):
        if len(spec.split()) == 1:
            spec = text(lib.vae_registry_text, b"preset", utf8(spec.strip()))
        self._open(lib.vae_model_create, utf8(spec), seed, context=context, max_batch=max_batch, options=options)
        self._text = spec

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, context: Context | None = None, max_batch: int = 64,
             **options: Any) -> Model:
        """A model or a checkpoint from a file."""
        model = cls.__new__(cls)
        with about(path):
            model._open(lib.vae_model_load, path_bytes(path), context=context, max_batch=max_batch, options=options)
        return model

    @classmethod
    def import_checkpoint(cls, path: str | os.PathLike[str], size: int | tuple[int, int] = 0, *, own_pixels: bool = False,
                          scaled: bool = False, factor: float = 0.0, shift: float = 0.0, context: Context | None = None,
                          max_batch: int = 1, **options: Any) -> Model:
        """The autoencoder of another program's safetensors file, for pictures of size (height, width).

        own_pixels: pictures have the family's own range, mostly -1..1, in place of 0..1.
        scaled: latents are those of the diffusion model, (z - shift) * factor, in place of the autoencoder's own z.
        factor, shift: that scaling, where the file and the config.json beside it do not tell it.
        """
        height, width = (size, size) if isinstance(size, int) else size
        way = ImportOptionsStruct(ctypes.sizeof(ImportOptionsStruct), own_pixels | scaled << 1, height, width, factor, shift)
        model = cls.__new__(cls)
        with about(path):
            model._open(lib.vae_model_import, path_bytes(path), ctypes.byref(way), context=context, max_batch=max_batch,
                        options=options)
        return model

    @classmethod
    def from_bytes(cls, data: Any, *, context: Context | None = None, max_batch: int = 64, **options: Any) -> Model:
        """As load(), from the bytes of such a file."""
        model, array = cls.__new__(cls), np.frombuffer(data, np.uint8)
        model._open(lib.vae_model_load_memory, array.ctypes.data, array.size, context=context, max_batch=max_batch,
                    options=options)
        return model

    def _open(self, function: Callable[..., int], *arguments: Any, context: Context | None, max_batch: int,
              options: dict[str, Any]) -> None:
        if context is not None and options:
            raise ArgumentError(f"{', '.join(options)}: belongs to the context, which was given")
        self.context = context or Context(**options)
        self._handle = create(function, lib.vae_model_destroy, self.context._handle.pointer, *arguments,
                              needs=(self.context,))
        self._session: Session | None = None
        self._max_batch, self._lock = max_batch, threading.Lock()
        self.history = History()
        self.params = Params(self._handle)

    def _shape(self, function: Callable[..., int]) -> tuple[int, ...]:
        sizes = (ctypes.c_int64 * 4)()
        return tuple(sizes[: function(self._handle.pointer, sizes)])

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The sizes of one example, channels last."""
        return self._shape(lib.vae_model_input_shape)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """The sizes of the latent of one example; of a model with several latents, one size: all their values."""
        return self._shape(lib.vae_model_latent_shape)

    @property
    def latent_shapes(self) -> list[tuple[int, ...]]:
        """The sizes of each latent: that of the section first, then those in the decoder. In z they stand one behind the other."""
        shapes, sizes = [], (ctypes.c_int64 * 4)()
        for index in range(lib.vae_model_latent_count(self._handle.pointer)):
            n = lib.vae_model_latent_shape_at(self._handle.pointer, index, sizes)
            shapes.append(tuple(sizes[:n]))
        return shapes

    @property
    def codes_per_example(self) -> int:
        """Codes of one example, 0 without a latent of codes."""
        return int(lib.vae_model_codes_per_example(self._handle.pointer))

    @property
    def codebook_size(self) -> int:
        """K: a code is 0..K-1. 0 without a latent of codes."""
        return int(lib.vae_model_codebook_size(self._handle.pointer))

    @property
    def class_count(self) -> int:
        """Classes that the condition or the prior tells apart, 0 if there are none: with labels 0..class_count-1."""
        return int(lib.vae_model_class_count(self._handle.pointer))

    @property
    def condition_size(self) -> int:
        """Values that each example brings besides x (condition vector=); 0: none."""
        return int(lib.vae_model_condition_size(self._handle.pointer))

    @property
    def spec(self) -> str:
        """The canonical text, every default written out."""
        return text(lib.vae_model_spec, self._handle.pointer)

    def plan(self, batch: int = 1, training: bool = False) -> str:
        """The steps that the model runs for so many examples at a time, with their algorithms and memory, as lines of text."""
        return text(lib.vae_model_plan, self._handle.pointer, batch, int(training), 0)

    @property
    def param_total(self) -> int:
        """Trainable values in all parameters together."""
        return int(lib.vae_model_param_total(self._handle.pointer))

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.input_shape))
        return f"<vae.Model {shape} -> {'x'.join(map(str, self.latent_shape))}, {self.param_total} parameters>"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, which PyTorch opens too. An old file survives any failure."""
        with about(path):
            check(lib.vae_model_save(self._handle.pointer, path_bytes(path)))

    def to_bytes(self) -> bytes:
        """What save() writes, for from_bytes()."""
        needed = ctypes.c_size_t()
        check(lib.vae_model_save_memory(self._handle.pointer, None, 0, ctypes.byref(needed)))
        data = ctypes.create_string_buffer(needed.value)
        check(lib.vae_model_save_memory(self._handle.pointer, data, needed.value, None))
        return data.raw

    def _taken_over(self, text: str | None, history: Iterable[Record]) -> Model:
        self._text, self.history = text, History(history)
        return self

    def __copy__(self) -> Model:
        """A model with parameters of its own, in the same context; so does deepcopy()."""
        copied = Model.from_bytes(self.to_bytes(), context=self.context, max_batch=self._max_batch)
        return copied._taken_over(self._text, self.history)

    def __deepcopy__(self, _memo: object) -> Model:
        return self.__copy__()

    def __reduce__(self) -> Any:
        """Pickled as the bytes of its file; the context is made anew with the same options."""
        return _unpickle, (self.to_bytes(), self.context._options, self._max_batch, self._text, list(self.history))

    def load_weights(self, path: str | os.PathLike[str]) -> None:
        """Take the parameters of any safetensors file whose names and shapes match."""
        with about(path):
            check(lib.vae_model_load_weights(self._handle.pointer, path_bytes(path)))

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of the parameters by PyTorch's names, in its layouts; ``torch.from_numpy`` makes tensors of them.

        Examples
        --------
        >>> model = vae.Model("dense")
        >>> weights = model.state_dict()
        >>> weights["encoder.1.weight"].shape
        (128, 784)
        >>> model.load_state_dict(weights)
        IncompatibleKeys(missing_keys=[], unexpected_keys=[])
        """
        return {name: array.copy() for name, array in self.params.items()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Take the parameters from a mapping of arrays or tensors by name. If one does not fit, none is changed.

        Parameters
        ----------
        state : mapping
            As state_dict() gives it, here or of a PyTorch module of the same layers.
        strict : bool
            Whether every parameter must be there, and no other name; `*.num_batches_tracked` of PyTorch is passed over.

        Returns
        -------
        IncompatibleKeys
            What was missing and what was not expected, as in PyTorch; both are empty if `strict`.
        """
        state = {name: value for name, value in state.items() if not name.endswith(".num_batches_tracked")}
        keys = IncompatibleKeys([name for name in self.params if name not in state], [name for name in state if name not in self.params])
        if strict and (keys.missing_keys or keys.unexpected_keys):
            parts = [f"{what} {', '.join(names)}" for what, names in zip(("lacks", "has, and the model has not,"), keys) if names]
            raise ArgumentError("state: " + "; ".join(parts))
        self.params.update({name: value for name, value in state.items() if name in self.params})
        return keys

    def session(self, max_batch: int | None = None, seed: int = 0) -> Session:
        """A session of one's own: one for each thread that uses the model at the same time."""
        return Session(self, self._max_batch if max_batch is None else max_batch, seed)

    def _default(self) -> Session:
        with self._lock:
            if self._session is None:
                self._session = self.session()
            return self._session

    def seed(self, seed: int) -> None:
        """Start the random numbers of sample() and elbo() anew."""
        self._default().seed(seed)

    def encode(self, x: Any, out: tuple[np.ndarray, np.ndarray] | None = None, labels: Any = None,
                   condition: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """The mean and the log-variance of each example's posterior."""
        return self._default().encode(x, out, labels, condition)

    def decode(self, z: Any, out: np.ndarray | None = None, labels: Any = None,
                   condition: Any = None) -> np.ndarray:
        """The mean of the likelihood for each latent."""
        return self._default().decode(z, out, labels, condition)

    def encode_codes(self, x: Any, out: np.ndarray | None = None, labels: Any = None,
                         condition: Any = None) -> np.ndarray:
        """Each example as whole numbers: see Session.encode_codes()."""
        return self._default().encode_codes(x, out, labels, condition)

    def decode_codes(self, codes: Any, out: np.ndarray | None = None, labels: Any = None,
                         condition: Any = None) -> np.ndarray:
        """The mean of the likelihood for the codes of each example."""
        return self._default().decode_codes(codes, out, labels, condition)

    def decode_rgba8(self, z: Any, out: np.ndarray | None = None) -> np.ndarray:
        """One latent as an image, uint8[H, W, 4]; out may be a part of a larger image."""
        return self._default().decode_rgba8(z, out)

    def reconstruct(self, x: Any, out: np.ndarray | None = None, labels: Any = None,
                        condition: Any = None) -> np.ndarray:
        """Encode and decode the posterior mean."""
        return self._default().reconstruct(x, out, labels, condition)

    def sample(self, n: int = 1, noise: Any = None, out: np.ndarray | None = None, labels: Any = None,
               condition: Any = None) -> np.ndarray:
        """n new examples from the prior: see Session.sample()."""
        return self._default().sample(n, noise, out, labels, condition)

    def elbo(self, x: Any, samples: int = 1, noise: Any = None, labels: Any = None, condition: Any = None) -> Elbo:
        """Each example's evidence lower bound, reconstruction and rate in nats: see Session.elbo()."""
        return self._default().elbo(x, samples, noise, labels, condition)

    def trainer(self, options: str | None = None, max_batch: int = 128, seed: int = 0) -> Trainer:
        """Training step by step: see Trainer. options: the text, default the spec's own training sections."""
        from ._trainer import Trainer
        return Trainer(self, options, max_batch, seed)

    def fit(self, x: Any, y: Any = None, *, epochs: int = 1, batch_size: int | None = None, validation_data: Any = None,
            callbacks: AnyCallback | Sequence[AnyCallback] = (), progress: bool | None = None, options: str | None = None,
            condition: Any = None, scale: float | None = None, shuffle: bool = True, seed: int = 0) -> History:
        """Train on examples.

        Parameters
        ----------
        x : array, iterable or function
            Examples [n, ...]: an array or what NumPy makes one of, such as a list, a DataFrame, or a memmap, of which only the rows of a
            batch are read at a time. Or an iterable of batches, such as a PyTorch DataLoader, or a function without arguments that
            returns an iterator: each batch is x, (x, labels) or (x, labels, condition). Images of PyTorch [n, C, H, W] are turned to
            channels last; labels that the model has no use for are left out.
        y : array, optional
            Labels, whole numbers [n], for a model that tells `class_count` classes apart. An autoencoder needs no targets.
        epochs : int
            How often all examples are seen. Each call begins with a new optimizer and a new history; the parameters go on.
        batch_size : int, optional
            The examples of one step: 128 by default, those of the first batch for an iterable. A last batch too small for batch norm
            joins the one before it.
        validation_data : optional
            x, (x, labels) or (x, labels, condition), or an iterable: each record then has its `val_loss`.
        callbacks : Callback or function, or several
            See `Callback`. A function gets the record of each epoch, and stops the training by returning something true.
        progress : bool, optional
            Whether a line shows how far the training is. By default it does in notebooks and where stderr is a terminal.
        options : str, optional
            The training's text, such as ``"optimizer adam lr=0.001"``; by default the training sections of the model's own text.
        condition : array, optional
            float32 [n, `condition_size`], for a model with a section ``condition vector=...``.
        scale : float, optional
            A factor for x, of the validation data too: ``1/255`` lets pixels of 0..255 stay bytes in memory.
        shuffle : bool
            Whether each epoch has an order of its own, from `seed`.
        seed : int
            Of the order and of the noise. Equal seeds give equal parameters on every machine.

        Returns
        -------
        History
            A record for each epoch. It is `model.history` too, also after an interruption.

        Raises
        ------
        KeyboardInterrupt
            Ctrl-C ends the training between two steps; the model keeps what it has learnt.

        Examples
        --------
        >>> model = vae.Model("input 8\\nencoder linear out=6 | relu\\nlatent gaussian dim=2\\n"
        ...                   "decoder linear out=6 | relu | linear out=8\\nlikelihood gaussian")
        >>> history = model.fit(np.random.default_rng(0).normal(size=(256, 8)), epochs=3, batch_size=32)
        >>> len(history), history["loss"][-1] < history["loss"][0]
        (3, True)
        """
        from ._fit import fit
        return fit(self, x, y, epochs, batch_size, validation_data, callbacks, progress, options, condition, scale, shuffle, seed)


def _unpickle(data: bytes, options: dict[str, Any], max_batch: int, text: str | None,
              history: list[Record]) -> Model:
    return Model.from_bytes(data, max_batch=max_batch, **options)._taken_over(text, history)
