"""How well people rank pairs for other people: what a metric that knows as much as some of the answers would reach."""

from __future__ import annotations

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
# For the interval the mean over some splits is drawn anew; more of them make no other interval.
_SPLITS_DRAWN = 50
_DRAWS = 2_000


@dataclass(frozen=True)
class HumanCeiling(Result):
    """JND mAP of people for people, with each pair's answers parted at random.

    `split_half`: one half ranks the pairs by its share of "different", the other half judges. `leave_one_out`: one
    answer of each pair judges, the others rank. Both are means over `splits` partings, with ties in random order.
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
    halves = _judging(responses, split, splits, generator)
    judging_same = generator.hypergeometric(same, responses - same, halves)
    for number, (judges, found) in enumerate(zip(halves, judging_same, strict=True)):
        share = found / judges
        ranking_different = 1 - (same - found) / (responses - judges)
        order = np.lexsort((generator.random(len(share)), ranking_different))
        # A parting in which nobody who judges says "same" has no recall.
        if not found.any():
            continue
        areas.append(float(interpolated_area(share[order])))
        if draws.enough and number < _SPLITS_DRAWN:
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


def _judging(responses: Integers, split: Split, splits: int, generator: np.random.Generator) -> Integers:
    """`(splits, N)`, how many answers of each pair judge; of an odd number, either half is the larger one."""
    if split == "one":
        return np.ones((splits, len(responses)), dtype=np.int64)
    odd = generator.integers(0, 2, (splits, len(responses)))
    return np.asarray((responses + odd) // 2, dtype=np.int64)
