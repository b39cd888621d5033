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
from metric.weights.pickled_arrays import read_pickled_arrays


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
        ({"a": np.array([None], dtype=object)}, '"a" in .* is an array of object instead of numbers'),
        ([np.zeros(1)], "does not hold arrays by name"),
        ({"a": 1}, "does not hold arrays by name"),
    ],
)
def test_anything_else_is_refused(content: object, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(MetricError, match=sentence):
        read_pickled_arrays(_write(content, tmp_path / "x"))


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
