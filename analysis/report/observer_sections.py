"""Who answers, about which images, when and how fast: the mixed model and reaction times."""

from __future__ import annotations

import pandas as pd

from analysis.observers.mixed import MixedModel, mixed_model
from analysis.observers.mixed_figure import (
    plot_image_effects,
    plot_learning,
    plot_participant_effects,
    plot_reaction_times,
)
from analysis.observers.random_effects import RandomEffect
from analysis.observers.reaction_times import ReactionTimes
from analysis.report.content import Figure, Section, Table, counted, interval, listed, number, p_value, sentence

# So many images are named in the text, from each end.
_NAMED = 3


def observers_section(responses: pd.DataFrame, *, replicates: int, seed: int) -> Section:
    """The mixed model: shift, side, order, participants, images; and reaction times."""
    found = mixed_model(responses, replicates=replicates, seed=seed)
    items: list[Table | Figure] = [_predictors(found)]
    text = [*found.sentences]
    for name, effects, sd, plot in (
        ("images", found.image_effects, found.image_sd, plot_image_effects),
        ("participants", found.participant_effects, found.participant_sd, plot_participant_effects),
    ):
        if not effects or sd is None:
            continue
        text.append(_ends(name, effects, interval(sd, 2)))
        items += [
            Figure(
                f"{name.removesuffix('s')}_effects",
                f"Effects of {name} on the log odds of “different”, shrunken towards 0 the more the fewer answers "
                f"there are; {effects[0].effect.method}.",
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


def _ends(name: str, effects: tuple[RandomEffect, ...], sd: str) -> str:
    low = listed([effect.name for effect in effects[:_NAMED]])
    high = listed([effect.name for effect in effects[: -_NAMED - 1 : -1]])
    if name == "images":
        said = f"{low} hide a shift best, {high} show it most readily"
    else:
        said = f"{low} say “different” most seldom, {high} most often"
    return f"Between {name} the log odds of “different” have a standard deviation of {sd}: {said}."


def _effects(name: str, effects: tuple[RandomEffect, ...]) -> Table:
    """The extremes in print; all of them in the files."""
    shown = effects if len(effects) <= 2 * _NAMED else (*effects[:_NAMED], *effects[-_NAMED:])
    label = name.removesuffix("s")
    some = "" if len(shown) == len(effects) else f" The {_NAMED} lowest and highest; all are in the table's CSV file."
    return Table(
        f"{label}_effects",
        f"Effects of {name} on the log odds of “different”.{some}",
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
