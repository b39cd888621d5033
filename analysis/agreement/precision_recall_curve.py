"""Precision and recall of metrics along their rankings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.agreement.comparison import SHIFT
from analysis.agreement.drawn_areas import Ranking
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.results import Result


@dataclass(frozen=True)
class Curve(Result):
    """Precision and its envelope at each recall of one metric's ranking.

    Pairs of equal distance share their positives evenly. It is one curve in place of those of all their orders: what
    precision does between them depends on chance, and its peaks are what raises their envelopes. So the area under
    the envelope is the metric's JND mAP where it ties no pairs that people judged differently, and otherwise a little
    less than their mean over all orders, which JND mAP is.
    """

    name: str
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    envelope: tuple[float, ...]


@dataclass(frozen=True)
class PrecisionRecall(Result):
    """Curves of metrics and of the pixel shift on the same pairs; `same_share`: precision of all pairs together."""

    curves: tuple[Curve, ...]
    same_share: float

    @classmethod
    def of(
        cls, responses: pd.DataFrame, distances: Mapping[str, Mapping[str, float]], *, min_responses: int = 3
    ) -> PrecisionRecall:
        """The curves of the shift and of those metrics that have a finite distance for every judged pair.

        Args: as of `analysis.agreement.comparison.compare`.

        Raises: `AnalysisError` where there are no judged pairs, or nobody said "same".
        """
        pairs = JudgedPairs.from_responses(responses, min_responses)
        curves = []
        shift = dict(zip(pairs.names, pairs.shift_px.tolist(), strict=True))
        for name, by_pair in [*distances.items(), (SHIFT, shift)]:
            values = np.array([by_pair.get(pair, np.nan) for pair in pairs.names], dtype=np.float64)
            if not np.isfinite(values).all():
                continue
            ranked = Ranking.of(values).spread(pairs.same_share)
            found = np.cumsum(ranked)
            precision = found / np.arange(1, len(found) + 1)
            envelope = np.maximum.accumulate(precision[::-1])[::-1]
            recall = found / found[-1]
            curves.append(Curve(name, tuple(recall.tolist()), tuple(precision.tolist()), tuple(envelope.tolist())))
        return cls(tuple(curves), float(pairs.same_share.mean()))
