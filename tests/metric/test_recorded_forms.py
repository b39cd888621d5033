"""Compiled, traced, exported, and run by ONNX Runtime: one program for images of any number and size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from torch import Tensor

from metric import load
from metric.interface import FeatureMetric
from metric.loading import load_metric
from tests.metric.given_weights import WRITERS, load_with_random_weights

pytestmark = pytest.mark.slow

_ROUNDING = 5e-5
"""What another order of the sums leaves of small distances in float32, relative."""

_NETWORKS = ["stlpips-alex", "stlpips-vgg", "lpips-alex", "lpips-vgg", "lpips-squeeze", "dists"]
_SIZES = [(1, 192, 192), (3, 256, 200), (1, 177, 301)]
_SMALL_SIZES = [(1, 72, 72), (3, 96, 80), (1, 65, 101)]


def _metric(name: str, folder: Path) -> FeatureMetric:
    return load_with_random_weights(name, folder) if name in WRITERS else load(name, device="cpu")


def _pair(images: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(height)
    reference, noise = torch.rand(2, images, 3, height, width, generator=random)
    return reference, (0.9 * reference + 0.1 * noise)


def _check(
    metric: FeatureMetric,
    recorded: Callable[[Tensor, Tensor], Tensor],
    sizes: Sequence[tuple[int, int, int]] = _SMALL_SIZES,
) -> None:
    for size in sizes:
        pair = _pair(*size)
        torch.testing.assert_close(recorded(*pair), metric(*pair), rtol=_ROUNDING, atol=1e-7)
    reference, _ = pair
    assert recorded(reference, reference.clone()).tolist() == [metric.spec.identical]
    # Black makes features of length 0, by which nothing may be divided.
    black = torch.zeros_like(reference)
    torch.testing.assert_close(recorded(black, reference), metric(black, reference), rtol=1e-3, atol=1e-7)


@pytest.mark.filterwarnings("ignore:.*jit.trace.*:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*jit.trace.*:DeprecationWarning")
@pytest.mark.parametrize("name", ["stlpips-alex", "lpips-alex", "ms-ssim", "ssim", "cw-ssim"])
def test_what_is_traced_at_one_size_computes_any(name: str, tmp_path: Path) -> None:
    metric = _metric(name, tmp_path)
    _check(metric, torch.jit.trace(metric, _pair(1, 192, 192), check_trace=False), _SIZES)


@pytest.mark.filterwarnings("ignore:.*jit.trace.*:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*jit.trace.*:DeprecationWarning")
@pytest.mark.parametrize("name", ["stlpips-vgg", "lpips-vgg", "lpips-squeeze", "dists"])
def test_what_is_traced_at_one_small_size_computes_any(name: str, tmp_path: Path) -> None:
    metric = _metric(name, tmp_path)
    _check(metric, torch.jit.trace(metric, _pair(1, 64, 64), check_trace=False))


def _run(session: Any) -> Callable[[Tensor, Tensor], Tensor]:
    def run(*pair: Tensor) -> Tensor:
        names: Sequence[str] = [each.name for each in session.get_inputs()]
        return torch.from_numpy(session.run(None, {name: x.numpy() for name, x in zip(names, pair, strict=True)})[0])

    return run


@pytest.mark.filterwarnings("ignore:.*axis name.*:UserWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", _NETWORKS)
def test_what_is_exported_computes_any_size_in_torch_and_in_onnx_runtime(name: str, tmp_path: Path) -> None:
    metric = _metric(name, tmp_path)
    many, height, width = torch.export.Dim("n", min=1), torch.export.Dim("h", min=64), torch.export.Dim("w", min=64)
    sizes = {0: many, 2: height, 3: width}
    exported = torch.export.export(metric, _pair(2, 72, 80), dynamic_shapes=(sizes, sizes))
    _check(metric, exported.module())
    program = torch.onnx.export(exported, dynamo=True, verbose=False)
    assert program is not None
    program.save(tmp_path / "metric.onnx")
    _check(metric, _run(onnxruntime.InferenceSession(tmp_path / "metric.onnx", providers=["CPUExecutionProvider"])))


def test_ms_ssim_is_exported_for_sizes_of_more_than_one_window() -> None:
    metric = load("ms-ssim", device="cpu")
    height, width = torch.export.Dim("h", min=177), torch.export.Dim("w", min=177)
    sizes = {0: torch.export.Dim("n", min=1), 2: height, 3: width}
    _check(metric, torch.export.export(metric, _pair(2, 192, 200), dynamic_shapes=(sizes, sizes)).module(), _SIZES)


@pytest.mark.parametrize("name", ["stlpips-alex", "ssim", "l2"])
def test_compiled_it_gives_the_same(name: str, crop_pair: Any) -> None:
    pair = crop_pair("astronaut", 2, 130, 128)
    metric = load_metric(name)
    torch._dynamo.reset()
    compiled = torch.compile(metric, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(*pair), metric(*pair), rtol=1e-5, atol=0)
