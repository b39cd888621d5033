"""Reading NumPy arrays out of a pickle, and running none of the code that a pickle may hold.

A pickle is a program that calls what it names. All that it may name here are stand-ins of ours, which check what they
are given: NumPy's own types would believe a pickle that says that eight of its bytes are a pointer.

`numpy.save` writes a dictionary as a pickle too: behind a header, as an array that holds the dictionary.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from metric.errors import MetricError
from metric.weights.checkpoint_files import read_published

Array = npt.NDArray[Any]

_DEEPEST = 32


class _RefusedError(Exception):
    """What the pickle does that none of arrays would: the words that follow its path in a sentence."""


# Each stand-in has a `__setstate__`: without one, a pickle may set any attribute, of the class too.


class _Bytes(bytes):
    """How pickles before protocol 3 write bytes; not `codecs.encode`, which may import what it is told to."""

    def __new__(cls, text: str = "", encoding: str = "latin1") -> Self:
        if encoding != "latin1":
            raise ValueError(encoding)
        return super().__new__(cls, text.encode(encoding))

    def __setstate__(self, state: object) -> None:
        raise TypeError("bytes have no state")


class _Type:
    """Stands in for `numpy.dtype`: a type of numbers, or that of objects."""

    def __init__(self, code: str, align: object = False, copy: object = False) -> None:
        if not re.fullmatch(r"[<>|=]?([fiu][1248]|O[48]?)", code):
            raise _RefusedError(f'has an array of type "{code:.20}" instead of numbers')
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Takes the byte order; the rest of the state is of types that are made of others."""
        self.dtype = self.dtype.newbyteorder(state[1])


class _PickledArray:
    """Stands in for `numpy.ndarray`: its numbers in this machine's byte order, or the one object that it holds."""

    numbers: Array | None = None
    held: object = None

    def __init__(self, *empty: object) -> None:
        """What `_reconstruct` gives, whatever it is told: an array to be filled by its state."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, type_, is_fortran, data = state
        if type_.dtype.kind == "O":
            if shape == ():
                [self.held] = data
            return
        if isinstance(data, str):  # the bytes of Python 2
            data = data.encode("latin1")
        if not all(type(length) is int and length >= 0 for length in shape):
            raise ValueError(shape)
        if len(data) != prod(shape) * type_.dtype.itemsize:
            raise ValueError(len(data))
        numbers = np.frombuffer(data, type_.dtype).reshape(shape, order="F" if is_fortran else "C")
        self.numbers = np.array(numbers, dtype=type_.dtype.newbyteorder("="))


class _ArrayFromBuffer(_PickledArray):
    """Stands in for `_frombuffer`, which arrays are made by from protocol 5 on."""

    def __init__(self, data: object, type_: _Type, shape: object, order: str, axes: Any = None) -> None:
        self.__setstate__((1, shape, type_, order == "F", data))
        if order == "K" and self.numbers is not None:
            self.numbers = self.numbers.transpose(axes)


# NumPy 2 writes `numpy._core` where NumPy 1 wrote `numpy.core`.
_STAND_INS: Mapping[tuple[str, str], type] = {
    ("numpy.core.multiarray", "_reconstruct"): _PickledArray,
    ("numpy._core.multiarray", "_reconstruct"): _PickledArray,
    ("numpy.core.numeric", "_frombuffer"): _ArrayFromBuffer,
    ("numpy._core.numeric", "_frombuffer"): _ArrayFromBuffer,
    ("numpy", "ndarray"): _PickledArray,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _Bytes,
    ("__builtin__", "bytes"): _Bytes,  # none of them, before protocol 3
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise _RefusedError(f"asks for {module}.{name}, which is no part of an array") from None


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
        stream = _behind_header(content)
        if not sha256:
            _require_modest(stream, len(content))
        # Python 2 wrote names and numbers alike as text without an encoding.
        tree = _ArrayUnpickler(stream, encoding="latin1").load()
        arrays: dict[str, Array] = {}
        _collect(tree.held if isinstance(tree, _PickledArray) else tree, (), arrays, set())
    except _RefusedError as error:
        raise MetricError(f"{path} {error}; it was not read.") from None
    except Exception as error:  # a damaged pickle may raise anything
        raise MetricError(f"{path} is not a pickle of NumPy arrays.") from error
    return arrays


def _behind_header(content: bytes) -> io.BytesIO:
    """The content from its first byte, or from the first after the header of `numpy.save`."""
    stream = io.BytesIO(content)
    if content.startswith(npy.MAGIC_PREFIX):
        version = npy.read_magic(stream)
        (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(stream)
    return stream


def _require_modest(stream: io.BytesIO, size: int) -> None:
    """Raises `ValueError` where unpickling would fill memory out of proportion to the file; the stream stays there."""
    start = stream.tell()
    for opcode, argument, _ in pickletools.genops(stream):  # it refuses what is said to be longer than the file
        if opcode.name in ("PUT", "LONG_BINPUT") and int(argument or 0) > size:  # there is room for any lower number
            raise ValueError(argument)
    stream.seek(start)


def _collect(tree: object, path: tuple[str, ...], arrays: dict[str, Array], seen: set[int]) -> None:
    if not isinstance(tree, dict) or not all(isinstance(name, str) for name in tree):
        raise _RefusedError("does not hold arrays by name")
    if id(tree) in seen or len(path) > _DEEPEST:
        raise _RefusedError("has a dictionary twice, inside itself or too deep inside others")
    seen.add(id(tree))
    for name, value in tree.items():
        if not isinstance(value, _PickledArray):
            _collect(value, (*path, name), arrays, seen)
        elif value.numbers is None:
            raise _RefusedError(f'has, as "{".".join((*path, name))}", an array of objects instead of numbers')
        else:
            arrays[".".join((*path, name))] = value.numbers
