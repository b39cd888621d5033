"""The verb `scorecard`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.verbs.options import FILE, REFERENCE_REPLICATES, RULES, SEED, StudyReader, responses_for, rules_for
from analysis.verbs.who_answered import Verb, print_json

if TYPE_CHECKING:
    from analysis.report.content import Section
    from analysis.report.scorecard import ScoreColumn

    Part = tuple[tuple[ScoreColumn, ...], Section]


@click.command(cls=Verb)
@click.option("-o", "--output", type=FILE, required=True, metavar="DIR", help="Folder of the page.")
@click.option("--study", metavar="SOURCE", help="Same–different judgments, as compare takes them.")
@click.option(
    "--distances", "files", multiple=True, metavar="FILE", help="Distances of the study's pairs, as for compare."
)
@click.option(
    "--triplets", multiple=True, metavar="FILE", help="Triplet scores, as for bapps table and clic table; repeatable."
)
@click.option(
    "--opinions", "opinion_files", multiple=True, type=FILE, metavar="FILE", help="Opinion scores; repeatable."
)
@click.option(
    "--opinion-distances",
    "opinion_distances",
    multiple=True,
    metavar="FILE",
    help="Distances of the images of all opinions, as for opinions; repeatable.",
)
@click.option("--higher-is-worse", is_flag=True, help="Higher opinion scores say that people saw more difference.")
@click.option(
    "--min-responses",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="N",
    help="Leave out pairs of the study with fewer responses.",
)
@REFERENCE_REPLICATES
@SEED
@RULES
@click.option("--no-pdf", is_flag=True, help="No report.pdf.")
@click.option("--force", is_flag=True, help="Replace a page that is in DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON, with nothing rounded.")
@click.pass_obj
def scorecard(
    reader: StudyReader,
    output: Path,
    study: str | None,
    files: tuple[str, ...],
    triplets: tuple[str, ...],
    opinion_files: tuple[Path, ...],
    opinion_distances: tuple[str, ...],
    higher_is_worse: bool,
    min_responses: int,
    replicates: int,
    seed: int,
    rules: str | None,
    no_pdf: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Metrics against every set of judgments at hand on one page: same–different, 2AFC, opinion scores.

    Metrics are the same where they have the same name. Each of the sets may be left out.

    \b
    Example:  shift-study scorecard -o scorecard --study ghildyal2022 --distances ssim.csv \\
                  --triplets bapps.parquet --opinions tid2013 --opinion-distances tid-ssim.csv
    """
    from tqdm import tqdm

    from analysis.errors import AnalysisError
    from analysis.report.content import counted
    from analysis.report.judgment_sets import opinion_parts, provenance, same_different_part, triplet_parts
    from analysis.report.scorecard import Scorecard
    from analysis.report.scorecard_report import scorecard_report
    from analysis.report.writing import check_folder, write_report

    if study is None and not triplets and not opinion_files:
        raise AnalysisError("There are no judgments; give some with --study, --triplets or --opinions.")
    for given, needed, name in ((files, study, "--study"), (opinion_distances, opinion_files, "--opinions")):
        if given and not needed:
            raise AnalysisError(f"{given[0]} holds distances for judgments that are not given; add them with {name}.")
    check_folder(output, overwrite=force)
    with tqdm(desc="scorecard", bar_format="{desc}: {n} steps, {elapsed}{postfix}", delay=1, leave=False) as bar:

        def step(title: str) -> None:
            bar.set_postfix_str(title, refresh=False)
            bar.update()

        parts: list[Part] = []
        if study is not None:
            step("same–different")
            responses = responses_for(reader, study, rules_for(reader, study, rules))
            parts.append(
                same_different_part(responses, files, min_responses=min_responses, replicates=replicates, seed=seed)
            )
        parts += triplet_parts(triplets, replicates=replicates, seed=seed, step=step)
        parts += opinion_parts(
            opinion_files,
            opinion_distances,
            higher_is_worse=higher_is_worse,
            replicates=replicates,
            seed=seed,
            step=step,
        )
        card = Scorecard.of(*(column for columns, _ in parts for column in columns))
        footer = provenance(
            study,
            [*files, *triplets, *map(str, opinion_files), *opinion_distances],
            replicates,
            seed,
            shlex.join(["shift-study", *sys.argv[1:]]),
        )
        report = scorecard_report(card, [section for _, section in parts], footer)
        problems = write_report(report, output, pdf=not no_pdf, overwrite=force, step=step)
    left_out = [*report.left_out, *problems]
    if as_json:
        document = {"folder": str(output), **card.to_json(), "left_out": left_out}
        print_json(document, ensure_ascii=False)
        return
    click.echo(
        f"Wrote {output}: report.html{'' if no_pdf or problems else ', report.pdf'}, with "
        f"{counted(len(card.metrics), 'metric')} on {counted(len(parts), 'set')} of judgments."
    )
    for sentence in left_out:
        click.echo(f"Left out: {sentence}")
