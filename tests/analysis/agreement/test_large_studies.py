"""Studies of thousands of images: what each figure holds in memory at once."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from analysis.agreement.answer_auroc import drawn_auroc
from analysis.agreement.concordance import Concordance, exchanged_p_value
from analysis.agreement.drawn_areas import Ranking, drawn_areas
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.metric_agreement import DrawnMap
from analysis.agreement.metric_comparison import permutation_p_value
from analysis.agreement.noise_ceiling import noise_ceiling
from analysis.agreement.photograph_draws import PhotographDraws
from analysis.agreement.rank_correlation import correlations, without_an_answer
from analysis.agreement.shift_lift import shift_lift
from analysis.agreement.tie_rules import Score, jnd_map

IMAGES, SHIFTS, ANSWERS = 3_000, 4, 3
MEBIBYTE = 1 << 20

Computed = Callable[[JudgedPairs, PhotographDraws], object]


@pytest.fixture(scope="module")
def large() -> tuple[JudgedPairs, PhotographDraws]:
    generator = np.random.default_rng(1)
    number = IMAGES * SHIFTS
    pair = np.repeat(np.arange(number), ANSWERS)
    shift = np.arange(number) % SHIFTS
    same = generator.random(len(pair)) < np.array([0.9, 0.6, 0.3, 0.1])[shift[pair]]
    pairs = JudgedPairs(
        names=tuple(map(str, range(number))),
        photograph=np.arange(number) // SHIFTS,
        shift_px=shift.astype(np.float64),
        same=np.bincount(pair, weights=same).astype(np.int64),
        responses=np.bincount(pair),
        answer_pair=pair,
        answer_same=same,
        answer_participant=generator.integers(0, 200, len(pair)),
        n_images=IMAGES,
    )
    return pairs, PhotographDraws.of(IMAGES, 300, generator, participants=True)


def untied(pairs: JudgedPairs) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return pairs.shift_px + np.random.default_rng(2).random(len(pairs.names))


def lift(pairs: JudgedPairs, draws: PhotographDraws) -> object:
    ranking = Ranking.of(untied(pairs))
    drawn = drawn_areas(ranking, pairs.same_share, pairs.photograph, draws.counts)
    return shift_lift(ranking, 0.7, pairs, draws, drawn, np.random.default_rng(3), 300)


def correlated(pairs: JudgedPairs, draws: PhotographDraws) -> object:
    quantities = untied(pairs), pairs.same_share
    return correlations(*quantities, pairs.photograph, draws.counts), without_an_answer(*quantities, pairs.same_share)


def many_draws(pairs: JudgedPairs, draws: PhotographDraws) -> object:
    return PhotographDraws.of(pairs.n_photographs, 5_000, np.random.default_rng(4), participants=True)


def ceiling(pairs: JudgedPairs, draws: PhotographDraws) -> object:
    shift = untied(pairs)
    return noise_ceiling(pairs, draws, Score(0.7, ""), DrawnMap.of(pairs, shift, draws), np.random.default_rng(5))


def concordance(pairs: JudgedPairs, draws: PhotographDraws) -> object:
    return Concordance.of(pairs, untied(pairs), draws), exchanged_p_value(
        untied(pairs), pairs, 200, np.random.default_rng(6)
    )


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
        pytest.param(ceiling, id="ceiling", marks=pytest.mark.slow),
        pytest.param(concordance, id="concordance"),
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
def test_memory_stays_small(large: tuple[JudgedPairs, PhotographDraws], compute: Computed) -> None:
    tracemalloc.start()
    try:
        compute(*large)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200 * MEBIBYTE
