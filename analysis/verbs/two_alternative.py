"""The verbs `two-afc`, `flips` and `bapps export`."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.verbs.options import FILE, REPLICATES, RULES, SEED, StudyReader, responses_for, rules_for
from analysis.verbs.who_answered import Verb, label, note_who_answered, print_json

if TYPE_CHECKING:
    import pandas as pd

    from analysis.two_alternative.choices import Choices
    from analysis.two_alternative.score_files import MetricDistances
    from analysis.two_alternative.stimuli import Stimulus

_SCORES = click.option(
    "--scores",
    "files",
    multiple=True,
    metavar="FILE",
    help="Distances of metrics as shift-study score writes them of such a study: FILE or NAME=FILE; repeatable.",
)
_METRIC = click.option(
    "--metric", "names", multiple=True, metavar="NAME", help="Only this metric of the files; repeatable."
)
_STIMULI = click.option(
    "--stimuli", type=FILE, metavar="DIR", help="Study folder that has the images, where SOURCE is not one itself."
)
_LAYOUTS: list[Callable[[Any], Any]] = [
    click.option("--json", "json_", is_flag=True, help="Print JSON, with nothing rounded."),
    click.option("--csv", "csv_", is_flag=True, help="Print CSV, one line a figure, with nothing rounded."),
    click.option("--latex", "latex_", is_flag=True, help="Print a LaTeX tabular for the booktabs package."),
]


def _options(verb: Callable[..., None]) -> Callable[..., None]:
    """What both verbs have."""
    given = [click.argument("source"), _SCORES, _METRIC, REPLICATES, SEED, RULES, _STIMULI, *_LAYOUTS]
    for option in reversed(given):
        verb = option(verb)
    return verb


@click.command("two-afc", cls=Verb)
@_options
@click.pass_obj
def two_afc(
    reader: StudyReader, /, source: str, stimuli: Path | None, json_: bool, csv_: bool, latex_: bool, **given: Any
) -> None:
    """Which of two images people prefer, what people reach in 2AFC, and metrics against them.

    SOURCE is a study folder, a database URL or an exported file (.csv, .jsonl, .parquet) of a two-alternative study.
    Shares of people for each triplet and version; 2AFC scores of metrics on these, of one more person, of what most
    people prefer, and of chance; where triplets share a reference, a scale of its distorted images.

    \b
    Example:  shift-study two-afc my-triplets
              shift-study score my-triplets --metric lpips-alex --metric ssim -o scores.parquet
              shift-study two-afc my-triplets --scores scores.parquet
    """
    from analysis.two_alternative.layouts import as_csv, as_latex, scores_text
    from analysis.two_alternative.scale import preference_scale
    from analysis.two_alternative.two_afc import two_afc_table

    _check_layouts(json_, csv_, latex_)
    responses, choices, metrics = _read(reader, source, given)
    table = two_afc_table(choices, metrics, replicates=given["replicates"], seed=given["seed"])
    if csv_ or latex_:
        click.echo((as_csv if csv_ else as_latex)(table))
        return
    scale = preference_scale(responses, choices, _stimuli(source, stimuli))
    if json_:
        print_json({**table.to_json(), "scale": scale.to_json()}, ensure_ascii=False)
    else:
        click.echo(scores_text(table, scale))


@click.command("flips", cls=Verb)
@_options
@click.option(
    "--shift", type=click.IntRange(min=1), metavar="K", help="Shift of the examples.  [default: the smallest]"
)
@click.option("--triplet", "triplets", multiple=True, metavar="NAME", help="Show this triplet; repeatable.")
@click.option(
    "--examples",
    "count",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    metavar="N",
    help="Otherwise show so many, in which most metrics flip while people do not.",
)
@click.option(
    "--figure",
    type=FILE,
    metavar="FILE",
    help="Draw the examples, with pictures; FILE ends in .png, .svg or .pdf.",
)
@click.pass_obj
def flips(
    reader: StudyReader,
    /,
    source: str,
    stimuli: Path | None,
    shift: int | None,
    triplets: tuple[str, ...],
    count: int,
    figure: Path | None,
    json_: bool,
    csv_: bool,
    latex_: bool,
    **given: Any,
) -> None:
    """How often people prefer another image once both are shifted, beside how often metrics do.

    SOURCE is a study folder, a database URL or an exported file (.csv, .jsonl, .parquet) of a two-alternative study.
    Flips of single people, less those where the same stimulus is asked again; disagreement of two people across the
    versions and within them; rank flips of metrics (Eq. 2) on the same triplets, compared with people and each other;
    and triplets as in the paper's Figure 1.

    \b
    Example:  shift-study flips my-triplets --scores scores.parquet
              shift-study flips my-triplets --scores scores.parquet --triplet 00012 --figure figure1.svg
    """
    from analysis.errors import AnalysisError
    from analysis.figure_style import check_figure
    from analysis.two_alternative.examples import examples
    from analysis.two_alternative.flips import flip_table
    from analysis.two_alternative.layouts import as_csv, as_latex, flips_text

    _check_layouts(json_, csv_, latex_)
    images = None
    if figure is not None:
        check_figure(figure)
        images = _stimuli(source, stimuli)
        if images is None:
            raise AnalysisError(f"{source} is no study folder; name the one that has its images with --stimuli DIR.")
    responses, choices, metrics = _read(reader, source, given)
    table = flip_table(choices, metrics, replicates=given["replicates"], seed=given["seed"])
    found = examples(responses, choices, metrics, shift_px=shift, triplets=triplets, count=count)
    if figure is not None and images is not None:
        _draw(found, images, figure)
    if json_:
        print_json({**table.to_json(), "examples": [one.to_json() for one in found]}, ensure_ascii=False)
    else:
        click.echo(as_csv(table) if csv_ else as_latex(table) if latex_ else flips_text(table, found))


@click.command("export", cls=Verb)
@click.argument("source")
@click.option(
    "-o", "--output", type=FILE, required=True, metavar="DIR", help="Folder to make; it must not exist, or be empty."
)
@RULES
@_STIMULI
@click.option(
    "--held-out",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Share of the photographs, such as 0.2, whose triplets are in 2afc/val while the others are in 2afc/train.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the draw of these photographs."
)
@click.option("--json", "json_", is_flag=True, help="Print what was written as JSON.")
@click.pass_obj
def bapps_export(
    reader: StudyReader,
    source: str,
    output: Path,
    rules: str | None,
    stimuli: Path | None,
    held_out: float | None,
    seed: int,
    json_: bool,
) -> None:
    """Write what people of a two-alternative study preferred in BAPPS's own layout.

    SOURCE is a study folder, or a database URL or an exported file with --stimuli. DIR/shift_0 is a set for
    `bapps score`, of the unshifted triplets, and so are DIR/shift_1, …, of what people said of the shifted ones;
    DIR/answers.csv has the numbers of answers. With --held-out each has a set to train on beside that to test with, and
    no photograph is in both.

    \b
    Example:  shift-study bapps export my-triplets -o judged
              shift-study bapps score judged/shift_0 --metric lpips-alex -o scores.parquet
              shift-study bapps export my-triplets -o halves --held-out 0.5
    """
    from analysis.columns.simulated import WhoAnswered
    from analysis.errors import AnalysisError
    from analysis.responses.sources import read_responses
    from analysis.tasks.registry import require_results, task_of
    from analysis.two_alternative.bapps_folder import check_new, write_bapps_folder
    from analysis.two_alternative.choices import Choices

    check_new(output)
    images = _stimuli(source, stimuli)
    if images is None:
        raise AnalysisError(f"{source} is no study folder; name the one that has its images with --stimuli DIR.")
    responses = read_responses(source, reader.study_rows, rules_for(reader, source, rules))
    require_results(task_of(responses), "bapps export", source)
    note_who_answered(responses)
    simulated = bool(WhoAnswered.of(responses).simulated)
    found = write_bapps_folder(Choices.of(responses), images, output, simulated=simulated, held_out=held_out, seed=seed)
    if json_:
        print_json(found.to_json(), ensure_ascii=False)
        return
    for name, triplets in found.triplets.items():
        click.echo(f"Wrote {output / name}: {triplets:,} triplets.")
    for note in [*found.notes, *(["The sets say that their votes are not human."] if simulated else [])]:
        click.echo(note)
    if held_out is not None:
        some = shlex.quote(str(output / min(found.triplets).partition("/")[0]))
        click.echo(
            f"`shift-study train lpips --data {some}` trains a metric on the one part, `shift-study bapps score {some} "
            "--metric trained-lpips/metric.safetensors -o scores.parquet` scores the other with it."
        )


def _check_layouts(*layouts: bool) -> None:
    if sum(layouts) > 1:
        raise click.UsageError("--json, --csv and --latex are three layouts of one table: give one of them.")


def _read(
    reader: StudyReader, source: str, given: dict[str, Any]
) -> tuple[pd.DataFrame, Choices, tuple[MetricDistances, ...]]:
    from analysis.two_alternative.choices import Choices
    from analysis.two_alternative.score_files import read_study_distances

    if given["names"] and not given["files"]:
        raise click.UsageError("--metric picks metrics of the files of --scores: give one.")
    responses = responses_for(reader, source, rules_for(reader, source, given["rules"]))
    choices = Choices.of(responses)
    return responses, choices, read_study_distances(given["files"], choices, metrics=given["names"])


def _stimuli(source: str, stimuli: Path | None) -> dict[str, Stimulus] | None:
    from analysis.two_alternative.stimuli import read_stimuli, study_folder

    folder = study_folder(source, stimuli)
    return None if folder is None else read_stimuli(folder)


def _draw(found: Any, images: dict[str, Stimulus], figure: Path) -> None:
    from analysis.errors import AnalysisError
    from analysis.figure_style import draw, save
    from analysis.two_alternative.examples_figure import plot_examples, read_examples, size_of

    if not found:
        raise AnalysisError("There is no example to draw; take --examples 1 or more.")
    pictures = read_examples(found, images)
    save(draw(lambda ax: plot_examples(found, pictures, ax), size_of(found), label()), figure)
    click.echo(f"Wrote {figure}.", err=True)
