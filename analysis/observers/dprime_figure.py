"""d′ by shift as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.figure_style import BLUE, ORANGE
from analysis.observers.dprime import MODELS, DPrime
from analysis.results import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOOKS = {"differencing": (BLUE, "o", -0.06), "independent-observation": (ORANGE, "s", 0.06)}


def plot_d_prime(result: DPrime, ax: Axes) -> None:
    """Draw d′ with its interval at each shift, one series a model."""
    for model in MODELS:
        rows = [row for row in result.rows if row.model == model and row.d_prime.estimate is not None]
        if not rows:
            continue
        colour, marker, aside = _LOOKS[model]
        draw_series(
            [row.shift_px + aside for row in rows],
            [row.d_prime for row in rows],
            ax,
            colour=colour,
            marker=marker,
            label=f"{model} model",
        )
    ax.set_ylim(bottom=0)
    ax.set_xticks(sorted({row.shift_px for row in result.rows}))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlabel("Shift (pixels)")
    ax.set_ylabel("d′")
    ax.legend(loc="upper left", fontsize="small")


def draw_series(
    shift_px: Sequence[float], estimates: Sequence[Estimate], ax: Axes, *, colour: str, marker: str, label: str = ""
) -> None:
    """Draw estimates that there are, each with its interval if it has one, joined by a line."""
    values = [found.estimate or 0.0 for found in estimates]
    ends = [(found.low, found.high) for found in estimates]
    ax.errorbar(
        shift_px,
        values,
        yerr=[
            [value - low if low is not None else 0.0 for value, (low, _) in zip(values, ends, strict=True)],
            [high - value if high is not None else 0.0 for value, (_, high) in zip(values, ends, strict=True)],
        ],
        fmt=f"{marker}-",
        color=colour,
        linewidth=1.1,
        markersize=4.5,
        markeredgecolor="white",
        markeredgewidth=0.7,
        elinewidth=1.1,
        capsize=2,
        label=label,
    )
