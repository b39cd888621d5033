"""The verb `mixed`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from analysis.verbs.options import (
    FIGURE,
    REPLICATES,
    RULES,
    SEED,
    StudyReader,
    responses_for,
    rules_for,
    shown,
    store_figure,
)
from analysis.verbs.who_answered import Verb, print_json

if TYPE_CHECKING:
    from analysis.observers.bayes import BayesianModel
    from analysis.observers.mixed import MixedModel
    from analysis.observers.random_effects import RandomEffect
    from analysis.results import Estimate


@click.command(cls=Verb)
@click.argument("source")
@click.option("--bayes", is_flag=True, help="Also sample the full Bayesian model, with bambi; this takes minutes.")
@REPLICATES
@SEED
@RULES
@FIGURE
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with nothing rounded.")
@click.pass_obj
def mixed(
    reader: StudyReader,
    source: str,
    bayes: bool,
    replicates: int,
    seed: int,
    rules: str | None,
    figure: Path | None,
    as_json: bool,
) -> None:
    """What makes people answer "different": shift, side, order of the trials, and who and which photographs they are.

    SOURCE is a study folder, a database URL, an exported file (.csv, .jsonl, .parquet, .json) or
    ghildyal2022, the published judgments of the paper. The figure shows the effects of the photographs.

    \b
    Example:  shift-study mixed my-study
              shift-study mixed my-study --json --figure photographs.svg
    """
    from analysis.figure_style import check_figure
    from analysis.observers.bayes import bayesian_model
    from analysis.observers.mixed import mixed_model
    from analysis.observers.mixed_figure import plot_photograph_effects

    if figure is not None:
        check_figure(figure)
    responses = responses_for(reader, source, rules_for(reader, source, rules))
    sampled = bayesian_model(responses, seed=seed) if bayes else None
    found = mixed_model(responses, replicates=replicates, seed=seed)
    store_figure(figure, lambda ax: plot_photograph_effects(found, ax), (7.2, 3.2))
    if as_json:
        document = found.to_json() | ({"bayes": sampled.to_json()} if sampled else {})
        print_json(document)
        return
    click.echo(_text(found))
    if sampled:
        click.echo(f"\n{_bayes_text(sampled)}")


def _text(found: MixedModel) -> str:
    lines = ["Odds of “different”"]
    for row in found.rows:
        p = "" if row.p is None else "   p < 0.001" if row.p < 0.001 else f"   p = {row.p:.3f}"
        lines.append(f"  {row.name:16} {shown(row.odds_ratio, 2):24}{p:12}   {row.meaning}")
    lines.append(f"Intervals   {found.rows[0].odds_ratio.method}")
    kinds: tuple[tuple[Literal["participants", "photographs"], Estimate | None, float | None], ...] = (
        ("participants", found.participant_sd, found.participant_p),
        ("photographs", found.photograph_sd, found.photograph_p),
    )
    for name, sd, sd_p in kinds:
        if sd is not None and sd_p is not None:
            tested = "p < 0.001" if sd_p < 0.001 else f"p = {sd_p:.3f}"
            lines.append(f"\nStandard deviation of {name}, log odds: {shown(sd, 2)}   {tested}; {sd.method}")
            lines += _ends(name, found.told_apart(name))
    if found.reaction_times is not None:
        times = found.reaction_times
        lines += [f"\nMedian reaction time {shown(times.median_ms, 0, ' ms')}", " shift   same   different"]
        cells = {(row.shift_px, row.response): row.median_ms.estimate for row in times.rows}
        for shift in sorted({row.shift_px for row in times.rows}):
            pair = [cells.get((shift, response)) for response in ("same", "different")]
            same, different = ("–" if value is None else f"{value:,.0f}" for value in pair)
            lines.append(f"{shift:>6} {same:>6} {different:>11}")
    lines += ["", *found.sentences, *found.notes]
    return "\n".join(lines).rstrip()


def _ends(of: str, effects: tuple[RandomEffect, ...]) -> list[str]:
    """Who is told apart, at most three from each end."""
    if not effects:
        return [f"  no single one of the {of} is told apart from a typical one"]
    signed = [(one.name, one.effect.estimate or 0.0) for one in effects]
    ends = {
        "seldom “different”": [pair for pair in signed if pair[1] < 0][:3],
        "often “different”": [pair for pair in signed[::-1] if pair[1] > 0][:3],
    }
    return [
        f"  {label}: " + ", ".join(f"{name} {value:+.2f}" for name, value in some)
        for label, some in ends.items()
        if some
    ]


def _bayes_text(found: BayesianModel) -> str:
    lines = [f"Bayesian model   {found.rows[0].value.method}"]
    lines += [f"  {row.name:16} {shown(row.value, 2):24} R-hat {row.r_hat:.3f}   {row.meaning}" for row in found.rows]
    return "\n".join(lines)
