"""What `shift-study metrics` prints on a terminal. Loads no torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from textwrap import fill
from typing import Any

from metric.text_table import align

_WIDTH = 150
_WHAT, _SOURCE, _LICENCE = 40, 22, 26
_OUTSIDE = (
    "Besides these, --metric takes pyiqa:NAME, a full-reference metric of the package pyiqa where that is installed "
    "(for non-commercial use only), file.py:NAME or package.module:NAME, a function or class of your own, and "
    "FILE.safetensors, a metric that `shift-study train` has written."
)


def metrics_table(described: Iterable[Mapping[str, Any]], broken: Iterable[str] = ()) -> str:
    """The metrics of `MetricSpec.describe`, one a line; below, what is missing, and sentences on broken ones."""
    rows = [("metric", "what it is", "source", "licence of the weights", "px", "similar", "weights")]
    missing: dict[str, None] = {}  # in order, each once
    for metric in described:
        licences = ", ".join(dict.fromkeys(weights["licence"] for weights in metric["weights"])) or "–"
        # Authors and year; the section is on the metric's own sheet.
        source = re.match(r".*?\b\d{4}\b", metric["source"])
        rows.append(
            (
                metric["metric"],
                _shorten(metric["summary"], _WHAT),
                _shorten(source.group() if source else metric["source"], _SOURCE),
                _shorten(licences, _LICENCE),
                str(metric["smallest_px"]),
                "low" if metric["lower_is_more_similar"] else "high",
                _say_found(metric),
            )
        )
        missing.update(dict.fromkeys(metric["missing"]))
    parts = [
        align(rows),
        fill("px: smallest width and height of an image. similar: which values similar images have. "
             "`shift-study metrics NAME` shows all that is known of one.", _WIDTH),
        fill(_OUTSIDE, _WIDTH),
    ]  # fmt: skip
    if missing:
        parts.append("Not available here:\n" + "\n".join(_item(sentence) for sentence in missing))
    parts.extend(fill(sentence, _WIDTH, break_on_hyphens=False) for sentence in broken)
    return "\n\n".join(parts)


def metric_sheet(metric: Mapping[str, Any], more: Iterable[tuple[str, str]] = ()) -> str:
    """All that is known of one metric, one property a line; `more` are lines of its own."""
    rows = [
        ("metric", metric["metric"]),
        ("what it is", metric["summary"]),
        ("source", metric["source"]),
        ("licence of the code", metric["code_licence"]),
        ("input", f"{metric['input']}, (N, 3, H, W); inside: {metric['converts_to']}"),
        ("smallest image", f"{metric['smallest_px']} × {metric['smallest_px']} pixels"),
        ("direction", "lower is more similar" if metric["lower_is_more_similar"] else "higher is more similar"),
        ("identical images", "as computed" if metric["identical"] is None else f"{metric['identical']:g}"),
        ("deterministic", "yes" if metric["deterministic"] else "not sure to be"),
    ]
    for weights in metric["weights"]:
        place = f"found: {weights['found']}, {weights['path']}" if weights["found"] else "not found"
        rows += [(f"weights: {weights['role']}", weights["what"]), ("", f"licence: {weights['licence']}"), ("", place)]
    if not metric["weights"]:
        rows.append(("weights", "none"))
    rows += more
    rows.append(("available", "yes" if metric["available"] else "no"))
    sentences = [_item(sentence) for sentence in metric["missing"]]
    if metric["note"]:
        sentences.append(fill(metric["note"], _WIDTH))
    return "\n\n".join([align(rows), *sentences])


def _say_found(metric: Mapping[str, Any]) -> str:
    if not metric["weights"]:
        return "none needed" if metric["available"] else "no"
    absent = [weights["role"] for weights in metric["weights"] if not weights["found"]]
    if absent:
        return f"missing: {', '.join(absent)}"
    return ", ".join(dict.fromkeys(weights["found"] for weights in metric["weights"]))


def _item(sentence: str) -> str:
    return fill(f"- {sentence}", _WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


def _shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"
