"""What `shift-study score` prints on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from metric.scoring.agreement import Agreement
from metric.text_table import align


def score_table(agreements: Sequence[Agreement], min_responses: int) -> str:
    """The agreement of each metric, one a line; ranked are pairs with so many accepted responses or more."""
    rows = [("metric", "JND mAP", "pairs ranked", "pairs scored", "pairs/s")]
    for found in agreements:
        speed = found.pairs_per_second
        rows.append(
            (
                found.metric,
                "–" if found.jnd_map is None else f"{found.jnd_map:.3f}",
                "–" if found.n_pairs is None else str(found.n_pairs),
                str(found.n_scored),
                "–" if speed is None else f"{speed:.1f}",
            )
        )
    table = align(rows)
    if any(found.jnd_map is not None for found in agreements):
        table += f"\n\nRanked: pairs with at least {min_responses} accepted responses. Ties: {agreements[0].ties}."
    return table
