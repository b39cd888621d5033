"""How well people rank pairs for other people: what a metric that knows as much as some of the answers would reach."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.agreement.drawn_areas import Ranking, drawn_areas
from analysis.agreement.image_draws import ImageDraws
from analysis.agreement.judged_pairs import Integers, JudgedPairs
from analysis.agreement.precision_recall import interpolated_area
from analysis.results import Estimate, Result

Split = Literal["half", "one"]

SPLITS = 2_000
# Fewer do where their mean has no larger standard error, as with many pairs.
_STANDARD_ERROR = 2e-4
# For the interval the mean over some splits is drawn anew; more of them make no other interval. Of many pairs, fewer.
_SPLITS_DRAWN = 50
_FEWEST_SPLITS_DRAWN = 10
_PAIRS_DRAWN = 100_000
_DRAWS = 2_000
# Numbers that are held at once, of which a few copies are made.
_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class HumanCeiling(Result):
    """JND mAP of people for people, with each pair's answers parted at random.

    `split_half`: one half ranks the pairs by its share of "different", the other half judges. `leave_one_out`: one
    answer of each pair judges, the others rank. Both are means over `splits` partings, or over as many as give a
    standard error of 0.0002, with ties in random order.
    """

    split_half: Estimate
    leave_one_out: Estimate
    splits: int


def human_ceiling(
    pairs: JudgedPairs, draws: ImageDraws, generator: np.random.Generator, splits: int = SPLITS
) -> HumanCeiling:
    """Both ceilings; of pairs with two answers or more, for a single one cannot be parted."""
    return HumanCeiling(
        split_half=_ceiling(pairs, draws, generator, splits, "half"),
        leave_one_out=_ceiling(pairs, draws, generator, splits, "one"),
        splits=splits,
    )


def _ceiling(
    pairs: JudgedPairs, draws: ImageDraws, generator: np.random.Generator, splits: int, split: Split
) -> Estimate:
    several = np.flatnonzero(pairs.responses > 1)
    if not len(several):
        return Estimate(None, None, None, "no pair has two answers, so that none can be parted")
    same, responses, image = pairs.same[several], pairs.responses[several], pairs.image[several]
    areas: list[float] = []
    counts = draws.counts[:, :_DRAWS]
    summed, valued = np.zeros((2, counts.shape[1]))
    most_drawn = max(_FEWEST_SPLITS_DRAWN, min(_SPLITS_DRAWN, _PAIRS_DRAWN // len(same)))
    for number, (judges, found) in enumerate(_partings(same, responses, split, splits, generator)):
        if number and number % most_drawn == 0 and _standard_error(areas) <= _STANDARD_ERROR:
            break
        share = found / judges
        ranking_different = 1 - (same - found) / (responses - judges)
        order = np.lexsort((generator.random(len(share)), ranking_different))
        # A parting in which nobody who judges says "same" has no recall.
        if not found.any():
            continue
        areas.append(float(interpolated_area(share[order])))
        if draws.enough and number < most_drawn:
            ranking = Ranking(order.astype(np.int64), np.arange(len(order) + 1))
            drawn = drawn_areas(ranking, share, image, counts)
            summed += np.nan_to_num(drawn)
            valued += np.isfinite(drawn)
    if not areas:
        return Estimate(None, None, None, 'in no parting does anybody who judges say "same"')
    part = "halves" if split == "half" else "one answer and the others"
    how = f"mean over {len(areas):,} partings of each pair's answers into {part}, ties in random order"
    mean = np.full(len(summed), np.nan)
    np.divide(summed, valued, out=mean, where=valued > 0)
    return draws.estimate(float(np.mean(areas)), mean, None, how=how)


def _standard_error(areas: list[float]) -> float:
    return float(np.std(areas, ddof=1)) / math.sqrt(len(areas)) if len(areas) > 1 else math.inf


def _partings(
    same: Integers, responses: Integers, split: Split, splits: int, generator: np.random.Generator
) -> Iterator[tuple[Integers, Integers]]:
    """How many answers of each pair judge, and how many of these are "same": `(N,)` each, `splits` times."""
    portion = max(1, _AT_ONCE // len(same))
    for start in range(0, splits, portion):
        judging = _judging(responses, split, min(portion, splits - start), generator)
        yield from zip(judging, generator.hypergeometric(same, responses - same, judging), strict=True)


def _judging(responses: Integers, split: Split, splits: int, generator: np.random.Generator) -> Integers:
    """`(splits, N)`, how many answers of each pair judge; of an odd number, either half is the larger one."""
    if split == "one":
        return np.ones((splits, len(responses)), dtype=np.int64)
    odd = generator.integers(0, 2, (splits, len(responses)))
    return np.asarray((responses + odd) // 2, dtype=np.int64)
