"""The verbs `psychometric` and `dprime`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.verbs.hierarchical import HIERARCHICAL, show_hierarchical
from analysis.verbs.options import (
    CORE,
    FIGURE,
    REPLICATES,
    RULES,
    SEED,
    StudyReader,
    counts_and_responses,
    shown,
    store_figure,
)
from analysis.verbs.who_answered import Verb, print_json

if TYPE_CHECKING:
    from analysis.observers.dprime import Correction
    from analysis.observers.oddity import Oddity
    from analysis.psychometric.levels import LevelOf
    from analysis.results import Estimate


@click.command(cls=Verb)
@click.argument("source")
@CORE
@click.option(
    "--at",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    multiple=True,
    metavar="LEVEL",
    help="Give the shift at this level too, such as 0.25; several times for several.",
)
@click.option(
    "--of",
    type=click.Choice(["curve", "core"]),
    default="curve",
    show_default=True,
    help="What --at is a level of: the share of “different”, or the core between its two rates.",
)
@HIERARCHICAL
@REPLICATES
@SEED
@RULES
@FIGURE
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with nothing rounded.")
@click.pass_obj
def psychometric(
    reader: StudyReader,
    source: str,
    core: str,
    at: tuple[float, ...],
    of: LevelOf,
    hierarchical: bool,
    replicates: int,
    seed: int,
    rules: str | None,
    figure: Path | None,
    as_json: bool,
) -> None:
    """How small a shift people see: threshold, slope, lapse rate and false-alarm rate, with intervals.

    SOURCE is a study folder, a database URL, an exported file (.csv, .jsonl, .parquet, .json), a CSV file with the
    columns shift_px, same and different, ghildyal2022 (the published judgments of the paper) or
    ghildyal2022-table1 (its Table 1).

    \b
    Example:  shift-study psychometric my-study
              shift-study psychometric my-study --at 0.25 --at 0.75
              shift-study psychometric ghildyal2022-table1 --core weibull --json
              shift-study psychometric my-study --hierarchical
    """
    from analysis.figure_style import check_figure
    from analysis.psychometric.figure import plot_psychometric
    from analysis.psychometric.function import psychometric_function
    from analysis.psychometric.visual_angle import arcmin_per_px

    if figure is not None:
        check_figure(figure)
    if hierarchical:
        if at or of != "curve":
            raise click.UsageError(
                "--at and --of are of the function of all answers: leave them out beside --hierarchical."
            )
        show_hierarchical(reader, source, core, replicates, seed, rules, figure, as_json=as_json)
        return
    counts, responses = counts_and_responses(reader, source, rules)
    scale = None if responses is None else arcmin_per_px(responses)
    found = psychometric_function(
        counts, core=core, replicates=replicates, seed=seed, at=at, of=of, arcmin_per_px=scale
    )
    store_figure(figure, lambda ax: plot_psychometric(found, ax))
    if as_json:
        print_json(found.to_json())
        return
    lines = [("Threshold (50%)", found.threshold_px, 2, " px")]
    if found.threshold_arcmin is not None:
        lines.append(("", found.threshold_arcmin, 2, "′"))
    angles = len(lines) - 1
    for level in found.levels:
        lines.append((f"{100 * level.level:g}% of the {level.of}", level.shift_px, 2, " px"))
        if level.shift_arcmin is not None:
            lines.append(("", level.shift_arcmin, 2, "′"))
    lines += [
        ("Slope (at 50%)", found.slope_per_px, 3, " per px"),
        ("Width (5–95%)", found.width_px, 2, " px of the core"),
        ("Median", found.median_px, 2, " px"),
        ("Spread", found.spread, 3, ""),
        ("False-alarm rate", found.false_alarm_rate, 3, ""),
        ("Lapse rate", found.lapse_rate, 3, ""),
    ]
    click.echo(f"Core              {found.core}")
    for number, (name, value, digits, unit) in enumerate(lines):
        click.echo(f"{name:<18}{shown(value, digits, unit)}{_otherwise(value, found.method)}")
        if number == angles and found.misfit is not None:
            click.echo(found.misfit)
    p = "" if found.deviance_p is None else f", p = {found.deviance_p:.3f} (parametric bootstrap)"
    click.echo(f"Deviance          {found.deviance:.1f}{p}")
    if found.overdispersion is not None:
        click.echo(f"Overdispersion    {found.overdispersion:.2f} (Pearson's χ² over its degrees of freedom)")
    if found.design_effect is not None:
        click.echo(f"Design effect     {found.design_effect:.1f} (variance over that of independent answers)")
    click.echo(f"Answers           {found.answers:,}")
    click.echo(f"Intervals         {found.method}")
    click.echo("\nCore           threshold      AIC     ΔAIC   deviance")
    for other in found.cores:
        threshold = "—" if other.threshold_px is None else f"{other.threshold_px:.2f} px"
        click.echo(f"{other.core:13} {threshold:>10} {other.aic:>8.1f} {other.delta_aic:>8.1f} {other.deviance:>10.1f}")
    for note in found.notes:
        click.echo(note)


def _otherwise(estimate: Estimate, method: str) -> str:
    """How an estimate's interval came about, where that is another way than the others'."""
    if estimate.estimate is None or estimate.method == method:
        return ""
    return f"  [{estimate.method.removeprefix(method).removeprefix('; ')}]"


@click.command(cls=Verb)
@click.argument("source")
@click.option(
    "--model",
    type=click.Choice(["differencing", "independent-observation", "both"]),
    default="both",
    show_default=True,
    help="What observers are taken to do: compare the two images, or classify each and compare the classes.",
)
@click.option(
    "--correction",
    type=click.Choice(["log-linear", "none"]),
    default="log-linear",
    show_default=True,
    help="Against rates of 0 and 1: half an answer more in each count, or none.",
)
@REPLICATES
@SEED
@RULES
@FIGURE
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with nothing rounded.")
@click.pass_obj
def dprime(
    reader: StudyReader,
    source: str,
    model: str,
    correction: Correction,
    replicates: int,
    seed: int,
    rules: str | None,
    figure: Path | None,
    as_json: bool,
) -> None:
    """How well people tell shifted pairs from unshifted ones, by shift: d′ and criterion of same–different judgments.

    Of odd-one-out judgments, the share of right answers and d′, in which there is no criterion.

    SOURCE is a study folder, a database URL, an exported file (.csv, .jsonl, .parquet, .json), a CSV file with the
    columns shift_px, same and different, ghildyal2022 (the published judgments of the paper) or
    ghildyal2022-table1 (its Table 1).

    \b
    Example:  shift-study dprime my-study
              shift-study dprime counts.csv --model differencing --json
    """
    from analysis.errors import AnalysisError
    from analysis.figure_style import check_figure
    from analysis.observers.dprime import MODELS, d_prime
    from analysis.observers.dprime_figure import plot_d_prime
    from analysis.observers.oddity import oddity
    from analysis.observers.oddity_figure import plot_oddity
    from analysis.tasks.odd_one_out import ODD_ONE_OUT
    from analysis.tasks.registry import task_of

    if figure is not None:
        check_figure(figure)
    counts, responses = counts_and_responses(reader, source, rules)
    if responses is not None and task_of(responses) is ODD_ONE_OUT:
        if model == "independent-observation":
            raise AnalysisError(
                f"{source} is of odd-one-out, of which there is the differencing model alone; leave out --model."
            )
        odd = oddity(counts, correction=correction, replicates=replicates, seed=seed)
        store_figure(figure, lambda ax: plot_oddity(odd, ax))
        if as_json:
            print_json(odd.to_json())
        else:
            click.echo(_oddity_text(odd))
        return
    models = tuple(name for name in MODELS if model in (name, "both"))
    found = d_prime(counts, models=models, correction=correction, replicates=replicates, seed=seed)
    store_figure(figure, lambda ax: plot_d_prime(found, ax))
    if as_json:
        print_json(found.to_json())
        return
    click.echo(f"{'shift':>5}  {'model':<24} {'d′':<22} {'criterion':<22}")
    for row in found.rows:
        click.echo(f"{row.shift_px:>5g}  {row.model:<24} {shown(row.d_prime, 2):<22} {shown(row.criterion, 2):<22}")
    click.echo(f"{found.answers:,} answers; correction: {found.correction}; {found.rows[0].criterion.method}")
    for note in found.notes:
        click.echo(note)


def _oddity_text(found: Oddity) -> str:
    lines = [f"{'shift':>5}  {'answers':>7}  {'right':<26} d′"]
    for row in found.rows:
        right = shown(_in_percent(row.correct), 1, "%")
        lines.append(f"{row.shift_px:>5g}  {row.answers:>7,}  {right:<26} {shown(row.d_prime, 2)}")
    lines.append(f"{found.answers:,} answers; correction: {found.correction}; {found.rows[0].correct.method}")
    return "\n".join([*lines, *found.notes])


def _in_percent(share: Estimate) -> Estimate:
    from analysis.results import Estimate

    value, low, high = (None if end is None else 100 * end for end in (share.estimate, share.low, share.high))
    return Estimate(value, low, high, share.method)
