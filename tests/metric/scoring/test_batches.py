"""Batches, as a GPU takes them, and metrics whose value for identical images only computing tells; here on the CPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from metric.interface import FeatureMetric, Features
from metric.loading import load_metric
from metric.registry import METRICS
from metric.scoring import score
from metric.scoring.manifest_pairs import ImagePair, read_manifest
from metric.scoring.run import run


class _NegativeCosine(FeatureMetric):
    """Lower is more similar, and identical images have −1."""

    def __init__(self) -> None:
        super().__init__(replace(METRICS["l2"], name="negative-cosine", identical=None))

    def features(self, images: Tensor) -> Features:
        return (images.flatten(1),)

    def distance(self, reference: Features, images: Features) -> Tensor:
        return -torch.cosine_similarity(reference[0], images[0])


@pytest.fixture
def pairs(study_folder: Path) -> list[ImagePair]:
    return read_manifest(study_folder)


@pytest.fixture(params=["one by one", "batches"])
def manner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score, "takes_batches", lambda device: request.param == "batches")


def test_batches_give_what_single_pairs_give(pairs: list[ImagePair], monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = [load_metric(name) for name in ("l2", "ssim", "stlpips-alex")]
    single = run(pairs, metrics)[0].distances
    monkeypatch.setattr(score, "takes_batches", lambda device: True)
    together = run(pairs, metrics)[0].distances
    for metric in metrics:
        assert together[metric.spec.name] == pytest.approx(single[metric.spec.name], rel=1e-5)
        assert together[metric.spec.name]["00000_n-0"] == 0.0


@pytest.mark.usefixtures("manner")
def test_identical_images_are_computed_where_their_value_is_not_known(pairs: list[ImagePair]) -> None:
    found = dict(run(pairs, [_NegativeCosine()])[0].distances["negative-cosine"])
    same = found.pop("00000_n-0")
    assert same == pytest.approx(-1.0)
    assert all(same < other for other in found.values())


def test_a_call_computes_them_too() -> None:
    image = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    assert _NegativeCosine()(image, image).tolist() == pytest.approx([-1.0, -1.0])
