"""Table 1 of the paper: how often pairs were called the same, shift by shift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.columns.participants import answered, codes_of
from analysis.exclusions.exclusion_report import ExclusionReport
from analysis.exclusions.marking import DEFAULT_RULES, accepted_rows
from analysis.wilson import wilson_interval

# What Table 1 is made of; the image serves to check the pairs.
TABLE1_COLUMNS = ("pair", "image", "shift_px", "response")


@dataclass(frozen=True)
class ShiftRow:
    """The accepted responses to the pairs of one shift.

    `same`, `different`: number of responses. `same_percent`: in [0, 100]; `same_low_percent` and
    `same_high_percent` are its Wilson 95% interval, which takes the responses as independent.
    `sd_mean`, `sd_sd`: mean and standard deviation over pairs of the standard deviation of the answers to a
    pair (1 = same, 0 = different), in [0, 0.5]; all are population standard deviations (ddof = 0).
    `pairs`: number of pairs with a response; one with a single response has a standard deviation of 0.
    """

    shift_px: int
    same: int
    different: int
    same_percent: float
    same_low_percent: float
    same_high_percent: float
    sd_mean: float
    sd_sd: float
    pairs: int


@dataclass(frozen=True)
class Table1:
    """One row a shift, ascending, and what was excluded before."""

    rows: tuple[ShiftRow, ...]
    exclusions: ExclusionReport

    @property
    def responses(self) -> int:
        """Number of accepted responses."""
        return sum(row.same + row.different for row in self.rows)

    @property
    def pairs(self) -> int:
        """Number of pairs with an accepted response."""
        return sum(row.pairs for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """`rows` (one object a shift), `totals` and `exclusions`."""
        same = sum(row.same for row in self.rows)
        return {
            "rows": [asdict(row) for row in self.rows],
            "totals": {
                "responses": self.responses,
                "same": same,
                "different": self.responses - same,
                "same_percent": 100 * same / self.responses,
                "pairs": self.pairs,
            },
            "exclusions": self.exclusions.to_json(),
        }


def table1(responses: pd.DataFrame, rules: Sequence[str] = DEFAULT_RULES) -> Table1:
    """Table 1 of a tidy response table; excluded responses are left out. `rules` are those that marked them.

    Raises: `AnalysisError` where no response is left.

    Source: Ghildyal & Liu 2022, Table 1.
    """
    kept = accepted_rows(responses)
    pairs, n_pairs = codes_of(responses["pair"])
    # A pair has one shift.
    shift_of_pair = np.empty(n_pairs, dtype=np.int64)
    shift_of_pair[pairs] = responses["shift_px"].to_numpy(dtype=np.int64)
    total = np.bincount(pairs[kept], minlength=n_pairs)
    same = np.bincount(pairs[kept & answered(responses, "same")], minlength=n_pairs)
    judged = total > 0
    rows = (
        _row(int(shift_px), same[judged & (shift_of_pair == shift_px)], total[judged & (shift_of_pair == shift_px)])
        for shift_px in np.unique(shift_of_pair[judged])
    )
    return Table1(rows=tuple(rows), exclusions=ExclusionReport.of(responses, rules))


def _row(shift_px: int, same_by_pair: NDArray[np.int64], total_by_pair: NDArray[np.int64]) -> ShiftRow:
    share = same_by_pair / total_by_pair
    # The standard deviation of n answers of 0 and 1, of which the share p is 1.
    deviations = np.sqrt(share * (1 - share))
    same, total = int(same_by_pair.sum()), int(total_by_pair.sum())
    low, high = wilson_interval(same, total)
    return ShiftRow(
        shift_px=shift_px,
        same=same,
        different=total - same,
        same_percent=100 * same / total,
        same_low_percent=100 * low,
        same_high_percent=100 * high,
        sd_mean=float(deviations.mean()),
        sd_sd=float(deviations.std()),
        pairs=len(deviations),
    )
