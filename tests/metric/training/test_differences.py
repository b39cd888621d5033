"""Differences of features and their dropout: against autograd, and by what does not depend on whom."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from metric.learned.lpips import unit_vectors
from metric.training.differences import dropout_key, kept_differences, mean_differences

CPU = torch.device("cpu")


def by_autograd(maps: Tensor, kept: Tensor | None) -> Tensor:
    reference, *compared = unit_vectors(maps).chunk(3)
    squares = torch.stack([(reference - other) ** 2 for other in compared], dim=1)
    return (squares if kept is None else squares * kept).mean(dim=(3, 4))


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("channels_last", [False, True])
def test_values_and_gradients_are_those_of_autograd(dropout: float, channels_last: bool) -> None:
    torch.manual_seed(0)
    maps = torch.randn(6, 5, 4, 3, dtype=torch.float64)
    if channels_last:
        maps = maps.contiguous(memory_format=torch.channels_last)
    kept = kept_differences([maps.shape[1:]], [1, 2], dropout, CPU)[0].double() if dropout else None
    weights = torch.rand(2, 2, 5, dtype=torch.float64)
    found = []
    for function in (mean_differences, by_autograd):
        leaf = maps.clone().requires_grad_()
        value = function(leaf, kept)
        (value * weights).sum().backward()  # type: ignore[no-untyped-call]
        assert leaf.grad is not None
        found.append((value.detach(), leaf.grad))
    assert torch.allclose(found[0][0], found[1][0], rtol=1e-12)
    assert torch.allclose(found[0][1], found[1][1], rtol=1e-7, atol=1e-12)


def test_a_vector_of_zeros_has_a_finite_gradient() -> None:
    maps = torch.zeros(3, 4, 2, 2, requires_grad=True)
    mean_differences(maps).sum().backward()  # type: ignore[no-untyped-call]
    assert maps.grad is not None and bool(maps.grad.isfinite().all())


def test_dropout_of_a_triplet_does_not_depend_on_its_batch() -> None:
    shapes = [torch.Size((6, 5, 4)), torch.Size((3, 2, 2))]
    together = kept_differences(shapes, [11, 12, 13], 0.3, CPU)
    alone = kept_differences(shapes, [13], 0.3, CPU)
    for level, one in zip(together, alone, strict=True):
        assert torch.equal(level[2:], one)
        assert not torch.equal(level[0], level[1])


def test_dropout_leaves_the_mean() -> None:
    (kept,) = kept_differences([torch.Size((50, 40, 40))], [5], 0.25, CPU)
    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert float((kept == 0).double().mean()) == pytest.approx(0.25, abs=0.005)
    assert not torch.equal(kept[0, 0], kept[0, 1])  # both images have their own


def test_keys_are_of_seed_epoch_and_sample() -> None:
    keys = {dropout_key(seed, epoch, sample) for seed in range(3) for epoch in range(3) for sample in range(20)}
    assert len(keys) == 180
