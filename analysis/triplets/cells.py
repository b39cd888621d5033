"""Estimates as cells of printed tables."""

from __future__ import annotations

from analysis.results import Estimate


def text_cell(estimate: Estimate | None, digits: int) -> str:
    """For a terminal: `62.91 (61.87 to 63.95)`; empty where there is none."""
    if estimate is None or estimate.estimate is None:
        return ""
    text = f"{estimate.estimate:,.{digits}f}"
    if estimate.low is not None and estimate.high is not None:
        text += f" ({estimate.low:,.{digits}f} to {estimate.high:,.{digits}f})"
    return text.replace("-", "−")


def latex_cell(estimate: Estimate | None, digits: int) -> str:
    """The same for LaTeX, the interval in small print."""
    if estimate is None or estimate.estimate is None:
        return ""
    interval = ""
    if estimate.low is not None and estimate.high is not None:
        interval = rf" {{\scriptsize [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]}}"
    return f"{estimate.estimate:.{digits}f}{interval}"


def escaped(text: str) -> str:
    """A text as LaTeX prints it."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {c: f"\\{c}" for c in "&%$#_{}"} | {"²": "$^2$", "−": "$-$"}
    return "".join(special.get(c, c) for c in text)
