"""The two losses against the package of one's authors and against the other's formula."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from metric.training.configuration import LossPart
from metric.training.losses import RankingLoss, ShareLoss, build_loss


def test_the_ranking_loss_is_that_of_the_package_lpips() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lpips
    torch.manual_seed(1)
    ours, theirs = RankingLoss(7), lpips.BCERankingLoss(chn_mid=7)
    theirs.net.model.load_state_dict(
        {
            name: tensor[..., None, None] if tensor.ndim == 2 else tensor
            for name, tensor in ours.layers.state_dict().items()
        }
    )
    first, second, judge = torch.rand(3, 9)
    maps = [values.view(-1, 1, 1, 1) for values in (first, second, 2 * judge - 1)]
    assert ours(first, second, judge).mean().item() == pytest.approx(theirs(*maps).item(), rel=1e-6)


def test_the_share_loss_is_the_formula_of_the_paper() -> None:
    generator = np.random.default_rng(0)
    first, second, judge = generator.random((3, 20))
    expected = (first / (first + second) - judge) ** 2
    found = ShareLoss()(*(torch.from_numpy(values) for values in (first, second, judge)))
    assert np.allclose(found.numpy(), expected, rtol=1e-7)


def test_two_images_that_both_are_the_reference_are_a_half_and_have_a_gradient() -> None:
    distances = torch.zeros(2, 1, requires_grad=True)
    loss = ShareLoss()(distances[0], distances[1], torch.tensor([0.5]))
    loss.sum().backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0 and distances.grad is not None and bool(distances.grad.isfinite().all())


def test_a_configuration_names_its_loss() -> None:
    found = build_loss(LossPart("ranking", hidden=5))
    assert isinstance(found, RankingLoss) and found.layers[0].out_features == 5
    assert isinstance(build_loss(LossPart("mse")), ShareLoss)
