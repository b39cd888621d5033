"""The gradient of a step, and what processes that share it add up to."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from metric.networks.variant import Variant
from metric.training.configuration import Configuration, DataPart, LossPart, NetworkPart
from metric.training.step import Step
from metric.training.trainee import Trainee
from metric.training.triplet_images import TripletBatch

SMALL = Configuration(NetworkPart(Variant("alexnet")), DataPart(size_px=32), LossPart("mse", dropout=0.3))


def batch(*places: int) -> TripletBatch:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (5, 3, 3, 32, 32), dtype=torch.uint8, generator=generator)
    judge, weight = torch.rand(2, 5, generator=generator)
    chosen = torch.tensor(places)
    return TripletBatch(images[chosen], judge[chosen], weight[chosen], chosen)


def gradient(processes: int, at_once: int = 0, *given: int, counts: bool = True) -> tuple[list[Tensor], float]:
    trainee = Trainee(SMALL)
    trainee.prepare()
    trainee.train()
    step = Step(trainee, trainee, torch.device("cpu"), at_once, 0, processes)
    found = step.gradient(batch(*given), 1, 5, counts=counts)
    return [p.grad for p in trainee.parameters() if p.grad is not None], found.loss


def test_the_mean_of_the_processes_gradients_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda total: None)
    whole, loss = gradient(1, 0, 0, 1, 2, 3, 4)
    shares = [gradient(3, 0, 0, 3), gradient(3, 0, 1, 4), gradient(3, 0, 2)]
    assert sum(found for _, found in shares) == pytest.approx(loss, rel=1e-5)
    for expected, *parts in zip(whole, *(gradients for gradients, _ in shares), strict=True):
        scale = expected.abs().max().item()
        assert torch.allclose(sum(parts) / 3, expected, rtol=1e-3, atol=1e-4 * scale)  # type: ignore[arg-type]


def test_a_process_without_a_sample_of_its_own_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda total: None)
    gradients, loss = gradient(3, 0, 0, counts=False)
    assert loss == 0 and all(bool((one == 0).all()) for one in gradients)


@pytest.mark.parametrize("at_once", [1, 2, 5, 9])
def test_parts_add_up_to_the_whole(at_once: int) -> None:
    whole, loss = gradient(1, 0, 0, 1, 2, 3, 4)
    found, in_parts = gradient(1, at_once, 0, 1, 2, 3, 4)
    assert in_parts == pytest.approx(loss, rel=1e-5)
    for expected, one in zip(whole, found, strict=True):
        assert torch.allclose(one, expected, rtol=1e-3, atol=1e-4 * expected.abs().max().item())
