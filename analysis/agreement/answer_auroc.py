"""How well distances tell "different" answers from "same" answers: the area under the ROC curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.agreement.drawn_areas import Ranking
from analysis.agreement.judged_pairs import Integers, JudgedPairs
from analysis.agreement.precision_recall import Floats

# Numbers that are held at once, of which a few copies are made.
_AT_ONCE = 1_000_000


def drawn_auroc(ranking: Ranking, pairs: JudgedPairs, counts: NDArray[np.float32]) -> Floats:
    """Probability that the pair of a "different" answer is farther than that of a "same" one; half for ties.

    Args:
        ranking: of the N pairs.
        counts: `(G, B)`, how often each photograph is drawn; ones for the pairs as they are.

    Returns: `(B,)`; NaN where all answers drawn are alike.
    """
    photograph = pairs.photograph[ranking.order]
    answers = [values[ranking.order, np.newaxis] for values in (pairs.same, _different(pairs))]
    portion = max(1, _AT_ONCE // len(photograph))
    parts = []
    for start in range(0, counts.shape[1], portion):
        drawn = counts[photograph, start : start + portion].astype(np.float64)
        same, different = (np.add.reduceat(row * drawn, ranking.bounds[:-1], axis=0) for row in answers)
        # Nearer "same" answers and half of the tied ones, for the "different" ones of each run.
        nearer = np.cumsum(same, axis=0) - same / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            parts.append(np.einsum("rb,rb->b", different, nearer) / (different.sum(axis=0) * same.sum(axis=0)))
    return np.concatenate(parts)


def auroc_gradient(ranking: Ranking, pairs: JudgedPairs) -> Floats:
    """`(N,)`, derivatives by the share of "same" of each pair."""
    at = _runs_by_pair(ranking)
    same, different = (np.bincount(at, weights=values) for values in (pairs.same, _different(pairs)))
    nearer_same = (np.cumsum(same) - same / 2)[at]
    farther_different = (different.sum() - np.cumsum(different) + different / 2)[at]
    totals = different.sum(), same.sum()
    area = float(np.sum(_different(pairs) * nearer_same)) / (totals[0] * totals[1])
    by_answer = (farther_different - nearer_same - area * (totals[0] - totals[1])) / (totals[0] * totals[1])
    return np.asarray(by_answer * pairs.responses, dtype=np.float64)


def _different(pairs: JudgedPairs) -> Integers:
    return pairs.responses - pairs.same


def _runs_by_pair(ranking: Ranking) -> Integers:
    at = np.empty(len(ranking.order), dtype=np.int64)
    at[ranking.order] = ranking.run
    return at
