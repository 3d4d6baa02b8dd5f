# SPDX-License-Identifier: MIT
"""Models."""
from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _array
from ._array import Doubles, Floats
from ._callbacks import AnyCallback, History, Record
from ._context import Context, ContextOptions
from ._errors import ArgumentError, about
from ._library import BatchStruct, ImportOptionsStruct, check, create, lib, path_bytes, shape_of, text, utf8
from ._params import IncompatibleKeys, Params
from ._running import Running
from ._session import Session

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._trainer import Trainer


_HALF = {"both": 0, "decoder": 4, "encoder": 8}  # what vae_import_options_t.flags leaves out


class Model(Running):
    """A variational autoencoder: a text that says what it is, and its parameters.

    Its methods may be called from any thread and wait for each other; a `session()` of its own lets a thread work beside them.

    Parameters
    ----------
    spec : str
        The text, or the name of a preset: see `presets()` and `registry()`.
    seed : int
        Equal seeds give equal parameters on every machine.
    context : Context, optional
        Where it computes, shared with other models. Instead of it, the options of `Context` may be given: threads, arith, isa, mem_limit.
    max_batch : int
        Examples that encode(), decode() and so on work on at once: speed against memory.

    Attributes
    ----------
    params : Params
        The parameters by name: read-only views of the library's memory. Assign to change one.
    history : History
        What fit() told of its epochs.
    context : Context
        Where the model computes.

    Examples
    --------
    >>> model = vae.Model("input 4x4x1\\nencoder flatten | linear out=8 | relu\\nlatent gaussian dim=2\\n"
    ...                   "decoder linear out=16 | reshape 4x4x1\\nlikelihood bernoulli", seed=1)
    >>> model
    <vae.Model 4x4x1 -> 2, 220 parameters>
    >>> x = np.full((3, 4, 4, 1), 0.5, np.float32)
    >>> mean, logvar = model.encode(x)
    >>> mean.shape, model.decode(mean).shape, model.elbo(x).elbo.shape
    ((3, 2), (3, 4, 4, 1), (3,))
    """

    _text: str | None = None  # as given; it may hold training sections, which trainer() reads

    def __init__(self, spec: str, seed: int = 0, *, context: Context | None = None, max_batch: int = 64,
                 **options: Unpack[ContextOptions]):
        if len(spec.split()) == 1:
            spec = text(lib.vae_registry_text, b"preset", utf8(spec.strip()))
        self._open(lib.vae_model_create, utf8(spec), seed, context=context, max_batch=max_batch, options=options)
        self._text = spec

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, context: Context | None = None, max_batch: int = 64,
             **options: Unpack[ContextOptions]) -> Model:
        """A model or a checkpoint from a file.

        Parameters
        ----------
        path : str or path
            What save() or Trainer.save() wrote.
        context, max_batch, **options
            As for Model().

        Raises
        ------
        FileNotFoundError, FormatError, VersionError
            There is none, it is damaged, or it is newer than this library. All are VaeErrors.
        """
        model = cls.__new__(cls)
        with about(path):
            model._open(lib.vae_model_load, path_bytes(path), context=context, max_batch=max_batch, options=options)
        return model

    @classmethod
    def import_checkpoint(cls, path: str | os.PathLike[str], size: int | tuple[int, int] = 0, *, own_pixels: bool = False,
                          scaled: bool = False, half: str = "both", factor: float = 0.0, shift: float = 0.0,
                          context: Context | None = None, max_batch: int = 1, **options: Unpack[ContextOptions]) -> Model:
        """The autoencoder of another program's safetensors file.

        Parameters
        ----------
        path : str or path
            The file; a config.json beside it is read too.
        size : int or pair of int
            Height and width of the pictures, or one number for both; 0: 512.
        own_pixels : bool
            Pictures have the family's own range, mostly -1..1, in place of 0..1.
        scaled : bool
            Latents are those of the diffusion model, (z - shift) * factor, in place of the autoencoder's own z.
        half : {"both", "encoder", "decoder"}
            Which half to take; calls that would run the other one raise UnsupportedError.
        factor, shift : float
            That scaling, where the file and the config.json beside it do not tell it.
        context, max_batch, **options
            As for Model().
        """
        height, width = (size, size) if isinstance(size, int) else size
        if half not in _HALF:
            raise ArgumentError(f"half: {half!r}, wanted one of {', '.join(_HALF)}")
        flags = own_pixels | scaled << 1 | _HALF[half]
        way = ImportOptionsStruct(ctypes.sizeof(ImportOptionsStruct), flags, height, width, factor, shift)
        model = cls.__new__(cls)
        with about(path):
            model._open(lib.vae_model_import, path_bytes(path), ctypes.byref(way), context=context, max_batch=max_batch,
                        options=options)
        return model

    @classmethod
    def from_bytes(cls, data: Any, *, context: Context | None = None, max_batch: int = 64, **options: Unpack[ContextOptions]) -> Model:
        """As load(), from the bytes of such a file."""
        model, array = cls.__new__(cls), np.frombuffer(data, np.uint8)
        model._open(lib.vae_model_load_memory, array.ctypes.data, array.size, context=context, max_batch=max_batch,
                    options=options)
        return model

    def _open(self, function: Callable[..., int], *arguments: Any, context: Context | None, max_batch: int,
              options: ContextOptions) -> None:
        if context is not None and options:
            raise ArgumentError(f"{', '.join(options)}: belongs to the context, which was given")
        self.context = context or Context(**options)
        self._handle = create(function, lib.vae_model_destroy, self.context._handle.pointer, *arguments,
                              needs=(self.context,))
        self._session: Session | None = None
        self._max_batch, self._lock = max_batch, threading.Lock()
        self.history = History()
        self.params = Params(self._handle)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The sizes of one example, channels last."""
        return shape_of(lib.vae_model_input_shape, self._handle.pointer)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """The sizes of the latent of one example; of a model with several latents, one size: all their values."""
        return shape_of(lib.vae_model_latent_shape, self._handle.pointer)

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
    def token_count(self) -> int:
        """Tokens of x, whose values are then whole numbers 0..token_count-1; 0: x is numbers."""
        return int(lib.vae_model_token_count(self._handle.pointer))

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

    def state_dict(self) -> dict[str, Floats]:
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

    def set_input_size(self, height: int, width: int) -> None:
        """Make the model one for pictures of another size, with the parameters that it has, if they do not depend on the size. The
        model's sessions and trainers must be closed; `session(size=)` needs no such call."""
        with self._lock:
            self._session = None
            check(lib.vae_model_set_input_size(self._handle.pointer, height, width))

    def session(self, max_batch: int | None = None, seed: int = 0, size: tuple[int, int] | None = None,
                memory_budget: int = 0) -> Session:
        """A session of one's own: one for each thread that uses the model at the same time.

        Parameters
        ----------
        max_batch : int, optional
            Examples that it works on at once; by default the model's.
        seed : int
            Of its random numbers.
        size : (int, int), optional
            Height and width of its pictures, by default the model's. Any size that the layers allow serves, on the same parameters,
            if none of them depends on it: the results are those of a model whose text has that size.
        memory_budget : int
            The most bytes that its block of memory may take; 0: any. Layers over images then run some rows at a time where that is
            needed. The results are the same bytes; the error about too small a budget tells the least.

        Returns
        -------
        Session
            With the methods of the model that work on examples, and cancel().
        """
        return Session(self, self._max_batch if max_batch is None else max_batch, seed, size, memory_budget)

    def _default(self) -> Session:
        with self._lock:
            if self._session is None:
                self._session = self.session()
            return self._session

    def input_gradient(self, x: Any, noise: Any = None, labels: Any = None, condition: Any = None) -> tuple[Doubles, Floats]:
        """The loss of each example, and its gradient by the example: what makes it stranger to the model.

        Parameters
        ----------
        x : array
            Examples: floats [n, ...] of `input_shape`, or flat, [n, size].
        noise : array, optional
            Standard normal floats [n, D] that latents are drawn with; by default they are the means of their posteriors.
        labels : array, optional
            Whole numbers [n], the class of each example, for a model that tells `class_count` classes apart.
        condition : array, optional
            float32 [n, `condition_size`], what each example brings besides x, for a model with ``condition vector=...``.

        Returns
        -------
        loss, gradient : float64 array [n], float32 array [n, ...] of `input_shape`
            Reconstruction and rate in nats, and their derivative by each value of x.

        Examples
        --------
        >>> model = vae.Model("dense", seed=1)
        >>> x = np.full((1, 28, 28, 1), 0.5, np.float32)
        >>> loss, gradient = model.input_gradient(x)
        >>> bool(model.input_gradient(x + 0.01 * np.sign(gradient))[0][0] > loss[0])
        True
        """
        x = _array.floats(x, "x")
        n = _array.rows(x, self.input_shape, "x")
        if noise is not None:
            noise = _array.floats(noise, "noise")
            _array.check_noise(noise, n, 1, self.latent_shape)
        labels = None if labels is None else _array.labels(labels, n)
        condition = None if condition is None else _array.condition(condition, n, self.condition_size)
        self.context.check_process()
        handle = create(lib.vae_gradient_create, lib.vae_gradient_destroy, self._handle.pointer, self._max_batch, needs=(self._handle,))
        loss, gradient = np.empty(n), np.empty((n, *self.input_shape), np.float32)
        batch = BatchStruct.of(n, x=x, label=labels, condition=condition, noise=noise)
        check(lib.vae_input_gradient(handle.pointer, ctypes.byref(batch), loss.ctypes.data, gradient.ctypes.data))
        return loss, gradient

    def measure(self, x: Any, measures: str | Iterable[str], samples: int = 1, factors: Any = None, labels: Any = None,
                condition: Any = None) -> dict[str, float]:
        """Measures of examples and what the model makes of them: likelihood, similarity of reconstructions, disentanglement.

        Parameters
        ----------
        x : array
            Examples: floats [n, ...] of `input_shape`, or flat, [n, size].
        measures : str, or several
            ``"ssim | mig bins=10"``, or a list of such: see ``vae.registry()["measure"]``.
        samples : int
            Draws from the posterior of each example, for the measures of its log-likelihood.
        factors : array, optional
            What the examples were made from, numbers [n, F], or labels [n].
        labels : array, optional
            Whole numbers [n], the class of each example, for a model that tells `class_count` classes apart.
        condition : array, optional
            float32 [n, `condition_size`], what each example brings besides x, for a model with ``condition vector=...``.

        Returns
        -------
        dict
            The value of each measure by its text.

        Examples
        --------
        >>> model = vae.Model("dense", seed=1)
        >>> values = model.measure(np.full((4, 28, 28, 1), 0.5, np.float32), "psnr | active_units")
        >>> sorted(values)
        ['active_units', 'psnr']
        """
        from ._measure import of_model
        return of_model(self, x, measures, samples, factors, labels, condition)

    def trainer(self, options: str | None = None, max_batch: int = 128, seed: int = 0) -> Trainer:
        """Training step by step.

        Parameters
        ----------
        options : str, optional
            The training's text; by default the training sections of the model's own text.
        max_batch : int
            The most examples of one step.
        seed : int
            Of the noise.

        Returns
        -------
        Trainer
            A context manager: the model has one trainer at a time.
        """
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


def _unpickle(data: bytes, options: ContextOptions, max_batch: int, text: str | None,
              history: list[Record]) -> Model:
    return Model.from_bytes(data, max_batch=max_batch, **options)._taken_over(text, history)
