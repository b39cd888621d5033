"""The verbs `power` and `preregister`."""

from __future__ import annotations

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
    rules_for,
    trial_counts,
)
from analysis.verbs.who_answered import Verb, print_json

if TYPE_CHECKING:
    from analysis.agreement.conclusion import Outcome
    from analysis.planning.simulated_study import Design, Population

_MANY = click.IntRange(min=1)
# Of a participant, as in the paper.
_TRIALS = 50


@click.command(cls=Verb)
@click.option("--participants", type=_MANY, multiple=True, default=(30,), show_default=True, help="Repeatable.")
@click.option("--images", type=_MANY, multiple=True, default=(50,), show_default=True, help="Repeatable.")
@click.option(
    "--crops", type=_MANY, multiple=True, default=(1,), show_default=True, help="Images of each photograph; repeatable."
)
@click.option(
    "--shifts",
    "shift_sets",
    multiple=True,
    default=("0,1,2,3,4,5,6,7,8,9",),
    show_default=True,
    metavar="PX,PX",
    help="Shifts that are shown; repeatable.",
)
@click.option(
    "--per-shift", type=_MANY, help="Pairs of each shift a person judges.  [default: what makes up to 50 trials]"
)
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
@click.option(
    "--other-noise",
    type=click.FloatRange(min=0, min_open=True),
    default=0.8,
    show_default=True,
    help="That of a worse metric, which is to be told from it.",
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
    crops: tuple[int, ...],
    shift_sets: tuple[str, ...],
    per_shift: int | None,
    answers_per_pair: tuple[float, ...],
    participant_sd: float,
    image_sd: float,
    source: str | None,
    metric_noise: float,
    other_noise: float,
    min_responses: int,
    simulations: int,
    seed: int,
    as_json: bool,
) -> None:
    """What a study would find: interval widths, power and false verdicts, and the smallest difference it would tell.

    It simulates whole studies: participants and photographs drawn anew, pairs assigned as the server assigns them,
    metrics that know what images do to a shift and add noise. Every combination of what is given is a design.

    \b
    Example:  shift-study power --participants 30 --participants 60 --images 50
              shift-study power --shifts 0,1,2,3,4,5,6,7,8,9 --shifts 0,2,3 --images 100 --answers-per-pair 5
    """
    from tqdm import tqdm

    from analysis.planning.power import power as simulated
    from analysis.planning.power_layout import as_text
    from analysis.planning.simulated_study import Population

    given = click.get_current_context().get_parameter_source("participants")
    if answers_per_pair and given is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError("--answers-per-pair says how many participants there are: leave out --participants.")
    population = Population(participant_sd=participant_sd, image_sd=image_sd)
    if source is not None:
        population = _population_like(reader, source, participant_sd, image_sd)
    sizes: list[tuple[int, float | None]] = [(0, wanted) for wanted in answers_per_pair]
    sizes = sizes or [(people, None) for people in participants]
    designs = [
        _design(shifts, n, per_photograph, per_shift, *size)
        for shifts, n, per_photograph, size in product(map(_shifts, shift_sets), images, crops, sizes)
    ]
    total = simulations * len(designs)
    with tqdm(total=total, desc="simulating", unit="study", delay=1, leave=False) as bar:
        found = simulated(
            designs,
            population,
            metric_noise_sd=metric_noise,
            other_noise_sd=other_noise,
            min_responses=min_responses,
            simulations=simulations,
            seed=seed,
            progress=bar.update,
        )
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(as_text(found))


def _shifts(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise click.UsageError(
            f"--shifts is {text!r}; give whole numbers of pixels with commas, such as 0,2,3."
        ) from None


def _design(
    shifts: tuple[int, ...], images: int, crops: int, per_shift: int | None, participants: int, wanted: float | None
) -> Design:
    """A design; of so many participants, or of as many as give each pair the `wanted` answers."""
    from analysis.planning.simulated_study import Design

    each = per_shift or max(1, min(_TRIALS, images) // len(shifts))
    people = participants if wanted is None else max(1, math.ceil(wanted * images / each))
    return Design(participants=people, images=images, per_shift=each, shifts=shifts, crops=crops)


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


@click.command(cls=Verb)
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
        print_json(plan.to_json(), ensure_ascii=False)
