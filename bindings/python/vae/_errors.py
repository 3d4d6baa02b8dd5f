# SPDX-License-Identifier: MIT
"""The library's statuses as exceptions, each of which is one of Python's own kinds as well."""
from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any


class VaeError(Exception):
    """A call failed; str() is the library's sentence: where, what, got, wanted."""

    status = 0
    name = "VAE_E_UNKNOWN"


class ArgumentError(VaeError, ValueError):
    status, name = -1, "VAE_E_ARG"


class ShapeError(VaeError, ValueError):
    status, name = -2, "VAE_E_SHAPE"


class SpecError(VaeError, ValueError):
    status, name = -3, "VAE_E_SPEC"


class OutOfMemoryError(VaeError, MemoryError):
    status, name = -4, "VAE_E_NOMEM"


class FileError(VaeError, OSError):
    """Also a FileNotFoundError, PermissionError ... where the system says so; errno and filename are set then."""

    status, name = -5, "VAE_E_IO"

    def __str__(self) -> str:  # OSError's own would leave the library's sentence out
        return str(self.args[0])

    def __reduce__(self) -> Any:
        return _file_error, (str(self), self.filename)


class FormatError(VaeError, ValueError):
    status, name = -6, "VAE_E_FORMAT"


class VersionError(VaeError):
    status, name = -7, "VAE_E_VERSION"


class UnsupportedError(VaeError, NotImplementedError):
    status, name = -8, "VAE_E_UNSUPPORTED"


class StateError(VaeError, RuntimeError):
    status, name = -9, "VAE_E_STATE"


class NumericError(VaeError, ArithmeticError):
    status, name = -10, "VAE_E_NUMERIC"


class CallbackError(VaeError):
    status, name = -11, "VAE_E_CALLBACK"


class LimitError(VaeError, ValueError):
    status, name = -12, "VAE_E_LIMIT"


class CancelledError(VaeError):
    status, name = -13, "VAE_E_CANCELLED"


_ERRORS = {error.status: error for error in VaeError.__subclasses__()}
for _error in (VaeError, *_ERRORS.values()):
    _error.__module__ = "vae"  # where users find it, and what tracebacks say

_FILE_KINDS: dict[int, type[OSError]] = {
    errno.ENOENT: FileNotFoundError, errno.EACCES: PermissionError, errno.EPERM: PermissionError, errno.EISDIR: IsADirectoryError,
    errno.ENOTDIR: NotADirectoryError, errno.EEXIST: FileExistsError}
_FILE_ERRORS = {number: type(kind.__name__, (FileError, kind), {"__module__": "vae"}) for number, kind in _FILE_KINDS.items()}


def _number_of(reason: str) -> int | None:
    """The errno of what the system says."""
    if sys.platform == "win32":
        known = {2: errno.ENOENT, 3: errno.ENOENT, 5: errno.EACCES, 80: errno.EEXIST, 183: errno.EEXIST, 267: errno.ENOTDIR}
        said = reason.rstrip(" .\r\n")
        return next((number for code, number in known.items() if ctypes.FormatError(code).rstrip(" .\r\n") == said), None)
    return next((number for number in errno.errorcode if os.strerror(number) == reason), None)


def _file_error(sentence: str, filename: Any = None) -> FileError:
    """The sentence ends in the system's reason, which tells the number."""
    reason = sentence.rpartition(": ")[2]
    number = _number_of(reason)
    error: FileError = FileError(sentence) if number is None else _FILE_ERRORS.get(number, FileError)(sentence)
    error.errno, error.strerror, error.filename = number, None if number is None else reason, filename
    return error


def error_of(status: int, sentence: str) -> VaeError:
    """The exception for a status and its sentence."""
    return _file_error(sentence) if status == FileError.status else _ERRORS.get(status, VaeError)(sentence)


@contextlib.contextmanager
def about(path: str | os.PathLike[str]) -> Iterator[None]:
    """Calls on a file: their errors carry its name."""
    try:
        yield
    except FileError as error:
        error.filename = os.fspath(path)
        raise
