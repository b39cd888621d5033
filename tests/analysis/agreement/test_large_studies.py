"""Studies of thousands of images: what each figure holds in memory at once."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from analysis.agreement.answer_auroc import drawn_auroc
from analysis.agreement.drawn_areas import Ranking, drawn_areas
from analysis.agreement.human_ceiling import human_ceiling
from analysis.agreement.image_draws import ImageDraws
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.metric_comparison import permutation_p_value
from analysis.agreement.rank_correlation import correlations, without_an_answer
from analysis.agreement.shift_lift import shift_lift
from analysis.agreement.tie_rules import jnd_map

IMAGES, SHIFTS, ANSWERS = 3_000, 4, 3
MEBIBYTE = 1 << 20

Computed = Callable[[JudgedPairs, ImageDraws], object]


@pytest.fixture(scope="module")
def large() -> tuple[JudgedPairs, ImageDraws]:
    generator = np.random.default_rng(1)
    number = IMAGES * SHIFTS
    pair = np.repeat(np.arange(number), ANSWERS)
    shift = np.arange(number) % SHIFTS
    same = generator.random(len(pair)) < np.array([0.9, 0.6, 0.3, 0.1])[shift[pair]]
    pairs = JudgedPairs(
        names=tuple(map(str, range(number))),
        image=np.arange(number) // SHIFTS,
        shift_px=shift,
        same=np.bincount(pair, weights=same).astype(np.int64),
        responses=np.bincount(pair),
        answer_pair=pair,
        answer_same=same,
        answer_participant=generator.integers(0, 200, len(pair)),
    )
    return pairs, ImageDraws.of(IMAGES, 300, generator, participants=True)


def untied(pairs: JudgedPairs) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return pairs.shift_px + np.random.default_rng(2).random(len(pairs.names))


def lift(pairs: JudgedPairs, draws: ImageDraws) -> object:
    ranking = Ranking.of(untied(pairs))
    drawn = drawn_areas(ranking, pairs.same_share, pairs.image, draws.counts)
    return shift_lift(ranking, pairs, draws, drawn, np.random.default_rng(3), 300)


def correlated(pairs: JudgedPairs, draws: ImageDraws) -> object:
    quantities = untied(pairs), pairs.same_share, pairs.shift_px.astype(np.float64)
    return correlations(*quantities, pairs.image, draws.counts), without_an_answer(*quantities, pairs.same_share)


def many_draws(pairs: JudgedPairs, draws: ImageDraws) -> object:
    return ImageDraws.of(pairs.n_images, 5_000, np.random.default_rng(4), participants=True)


def ceilings(pairs: JudgedPairs, draws: ImageDraws) -> object:
    # No intervals, which take longest.
    few = ImageDraws.of(2, 100, np.random.default_rng(5), participants=True)
    return human_ceiling(pairs, few, np.random.default_rng(5))


@pytest.mark.parametrize(
    "compute",
    [
        pytest.param(many_draws, id="draws"),
        pytest.param(lambda pairs, draws: drawn_auroc(Ranking.of(untied(pairs)), pairs, draws.counts), id="auroc"),
        pytest.param(correlated, id="correlations"),
        pytest.param(
            lambda pairs, draws: jnd_map(pairs.same_share, pairs.shift_px.astype(np.float64)),
            id="ties",
            marks=pytest.mark.slow,
        ),
        pytest.param(ceilings, id="ceilings", marks=pytest.mark.slow),
        pytest.param(lift, id="lift", marks=pytest.mark.slow),
        pytest.param(
            lambda pairs, draws: permutation_p_value(
                untied(pairs), pairs.shift_px.astype(np.float64), pairs, 200, np.random.default_rng(6)
            ),
            id="exchanges",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_memory_stays_small(large: tuple[JudgedPairs, ImageDraws], compute: Computed) -> None:
    tracemalloc.start()
    try:
        compute(*large)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200 * MEBIBYTE
