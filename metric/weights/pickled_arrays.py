"""Reading NumPy arrays out of a pickle, and running none of the code that a pickle may hold.

`numpy.save` writes a dictionary as a pickle too, behind a header.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from metric.errors import MetricError
from metric.weights.files import read_published

Array = npt.NDArray[Any]


def _encode(text: str, encoding: str) -> bytes:
    """How pickles before protocol 3 write bytes; not `codecs.encode`, which may import what it is told to."""
    if encoding != "latin1":
        raise ValueError(encoding)
    return text.encode(encoding)


# What a pickle of arrays calls. NumPy 2 writes `numpy._core` where NumPy 1 wrote `numpy.core`.
_RECONSTRUCT = np.zeros(0).__reduce__()[0]
_ALLOWED: Mapping[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encode,
}


class _ForbiddenGlobalError(Exception):
    """The pickle asks for something that is no part of an array."""


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _ForbiddenGlobalError(f"{module}.{name}") from None


def read_pickled_arrays(path: Path, sha256: str = "", mend: str = "take the published file.") -> dict[str, Array]:
    """The arrays of a pickled, possibly nested dictionary; the names of nested ones are joined by dots.

    Args:
        path: the file, of `pickle.dump` or of `numpy.save`.
        sha256: what its SHA-256 must begin with, or "" for any.
        mend: what to do about a file that is not the published one.

    Raises:
        MetricError: for another SHA-256, for a pickle that asks for anything but arrays of numbers, which it
            names, and for a file that is no such dictionary.
    """
    content = read_published(path, sha256, mend)
    try:
        tree = _ArrayUnpickler(_behind_header(content)).load()
    except _ForbiddenGlobalError as error:
        raise MetricError(f"{path} asks for {error}, which is no part of an array; it was not read.") from None
    except Exception as error:  # a damaged pickle may raise anything
        raise MetricError(f"{path} is not a pickle of NumPy arrays.") from error
    if isinstance(tree, np.ndarray) and tree.shape == ():
        tree = tree.item()  # `numpy.save` pickles a dictionary as an array that holds it
    arrays: dict[str, Array] = {}
    _collect(tree, "", arrays, path)
    return arrays


def _behind_header(content: bytes) -> io.BytesIO:
    """The content from its first byte, or from the first after the header of `numpy.save`."""
    stream = io.BytesIO(content)
    if content.startswith(npy.MAGIC_PREFIX):
        version = npy.read_magic(stream)
        (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(stream)
    return stream


def _collect(tree: object, prefix: str, arrays: dict[str, Array], path: Path) -> None:
    if not isinstance(tree, dict):
        raise MetricError(f"{path} does not hold arrays by name; it cannot be read as weights.")
    for name, value in tree.items():
        if isinstance(value, np.ndarray):
            if value.dtype.kind not in "fiu":
                raise MetricError(f'"{prefix}{name}" in {path} is an array of {value.dtype} instead of numbers.')
            arrays[f"{prefix}{name}"] = value
        else:
            _collect(value, f"{prefix}{name}.", arrays, path)
