"""What the verbs print on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from metric.scoring.agreement import MIN_RESPONSES, Agreement


def metrics_table(described: Iterable[Mapping[str, Any]]) -> str:
    """The metrics of `MetricSpec.describe`, one a line."""
    rows = [("metric", "what it is", "weights", "smallest image", "lower is", "available")]
    missing = []
    for metric in described:
        rows.append(
            (
                metric["metric"],
                metric["summary"],
                ", ".join(dict.fromkeys(weights["licence"] for weights in metric["weights"])) or "none",
                f"{metric['smallest_px']} × {metric['smallest_px']}",
                "more similar" if metric["lower_is_more_similar"] else "less similar",
                "yes" if metric["available"] else "no",
            )
        )
        missing.extend(metric["missing"])
    return "\n\n".join([align(rows), *dict.fromkeys(missing)])


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
