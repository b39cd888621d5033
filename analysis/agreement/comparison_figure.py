"""JND mAP of metrics with their intervals, the differences between them, and their curves, as figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from analysis.agreement.comparison import SHIFT, Comparison
from analysis.agreement.conclusion import NAMES, Outcome
from analysis.agreement.precision_recall_curve import PrecisionRecall
from analysis.figure_style import BLUE, COLOURS, FAINT, GREEN, INK, MUTED, ORANGE, PURPLE
from analysis.results import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = [colour for colour in COLOURS if colour != MUTED]
_DASHES: tuple[str | tuple[int, tuple[int, ...]], ...] = ("-", (0, (5, 2)), (0, (6, 2, 1, 2)))
_MARKERS = {
    "better": ("^", GREEN),
    "worse": ("v", ORANGE),
    "equivalent": ("s", BLUE),
    "undecided": ("o", MUTED),
}


def plot_forest(result: Comparison, ax: Axes) -> None:
    """Draw each metric's JND mAP with its interval; best on top; what to hold it against as lines and bands."""
    metrics = sorted(result.metrics, key=lambda metric: metric.jnd_map.estimate or 0.0)
    references = (
        ("random order", result.floor, MUTED, (0, (1, 1.5))),
        ("pixel shift", result.shift_baseline, ORANGE, (0, (4, 2))),
        ("noise ceiling (estimated)", result.ceiling.jnd_map, PURPLE, (0, (6, 2, 1, 2))),
    )
    for label, estimate, colour, dashes in references:
        if estimate.estimate is None:
            continue
        ax.axvline(estimate.estimate, color=colour, linestyle=dashes, linewidth=1.3, label=label, zorder=1)
        if label == "pixel shift" and estimate.low is not None and estimate.high is not None:
            ax.axvspan(estimate.low, estimate.high, color=colour, alpha=0.12, linewidth=0, zorder=0)
    for place, metric in enumerate(metrics):
        _interval(ax, place, metric.jnd_map, "o", BLUE)
    ax.set_yticks(range(len(metrics)), [metric.name for metric in metrics])
    ax.set_ylim(-0.6, max(len(metrics), 1) - 0.4)
    ax.set_xlabel("JND mAP (95% interval)")
    # Beside the data there is no room for it with many metrics.
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize="small")


def plot_concordance(result: Comparison, ax: Axes) -> None:
    """Draw each metric's γ within shifts with its interval, best on top, beside chance and the noise ceiling."""
    metrics = sorted(
        (metric for metric in result.metrics if metric.concordance.estimate is not None),
        key=lambda metric: metric.concordance.estimate or 0.0,
    )
    ax.axvline(0, color=ORANGE, linestyle=(0, (4, 2)), linewidth=1.3, label="pixel shift, and chance", zorder=1)
    ceiling = result.ceiling.concordance.estimate
    if ceiling is not None:
        label = "noise ceiling (estimated)"
        ax.axvline(ceiling, color=PURPLE, linestyle=(0, (6, 2, 1, 2)), linewidth=1.3, label=label, zorder=1)
    for place, metric in enumerate(metrics):
        _interval(ax, place, metric.concordance, "o", BLUE)
    ax.set_yticks(range(len(metrics)), [metric.name for metric in metrics])
    ax.set_ylim(-0.6, max(len(metrics), 1) - 0.4)
    ax.set_xlabel("γ within shifts (95% interval)")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize="small")


def plot_differences(result: Comparison, ax: Axes, outcome: Outcome = "concordance") -> None:
    """Draw the differences of one outcome with their intervals.

    The marker says the verdict: a triangle up for better, down for worse, a square for equivalent, a circle for
    undecided.
    """
    found = sorted(
        (difference for difference in result.comparisons if difference.outcome == outcome),
        key=lambda difference: difference.difference.estimate or 0.0,
    )
    ax.axvline(0, color=INK, linewidth=0.8, zorder=1)
    for place, difference in enumerate(found):
        ax.axhline(place, color=FAINT, linewidth=0.5, zorder=0)
        marker, colour = _MARKERS[difference.verdict]
        _interval(ax, place, difference.difference, marker, colour)
    ax.set_yticks(range(len(found)), [f"{difference.first} − {difference.second}" for difference in found])
    ax.set_ylim(-0.6, max(len(found), 1) - 0.4)
    ax.set_xlabel(f"Difference of {NAMES[outcome]} (95% interval)")


def plot_precision_recall(
    responses: pd.DataFrame, distances: Mapping[str, Mapping[str, float]], ax: Axes, *, min_responses: int = 3
) -> None:
    """Draw the envelopes of precision over recall of metrics and of the pixel shift.

    The area below is the JND mAP, or a little less where distances are tied: see `Curve`.

    Args and raises: as of `PrecisionRecall.of`.
    """
    found = PrecisionRecall.of(responses, distances, min_responses=min_responses)
    ax.axhline(found.same_share, color=FAINT, linewidth=1.2, zorder=1)
    for number, curve in enumerate(found.curves):
        shift = curve.name == SHIFT
        ax.plot(
            (0.0, *curve.recall),
            (curve.envelope[0], *curve.envelope),
            color=MUTED if shift else _LINES[number % len(_LINES)],
            linestyle=(0, (1, 1)) if shift else _DASHES[number % len(_DASHES)],
            linewidth=1.4,
            drawstyle="steps-pre",
            label=curve.name,
        )
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.set_xlabel('Recall of "same" judgments')
    ax.set_ylabel("Precision (envelope)")
    ax.legend(loc="lower left", fontsize="small")


def _interval(ax: Axes, place: int, estimate: Estimate, marker: str, colour: str) -> None:
    if estimate.estimate is None:
        return
    if estimate.low is not None and estimate.high is not None:
        ax.plot([estimate.low, estimate.high], [place, place], color=colour, linewidth=1.5, zorder=2)
    ax.plot(
        [estimate.estimate],
        [place],
        marker=marker,
        color=colour,
        markersize=6,
        markeredgecolor="white",
        markeredgewidth=0.7,
        zorder=3,
    )
