"""People as a metric for people, against partings made answer by answer."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.agreement.human_ceiling import human_ceiling
from analysis.agreement.image_draws import ImageDraws
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.precision_recall import interpolated_area


def judged(responses: list[int], seed: int = 1) -> JudgedPairs:
    """One pair an image, with so many answers each."""
    generator = np.random.default_rng(seed)
    number = len(responses)
    pair = np.repeat(np.arange(number), responses)
    same = generator.random(len(pair)) < np.linspace(0.95, 0.05, number)[pair]
    return JudgedPairs(
        names=tuple(map(str, range(number))),
        image=np.arange(number),
        shift_px=np.arange(number),
        same=np.bincount(pair, weights=same).astype(np.int64),
        responses=np.array(responses),
        answer_pair=pair,
        answer_same=same,
        answer_participant=None,
    )


def draws(images: int) -> ImageDraws:
    return ImageDraws.of(images, 300, np.random.default_rng(0), participants=False)


def parted(pairs: JudgedPairs, generator: np.random.Generator, *, one: bool) -> float:
    """JND mAP of one parting, made by shuffling the answers to each pair."""
    shares, distances = [], []
    for pair in range(len(pairs.names)):
        answers = generator.permutation(pairs.answer_same[pairs.answer_pair == pair])
        size = len(answers)
        judging = 1 if one else size // 2 + (generator.integers(0, 2) if size % 2 else 0)
        shares.append(answers[:judging].mean())
        distances.append(1 - answers[judging:].mean())
    order = np.lexsort((generator.random(len(shares)), distances))
    return float(interpolated_area(np.array(shares)[order]))


def test_ceilings_are_the_mean_over_partings_of_answers() -> None:
    pairs = judged([3, 4, 5, 2, 3, 7] * 4)
    generator = np.random.default_rng(3)
    found = human_ceiling(pairs, draws(24), generator, splits=2_000)
    for estimate, one in ((found.split_half, False), (found.leave_one_out, True)):
        areas = [parted(pairs, generator, one=one) for _ in range(1_500)]
        error = np.std(areas) * np.sqrt(1 / 1_500 + 1 / 2_000)
        assert estimate.estimate == pytest.approx(np.mean(areas), abs=5 * error)
        assert estimate.low is not None
        assert estimate.low < (estimate.estimate or 0) < (estimate.high or 0)
        assert "2,000 partings" in estimate.method


def test_single_answers_cannot_be_parted() -> None:
    alone = judged([1] * 12)
    found = human_ceiling(alone, draws(12), np.random.default_rng(4), splits=50)
    assert found.split_half.estimate is None
    assert "no pair has two answers" in found.leave_one_out.method


def test_pairs_with_a_single_answer_are_left_aside() -> None:
    mixed = judged([1, 4] * 8)
    found = human_ceiling(mixed, draws(16), np.random.default_rng(5), splits=50)
    assert found.split_half.estimate is not None
    assert found.split_half.low is not None
