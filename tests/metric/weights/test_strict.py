"""What fits a network is taken in its types; what is of another kind is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from metric.errors import MetricError, MisfitError
from metric.loading import load_metric
from metric.registry import METRICS
from metric.weights.finding import Weights
from metric.weights.strict import rename_strictly

_EXPECTED = {"ours": torch.empty(2, 3), "count": torch.tensor(0)}
_NAMES = {"ours": "theirs", "count": "steps"}


def _rename(weights: Tensor, steps: Tensor | None = None) -> dict[str, Tensor]:
    return rename_strictly({"theirs": weights, "steps": torch.tensor(7) if steps is None else steps}, _NAMES, _EXPECTED)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_floating_point_becomes_that_of_the_network(dtype: torch.dtype) -> None:
    stored = torch.rand(2, 3, dtype=dtype)
    renamed = _rename(stored)
    assert renamed["ours"].dtype == torch.float32
    assert torch.equal(renamed["ours"], stored.float())
    assert renamed["count"].item() == 7


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        (torch.ones(2, 3, dtype=torch.int32), r"is of torch\.int32 instead of torch\.float32"),
        (torch.ones(2, 3, dtype=torch.complex64), r"is of torch\.complex64 instead"),
        (torch.ones(2, 3, dtype=torch.bool), r"is of torch\.bool instead"),
        (torch.ones(2, 3, dtype=torch.float8_e5m2), r"is of torch\.float8_e5m2 instead"),
        (torch.ones(2, 3).to_sparse(), "is not stored as a dense tensor"),
        (torch.ones(2, 3, device="meta"), "is not stored as a dense tensor"),
        (torch.full((2, 3), 1e300, dtype=torch.float64), "has values that are not finite"),
    ],
)
def test_other_kinds_of_tensors_are_refused(weights: Tensor, sentence: str) -> None:
    with pytest.raises(MisfitError, match=f'"theirs" in the checkpoint {sentence}'):
        _rename(weights)


def test_a_count_of_another_type_is_refused() -> None:
    with pytest.raises(MisfitError, match=r'"steps" in the checkpoint is of torch\.float32 instead of torch\.int64'):
        _rename(torch.ones(2, 3), torch.tensor(7.0))


def _save_published(path: Path, dtype: torch.dtype) -> dict[str, Path]:
    published = Weights("stlpips-alex", METRICS["stlpips-alex"].weights, {}).read("all")
    torch.save({name: tensor.to(dtype) for name, tensor in published.items()}, path)
    return {"all": path}


def test_a_metric_takes_a_file_of_half_precision(tmp_path: Path) -> None:
    half = load_metric("stlpips-alex", weights=_save_published(tmp_path / "half.pt", torch.float16))
    assert {tensor.dtype for tensor in half.state_dict().values()} == {torch.float32}
    images = torch.rand(2, 1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert half(*images).item() == pytest.approx(load_metric("stlpips-alex")(*images).item(), rel=1e-2)


def test_a_file_of_whole_numbers_is_named_with_its_tensor(tmp_path: Path) -> None:
    with pytest.raises(
        MetricError, match=r'whole\.pt cannot be .* stlpips-alex\. ".*" in the checkpoint is of torch\.int32 inst'
    ):
        load_metric("stlpips-alex", weights=_save_published(tmp_path / "whole.pt", torch.int32))
