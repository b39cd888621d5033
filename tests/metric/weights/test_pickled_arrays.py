"""Pickles give arrays, and nothing in them is run."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from metric.errors import MetricError
from metric.weights.flax_convolutions import read_alexnet, read_vgg16
from metric.weights.pickled_arrays import Array, read_pickled_arrays


class _RunsACommand:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("exit 1",)


def _write(content: object, path: Path) -> Path:
    path.write_bytes(pickle.dumps(content))
    return path


def test_nested_arrays_are_named_by_their_path(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    found = read_pickled_arrays(_write({"a": {"b": values}, "c": np.ones(2)}, tmp_path / "x"))
    assert list(found) == ["a.b", "c"]
    assert np.array_equal(found["a.b"], values)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"a": _RunsACommand()}, r"asks for posix\.system, which is no part of an array"),
        ({"a": Path("x")}, r"asks for pathlib"),
        ({"a": np.array([_RunsACommand()], dtype=object)}, r"asks for posix\.system"),
        ({"b": {"a": np.array([None], dtype=object)}}, r'has, as "b\.a", an array of objects instead of numbers'),
        ({"a": np.array(None, dtype=object)}, 'has, as "a", an array of objects'),
        ({"a": np.array([True])}, 'has an array of type "b1" instead of numbers'),
        ({"a": np.zeros(2, "f4,f4")}, 'has an array of type "V8" instead of numbers'),
        (np.array([{"a": np.zeros(1)}]), "does not hold arrays by name"),
        ({1: np.zeros(1)}, "does not hold arrays by name"),
        ([np.zeros(1)], "does not hold arrays by name"),
        ({"a": 1}, "does not hold arrays by name"),
    ],
)
def test_anything_else_is_refused(content: object, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(MetricError, match=sentence):
        read_pickled_arrays(_write(content, tmp_path / "x"))


_ARRAYS = {
    "little": np.arange(6, dtype="<f4").reshape(2, 3),
    "big": np.arange(6, dtype=">f8").reshape(3, 2),
    "columns": np.asfortranarray(np.arange(6, dtype="f2").reshape(2, 3)),
    "turned": np.arange(24, dtype="i4").reshape(2, 3, 4).transpose(2, 0, 1),
    "bytes": np.arange(3, dtype="u1"),
    "empty": np.zeros((0, 4), dtype="i8"),
    "one": np.array(2.5),
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("package", [b"numpy._core", b"numpy.core"])
def test_arrays_come_out_as_numpy_reads_them(protocol: int, package: bytes, tmp_path: Path) -> None:
    content = pickle.dumps(_ARRAYS, protocol)
    if protocol < 4:  # later ones write the length of the name before it
        content = content.replace(b"numpy._core", package)
    (tmp_path / "x").write_bytes(content)
    found = read_pickled_arrays(tmp_path / "x")
    assert found.keys() == _ARRAYS.keys()
    for name, array in _ARRAYS.items():
        _assert_equal(found[name], array)


def _assert_equal(found: Array, stored: Array) -> None:
    """The same shape, numbers and type, but in this machine's byte order."""
    np.testing.assert_array_equal(found, stored.astype(stored.dtype.newbyteorder("=")), strict=True)


