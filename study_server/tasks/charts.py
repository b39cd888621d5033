"""What charts show, as data that the browser draws (study_server/web/static/dashboard_charts.js)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from study_server.tasks.wilson import Share

Chart = dict[str, Any]


def shares(
    points: Iterable[tuple[float, Share]],
    *,
    x_title: str,
    y_title: str,
    largest: float,
    levels: Sequence[tuple[float, str]] = (),
) -> Chart:
    """Shares of answers in percent with Wilson's intervals, those of no answer left out.

    points: where along the axis, and the share. largest: up to where the axis goes, from 0. levels: lines across, each
    at a percentage and with what it is called, which may be nothing.
    """
    return {
        "kind": "shares",
        "xTitle": x_title,
        "yTitle": y_title,
        "points": [_point(x, share) for x, share in points if share.of],
        "largest": largest,
        "levels": [{"y": y, "text": text} for y, text in levels],
    }


def _point(x: float, share: Share) -> dict[str, Any]:
    assert share.interval is not None  # there are answers
    low, high = share.interval
    return {"x": x, "y": share.percent, "low": low, "high": high, "answers": share.of}


def histogram(series: Mapping[str, Sequence[int]], x: Sequence[float], *, x_title: str, y_title: str) -> Chart:
    """Numbers in bars on each other. series: name → the height of each bar; x: where each bar begins."""
    named = [{"name": name, "y": list(heights)} for name, heights in series.items()]
    return {"kind": "histogram", "xTitle": x_title, "yTitle": y_title, "x": list(x), "series": named}
