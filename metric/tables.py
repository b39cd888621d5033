"""What the verbs print on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from metric.scoring.agreement import MIN_RESPONSES, Agreement


def score_table(agreements: Sequence[Agreement]) -> str:
    """The agreement of each metric, one a line."""
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
        table += f"\n\nRanked: pairs with at least {MIN_RESPONSES} accepted responses. Ties: {agreements[0].ties}."
    return table


def align(rows: Sequence[Sequence[str]]) -> str:
    """Columns of equal width, two spaces apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
