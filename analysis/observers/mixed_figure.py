"""What photographs and participants add, how answers change in the course of the study, and how long they take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.figure_style import BLUE, FAINT, GREEN, ORANGE
from analysis.observers.mixed import MixedModel
from analysis.observers.reaction_times import ReactionTimes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.observers.random_effects import RandomEffect
    from analysis.results import Estimate

# Above, names would stand on each other.
_MOST_NAMES = 60


def plot_photograph_effects(result: MixedModel, ax: Axes) -> None:
    """Draw by how much each photograph raises the log odds of "different", those that hide a shift on the left."""
    _effects(result.photograph_effects, ax, "Photographs, by the name of their first image", BLUE)


def plot_participant_effects(result: MixedModel, ax: Axes) -> None:
    """Draw by how much each participant's log odds of "different" are higher than the average one's."""
    _effects(result.participant_effects, ax, "Participants", GREEN)


def plot_learning(result: MixedModel, ax: Axes) -> None:
    """Draw the share of "different" by ten trials, of shifted and of 0-pixel pairs."""
    if not result.blocks:
        _nothing(ax, "the order of the trials is not known")
        return
    places = range(len(result.blocks))
    _series(ax, places, [block.shifted_percent for block in result.blocks], BLUE, "o", "shifted pairs")
    _series(ax, places, [block.unshifted_percent for block in result.blocks], ORANGE, "s", "0-pixel pairs")
    ax.set_xticks(places, [f"{block.first_trial}–{block.last_trial}" for block in result.blocks])
    ax.set_ylim(0, 100)
    ax.yaxis.set_major_formatter("{x:.0f}%")
    ax.set_xlabel("Trials")
    ax.set_ylabel("Pairs called different")
    ax.legend(fontsize="small")


def plot_reaction_times(result: ReactionTimes, ax: Axes) -> None:
    """Draw the median reaction time by shift, one series an answer."""
    for response, colour, marker, aside in (("same", BLUE, "o", -0.06), ("different", ORANGE, "s", 0.06)):
        rows = [row for row in result.rows if row.response == response]
        places = [row.shift_px + aside for row in rows]
        _series(ax, places, [row.median_ms for row in rows], colour, marker, f"“{response}”")
    ax.set_xticks(sorted({row.shift_px for row in result.rows}))
    ax.set_ylim(bottom=0)
    ax.set_xlabel("Shift (pixels)")
    ax.set_ylabel("Median reaction time (ms)")
    ax.legend(loc="lower right", fontsize="small")


def _effects(effects: Sequence[RandomEffect], ax: Axes, label: str, colour: str) -> None:
    if not effects:
        _nothing(ax, "not determined by these answers")
        return
    ax.axhline(0, color=FAINT, linewidth=0.8)
    places = range(len(effects))
    _points(ax, places, [one.effect for one in effects], colour, "o", None)
    names = [one.name for one in effects]
    if len(names) <= _MOST_NAMES:
        ax.set_xticks(places, names, rotation=90, fontsize="xx-small")
    else:
        ax.set_xticks([])
    ax.set_xlabel(label)
    ax.set_ylabel("Effect on “different” (log odds)")


def _series(
    ax: Axes, places: Sequence[float], estimates: Sequence[Estimate], colour: str, marker: str, label: str
) -> None:
    known = [(x, one) for x, one in zip(places, estimates, strict=True) if one.estimate is not None]
    ax.plot([x for x, _ in known], [one.estimate or 0.0 for _, one in known], color=colour, linewidth=1, alpha=0.45)
    _points(ax, [x for x, _ in known], [one for _, one in known], colour, marker, label)


def _points(
    ax: Axes, places: Sequence[float], estimates: Sequence[Estimate], colour: str, marker: str, label: str | None
) -> None:
    values = [one.estimate or 0.0 for one in estimates]
    below = [value - one.low if one.low is not None else 0.0 for value, one in zip(values, estimates, strict=True)]
    above = [one.high - value if one.high is not None else 0.0 for value, one in zip(values, estimates, strict=True)]
    ax.errorbar(
        list(places),
        values,
        yerr=[[max(0.0, value) for value in below], [max(0.0, value) for value in above]],
        fmt=marker,
        color=colour,
        markersize=4,
        elinewidth=1,
        label=label,
    )


def _nothing(ax: Axes, why: str) -> None:
    ax.axis("off")
    ax.text(0.5, 0.5, why, ha="center", va="center", transform=ax.transAxes)