def _global(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def _text(text: bytes) -> bytes:
    return b"U" + bytes([len(text)]) + text


def _handmade(code: bytes, data: bytes, shape: bytes = b")", order: bytes = b"<", flags: int = 0) -> bytes:
    """An array as Python 2 and NumPy 1 pickled it, opcode by opcode; the defaults are of one without dimensions."""
    empty = _global("numpy.core.multiarray", "_reconstruct") + b"(" + _global("numpy", "ndarray") + b"K\0\x85U\x01btR"
    type_ = _global("numpy", "dtype") + b"(" + _text(code) + b"\x89\x88tR"
    type_state = b"(K\x03" + _text(order) + b"NNN" + 2 * b"J\xff\xff\xff\xff" + b"K" + bytes([flags]) + b"tb"
    return empty + b"(K\x01" + shape + type_ + type_state + b"\x89" + _text(data) + b"tb"


def _write_handmade(tree: bytes, path: Path) -> Path:
    path.write_bytes(b"\x80\x02" + tree + b".")
    return path


def test_a_pickle_of_python_2_is_read(tmp_path: Path) -> None:
    numbers = np.array([1, -2.5], dtype=">f4")
    array = _handmade(b"f4", numbers.tobytes(), shape=b"K\x02\x85", order=b">")
    found = read_pickled_arrays(_write_handmade(b"}" + _text(b"a") + array + b"s", tmp_path / "x"))
    _assert_equal(found["a"], numbers)


@pytest.mark.parametrize(
    "tree",
    [
        # Eight bytes that are said to be a pointer, by a type whose flags say that it has none.
        _handmade(b"O8", b"A" * 8, order=b"|"),
        b"}" + _text(b"a") + _handmade(b"O8", b"A" * 8, order=b"|") + b"s",
        # Fewer bytes than the shape wants, more, and a length that is worked out from the others.
        b"}" + _text(b"a") + _handmade(b"f8", b"A" * 8, shape=b"K\x02\x85") + b"s",
        b"}" + _text(b"a") + _handmade(b"f8", b"A" * 8, shape=b"K\0\x85") + b"s",
        b"}" + _text(b"a") + _handmade(b"f8", b"A" * 8, shape=b"J\xff\xff\xff\xff\x85") + b"s",
        # Objects that are numbered, or said to be so long, that memory would be filled for them.
        b"}r\0\0\0\1",
        b"}p16777216\n",
        b"\x96\0\0\0\1\0\0\0\0",
        # Types that there are not, by name or byte order.
        b"}" + _text(b"a") + _handmade(b"f1", b"A") + b"s",
        b"}" + _text(b"a") + _handmade(b"f8", b"A" * 8, order=b"?") + b"s",
        # Attributes set by a state: of an array without one, and of the stand-ins themselves.
        *(
            _global(*stand_in) + b"N}" + _text(b"__setstate__") + b"Ns\x86b"
            for stand_in in [("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")]
        ),
    ],
)
def test_a_pickle_made_to_harm_is_refused(tree: bytes, tmp_path: Path) -> None:
    with pytest.raises(MetricError, match=r"x is not a pickle of NumPy arrays\.$"):
        read_pickled_arrays(_write_handmade(tree, tmp_path / "x"))


def _in_itself() -> object:
    tree: dict[str, object] = {}
    tree["a"] = {"b": tree}
    return tree


def _inside_each_other(depth: int, copies: int) -> object:
    tree: dict[str, object] = {}
    for _ in range(depth):
        tree = {str(number): tree for number in range(copies)}
    return tree


@pytest.mark.parametrize("tree", [_in_itself(), _inside_each_other(40, 1), _inside_each_other(30, 2)])
def test_dictionaries_without_end_are_refused(tree: object, tmp_path: Path) -> None:
    with pytest.raises(MetricError, match="x has a dictionary twice, inside itself or too deep inside others"):
        read_pickled_arrays(_write(tree, tmp_path / "x"))


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps({"a": np.zeros(9)})[:-20]])
def test_a_damaged_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(MetricError, match="is not a pickle of NumPy arrays"):
        read_pickled_arrays(tmp_path / "x")


def _flax_alexnet() -> dict[str, Any]:
    shapes = [(11, 11, 3, 64), (5, 5, 64, 192), (3, 3, 192, 384), (3, 3, 384, 256), (3, 3, 256, 256)]
    generator = np.random.default_rng(0)
    layers = {
        f"Conv_{k}": {"kernel": generator.random(shape, np.float32), "bias": np.zeros(shape[-1], np.float32)}
        for k, shape in enumerate(shapes)
    }
    return {"AlexNet_0": layers, "NetLinLayer_0": {"Conv_0": {"kernel": np.zeros((1, 1, 64, 1))}}}


def test_kernels_are_turned_as_torch_has_them(tmp_path: Path) -> None:
    flax = _flax_alexnet()
    tensors = read_alexnet(_write(flax, tmp_path / "x"))
    kernel = flax["AlexNet_0"]["Conv_1"]["kernel"]
    assert list(tensors)[2] == "features.3.weight"
    assert tensors["features.3.weight"][5, 7, 2, 3] == kernel[2, 3, 7, 5]
    image = torch.rand(1, 64, 5, 5)
    convolved = torch.nn.functional.conv2d(image, tensors["features.3.weight"])[0, :, 0, 0]
    by_hand = np.einsum("chw,hwco->o", image[0].numpy(), kernel)
    assert convolved.numpy() == pytest.approx(by_hand, rel=1e-4)


def test_another_networks_file_is_refused(tmp_path: Path) -> None:
    path = _write(_flax_alexnet(), tmp_path / "x")
    with pytest.raises(MetricError, match="does not hold the 13 convolutions of VGG16_0"):
        read_vgg16(path)
    flax = _flax_alexnet()
    flax["AlexNet_0"]["Conv_5"] = flax["AlexNet_0"].pop("Conv_4")
    with pytest.raises(MetricError, match=r'has no "AlexNet_0\.Conv_4\.kernel"'):
        read_alexnet(_write(flax, tmp_path / "x"))
