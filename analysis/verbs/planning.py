"""The verbs `power` and `preregister`."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.verbs.options import (
    CONCORDANCE_MARGIN,
    CORE,
    FILE,
    MAP_MARGIN,
    RULES,
    SEED,
    StudyReader,
    point,
    rules_for,
    trial_counts,
)

if TYPE_CHECKING:
    from analysis.agreement.conclusion import Outcome
    from analysis.planning.simulated_study import Population

_MANY = click.IntRange(min=1)


@click.command()
@click.option("--participants", type=_MANY, multiple=True, default=(30,), show_default=True, help="Repeatable.")
@click.option("--images", type=_MANY, multiple=True, default=(50,), show_default=True, help="Repeatable.")
@click.option("--per-shift", type=_MANY, default=5, show_default=True, help="Pairs of each shift a person judges.")
@click.option("--max-shift", type=_MANY, default=9, show_default=True, help="Largest shift, pixels.")
@click.option(
    "--answers-per-pair",
    type=click.FloatRange(min=0, min_open=True),
    multiple=True,
    help="Take as many participants as give every pair so many answers, instead of --participants.",
)
@click.option(
    "--participant-sd",
    type=click.FloatRange(min=0),
    default=0.4,
    show_default=True,
    help="How much participants differ: standard deviation of the logarithm of their medians.",
)
@click.option(
    "--image-sd", type=click.FloatRange(min=0), default=0.4, show_default=True, help="How much images differ, likewise."
)
@click.option(
    "--like",
    "source",
    metavar="SOURCE",
    help="Observers like those of these responses (a pilot study).  [default: those of the paper's Table 1]",
)
@click.option(
    "--metric-noise",
    type=click.FloatRange(min=0, min_open=True),
    default=0.4,
    show_default=True,
    help="Noise of a metric's distances, in units of the logarithm of a shift.",
)
@click.option("--min-responses", type=_MANY, default=3, show_default=True, help="Fewest answers of a ranked pair.")
@click.option(
    "--simulations", type=click.IntRange(20, 100_000), default=400, show_default=True, help="Studies a design."
)
@SEED
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with nothing rounded.")
@click.pass_obj
def power(
    reader: StudyReader,
    participants: tuple[int, ...],
    images: tuple[int, ...],
    per_shift: int,
    max_shift: int,
    answers_per_pair: tuple[float, ...],
    participant_sd: float,
    image_sd: float,
    source: str | None,
    metric_noise: float,
    min_responses: int,
    simulations: int,
    seed: int,
    as_json: bool,
) -> None:
    """How precise a study would be: expected interval widths, and the smallest difference between metrics.

    It simulates whole studies: participants and images drawn anew, pairs assigned as the server assigns them.

    \b
    Example:  shift-study power --participants 30 --participants 60 --images 50
              shift-study power --answers-per-pair 5 --images 100 --like pilot.csv --json
    """
    from tqdm import tqdm

    from analysis.planning.power import power as simulated
    from analysis.planning.simulated_study import Design, Population

    given = click.get_current_context().get_parameter_source("participants")
    if answers_per_pair and given is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError("--answers-per-pair says how many participants there are: leave out --participants.")
    population = Population(participant_sd=participant_sd, image_sd=image_sd)
    if source is not None:
        population = _population_like(reader, source, participant_sd, image_sd)
    sizes = [(max(1, math.ceil(wanted * n / per_shift)), n) for n, wanted in product(images, answers_per_pair)]
    sizes = sizes or [(people, n) for n, people in product(images, participants)]
    designs = [Design(participants=p, images=n, per_shift=per_shift, max_shift=max_shift) for p, n in sizes]
    total = simulations * len(designs)
    with tqdm(total=total, desc="simulating", unit="study", delay=1, leave=False) as bar:
        found = simulated(
            designs,
            population,
            metric_noise_sd=metric_noise,
            min_responses=min_responses,
            simulations=simulations,
            seed=seed,
            progress=bar.update,
        )
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
        return
    click.echo(
        f"{simulations} simulated studies a design; true threshold {found.true_threshold_px:.2f} px; standard "
        f"deviation of log medians {found.participant_sd:g} between participants, {found.image_sd:g} between images."
    )
    click.echo("95% intervals; the smallest difference of JND mAP is the one resolved four times out of five.\n")
    click.echo(
        f"{'participants':>12} {'images':>6} {'answers':>7} {'threshold':>9} {'width':>8} {'design':>7} "
        f"{'JND mAP':>8} {'width':>6} {'smallest':>10}"
    )
    click.echo(f"{'':>12} {'':>6} {'a pair':>7} {'px':>9} {'px':>8} {'effect':>7} {'':>8} {'':>6} {'difference':>10}")
    for row in found.rows:
        click.echo(
            f"{row.participants:>12} {row.images:>6} {row.answers_per_pair:>7.1f} {point(row.threshold_px, 2):>9} "
            f"{point(row.threshold_width_px, 2):>8} {row.design_effect:>7.1f} {point(row.jnd_map, 3):>8} "
            f"{point(row.jnd_map_width, 3):>6} {point(row.smallest_difference, 3):>10}"
        )
    for row in found.rows:
        if row.undetermined:
            click.echo(
                f"{row.participants} participants, {row.images} images: {100 * row.undetermined:.1f}% of the studies "
                "have no threshold among the shifts that are shown."
            )
        if row.jnd_map.estimate is None:
            click.echo(f"{row.participants} participants, {row.images} images: no JND mAP, {row.jnd_map.method}.")


def _population_like(reader: StudyReader, source: str, participant_sd: float, image_sd: float) -> Population:
    from analysis.planning.simulated_study import Population
    from analysis.psychometric import fit

    counts = trial_counts(reader, source)
    found = fit(counts.shift_px, counts.different, counts.total)
    return Population(
        median_px=found.median_px,
        log_sd=found.spread,
        false_alarm_rate=found.false_alarm_rate,
        lapse_rate=found.lapse_rate,
        participant_sd=participant_sd,
        image_sd=image_sd,
    )


@click.command()
@click.argument("source", required=False, default="")
@click.option("-o", "--output", type=FILE, required=True, metavar="FILE", help="Ends in .json; never replaced.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="A metric that will be compared; repeatable.")
@CORE
@click.option(
    "--model",
    type=click.Choice(["differencing", "independent-observation"]),
    default="differencing",
    show_default=True,
    help="Model of d′.",
)
@click.option(
    "--min-responses", type=_MANY, default=3, show_default=True, help="Fewest responses of a pair in JND mAP."
)
@click.option(
    "--replicates", type=click.IntRange(500, 100_000), default=10_000, show_default=True, help="Bootstrap draws."
)
@click.option(
    "--permutations", type=click.IntRange(100, 100_000), default=2_000, show_default=True, help="Of each test."
)
@click.option(
    "--primary",
    type=click.Choice(["concordance", "jnd_map"]),
    default="concordance",
    show_default=True,
    help="Primary outcome of the comparison of metrics: γ within shifts, or the paper's JND mAP.",
)
@CONCORDANCE_MARGIN
@MAP_MARGIN
@click.option("--hypothesis", "hypotheses", multiple=True, metavar="TEXT", help="In your own words; repeatable.")
@SEED
@RULES
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@click.pass_obj
def preregister(
    reader: StudyReader,
    source: str,
    output: Path,
    metrics: tuple[str, ...],
    core: str,
    model: str,
    min_responses: int,
    replicates: int,
    permutations: int,
    primary: Outcome,
    concordance_margin: float,
    map_margin: float,
    hypotheses: tuple[str, ...],
    seed: int,
    rules: str | None,
    as_json: bool,
) -> None:
    """Write the analysis plan of a study, with its hash, before the data are seen.

    SOURCE is the study's folder, whose settings name the exclusion rules; it may be left out. `shift-study report
    --plan FILE` follows the plan and says what was done otherwise or added.

    \b
    Example:  shift-study preregister my-study -o plan.json --metric stlpips-alex --metric ssim
    """
    from analysis.errors import AnalysisError
    from analysis.exclusions.marking import DEFAULT_RULES, named_rules
    from analysis.planning.plan import new_plan, write_plan

    if output.suffix != ".json":
        raise AnalysisError(f"{output} does not end in .json; a plan is written as JSON.")
    if not all(hypothesis.strip() for hypothesis in hypotheses):
        raise AnalysisError("A hypothesis is empty; write it out, or leave it out.")
    study = ""
    applied = DEFAULT_RULES if rules is None else named_rules(rules)
    if source:
        study = reader.study_name(source) or ""
        if not study:
            raise AnalysisError(f"{source} is no study folder; name one, or leave it out.")
        applied = rules_for(reader, source, rules)
    plan = new_plan(
        study=study,
        rules=applied,
        metrics=metrics,
        primary_outcome=primary,
        concordance_margin=concordance_margin,
        map_margin=map_margin,
        core=core,
        d_prime_model=model,
        min_responses=min_responses,
        replicates=replicates,
        permutations=permutations,
        seed=seed,
        hypotheses=hypotheses,
    )
    write_plan(plan, output)
    click.echo(f"Wrote {output}; SHA-256 {plan.sha256}. Keep the hash where others can see when you did.", err=True)
    if as_json:
        click.echo(json.dumps(plan.to_json(), ensure_ascii=False, indent=2))
