"""Who answers, about which photographs, when and how fast: the mixed model and reaction times."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import pandas as pd

from analysis.observers.mixed import MixedModel, mixed_model
from analysis.observers.mixed_figure import (
    plot_learning,
    plot_participant_effects,
    plot_photograph_effects,
    plot_reaction_times,
)
from analysis.observers.random_effects import RandomEffect
from analysis.observers.reaction_times import ReactionTimes
from analysis.report.content import Figure, Section, Table, counted, interval, listed, number, p_value, sentence
from analysis.results import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Name = Literal["participants", "photographs"]
_Kind = tuple[_Name, tuple[RandomEffect, ...], Estimate | None, float | None, Callable[[MixedModel, "Axes"], None]]

# So many photographs are named in the text, from each end.
_NAMED = 3


def observers_section(responses: pd.DataFrame, *, replicates: int, seed: int) -> Section:
    """The mixed model: shift, side, order, participants, photographs; and reaction times."""
    found = mixed_model(responses, replicates=replicates, seed=seed)
    items: list[Table | Figure] = [_predictors(found)]
    text = [*found.sentences]
    kinds: tuple[_Kind, ...] = (
        ("photographs", found.photograph_effects, found.photograph_sd, found.photograph_p, plot_photograph_effects),
        (
            "participants",
            found.participant_effects,
            found.participant_sd,
            found.participant_p,
            plot_participant_effects,
        ),
    )
    for name, effects, sd, p, plot in kinds:
        if not effects or sd is None:
            continue
        text.append(_difference(name, sd, p, found.told_apart(name)))
        items += [
            Figure(
                f"{name.removesuffix('s')}_effects",
                f"Effects of {name} on the log odds of “different”{_concerned(name)}, shrunken towards 0 the more the "
                f"fewer answers there are; {effects[0].effect.method}.",
                f"{counted(len(effects), name.removesuffix('s'))}, from {number(effects[0].effect.estimate, 2)} "
                f"({effects[0].name}) to {number(effects[-1].effect.estimate, 2)} ({effects[-1].name}).",
                lambda ax, plot=plot: plot(found, ax),  # type: ignore[misc]
                (6.6, 3.0),
            ),
            _effects(name, effects),
        ]
    if found.blocks:
        items.append(
            Figure(
                "learning",
                "Share of “different” by ten trials, of shifted pairs and of pairs without a shift.",
                "; ".join(
                    f"trials {block.first_trial} to {block.last_trial}: {number(block.shifted_percent.estimate, 0)}%"
                    for block in found.blocks
                ),
                lambda ax: plot_learning(found, ax),
                (6.2, 3.0),
            )
        )
    if found.reaction_times is not None:
        text.append(f"The median reaction time is {interval(found.reaction_times.median_ms, 0, ' ms')}.")
        items += _times(found.reaction_times)
    return Section(
        "observers",
        "Participants, images, order and time",
        (*text, *found.notes),
        tuple(items),
        (),
        {"mixed": found.to_json()},
    )


def _predictors(found: MixedModel) -> Table:
    return Table(
        "mixed",
        f"Odds of “different”: factor for each predictor. {sentence(found.rows[0].odds_ratio.method)}",
        ("Predictor", "Odds ratio", "p"),
        tuple((row.meaning, interval(row.odds_ratio, 2), p_value(row.p)) for row in found.rows),
        found.to_frame(),
    )


def _concerned(name: str) -> str:
    return " to shifted pairs" if name == "photographs" else ""


def _difference(name: str, sd: Estimate, p: float | None, apart: tuple[RandomEffect, ...]) -> str:
    """How much they differ, and who is told apart: only whose interval is clear of 0."""
    said = (
        f"Between {name} the log odds of “different”{_concerned(name)} have a standard deviation of {interval(sd, 2)} "
        f"({'p' if p is not None and p < 0.001 else 'p ='} {p_value(p)}, against 0)"
    )
    low = [one.name for one in apart if (one.effect.estimate or 0.0) < 0]
    high = [one.name for one in apart[::-1] if (one.effect.estimate or 0.0) > 0]
    if not apart:
        return f"{said}; no single one is told apart from the others."
    if name == "photographs":
        ends = ((low, "hide{} a shift best"), (high, "show{} a shift most readily"))
    else:
        ends = ((low, "say{} “different” more seldom than most"), (high, "say{} “different” more often than most"))
    told = [f"{listed(names[:_NAMED])} {what.format('s' if len(names) == 1 else '')}" for names, what in ends if names]
    more = sum(max(len(names) - _NAMED, 0) for names in (low, high))
    rest = f", and {counted(more, 'other')} {'is' if more == 1 else 'are'} told apart" if more else ""
    return f"{said}: {'; '.join(told)}{rest}."


def _effects(name: str, effects: tuple[RandomEffect, ...]) -> Table:
    """The extremes in print; all of them in the files."""
    shown = effects if len(effects) <= 2 * _NAMED else (*effects[:_NAMED], *effects[-_NAMED:])
    label = name.removesuffix("s")
    some = "" if len(shown) == len(effects) else f" The {_NAMED} lowest and highest; all are in the table's CSV file."
    return Table(
        f"{label}_effects",
        f"Effects of {name} on the log odds of “different”{_concerned(name)}.{some}",
        (label.capitalize(), "Effect", "Answers"),
        tuple((effect.name, interval(effect.effect, 2), f"{effect.answers:,}") for effect in shown),
        pd.DataFrame([{label: effect.name, **vars(effect.effect), "answers": effect.answers} for effect in effects]),
    )


def _times(times: ReactionTimes) -> list[Table | Figure]:
    shifts = list(dict.fromkeys(row.shift_px for row in times.rows))
    cells = {(row.shift_px, row.response): row for row in times.rows}
    rows = []
    for shift in shifts:
        row = [str(shift)]
        for response in ("same", "different"):
            found = cells.get((shift, response))
            row += ["—", "0"] if found is None else [interval(found.median_ms, 0), f"{found.answers:,}"]
        rows.append(tuple(row))
    return [
        Figure(
            "reaction_times",
            f"Median reaction time by shift and answer. {times.median_ms.method}.",
            "; ".join(f"{r.shift_px} px, {r.response}: {number(r.median_ms.estimate, 0)} ms" for r in times.rows),
            lambda ax: plot_reaction_times(times, ax),
            (6.2, 3.2),
        ),
        Table(
            "reaction_times",
            "Median reaction time in milliseconds, by shift and answer.",
            ("Shift (px)", "“Same” (ms)", "Answers", "“Different” (ms)", "Answers"),
            tuple(rows),
            times.to_frame(),
            texts=(),
        ),
    ]
