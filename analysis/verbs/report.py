"""The verb `report`."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click

from analysis.verbs.options import (
    CONCORDANCE_MARGIN,
    CORE,
    FILE,
    MAP_MARGIN,
    RULES,
    SEED,
    StudyReader,
    responses_for,
    rules_for,
)
from analysis.verbs.who_answered import Verb, print_json


@click.command(cls=Verb)
@click.argument("source")
@click.option("-o", "--output", type=FILE, required=True, metavar="DIR", help="Folder of the report.")
@click.option(
    "--distances",
    "files",
    multiple=True,
    metavar="FILE",
    help="Distances of a metric, as for compare: FILE or NAME=FILE; repeatable.",
)
@click.option(
    "--scores",
    "scores",
    multiple=True,
    metavar="FILE",
    help="Of a two-alternative study: triplet scores, as for flips: FILE or NAME=FILE; repeatable.",
)
@click.option(
    "--stimuli",
    type=FILE,
    metavar="DIR",
    help="Of a two-alternative study: the folder that has its images, where SOURCE is not one itself.",
)
@click.option("--plan", "plan_file", type=FILE, metavar="FILE", help="An analysis plan, which gives the settings.")
@CORE
@click.option("--min-responses", type=click.IntRange(min=1), help="Fewest responses of a ranked pair.  [default: 3]")
@click.option("--replicates", type=click.IntRange(500, 100_000), help="Bootstrap draws.  [default: 10000]")
@click.option("--permutations", type=click.IntRange(100, 100_000), help="Permutations of each test.  [default: 2000]")
@CONCORDANCE_MARGIN
@MAP_MARGIN
@SEED
@RULES
@click.option("--investigators", default="", metavar="TEXT", help="Names for the report's title block.")
@click.option("--no-pdf", is_flag=True, help="No report.pdf.")
@click.option("--force", is_flag=True, help="Replace a report that is in DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written and left out as JSON.")
@click.pass_context
def report(
    context: click.Context,
    source: str,
    output: Path,
    files: tuple[str, ...],
    scores: tuple[str, ...],
    stimuli: Path | None,
    plan_file: Path | None,
    core: str,
    min_responses: int | None,
    replicates: int | None,
    permutations: int | None,
    concordance_margin: float,
    map_margin: float,
    seed: int,
    rules: str | None,
    investigators: str,
    no_pdf: bool,
    force: bool,
    as_json: bool,
) -> None:
    """All analyses of a study in one report: a page, a PDF, and every table and figure as a file.

    SOURCE is a study folder, a database URL, an exported file (.csv, .jsonl, .parquet, .json) or
    ghildyal2022, the published judgments of the paper.

    \b
    Example:  shift-study report my-study -o report
              shift-study report my-study --distances distances.csv --plan plan.json -o report
              shift-study report my-triplets --scores scores.parquet -o report
    """
    from tqdm import tqdm

    from analysis.agreement.distances import read_usable_metrics
    from analysis.planning.plan import read_plan
    from analysis.report.build import Settings, build
    from analysis.report.preference_sections import TripletSources
    from analysis.report.provenance import footer, title_block, without_password
    from analysis.report.writing import check_folder, write_report
    from analysis.tasks.registry import task_of
    from analysis.two_alternative.score_files import scored_files
    from analysis.two_alternative.stimuli import read_stimuli, study_folder

    began = time.monotonic()
    check_folder(output, overwrite=force)
    plan = None if plan_file is None else read_plan(plan_file)
    reader: StudyReader = context.obj
    given = context.get_parameter_source
    asked: dict[str, Any] = {
        "core": core,
        "min_responses": min_responses,
        "replicates": replicates,
        "permutations": permutations,
        "concordance_margin": concordance_margin,
        "map_margin": map_margin,
        "seed": seed,
    }
    explicit = {n: v for n, v in asked.items() if given(n) is not click.core.ParameterSource.DEFAULT}
    if plan is not None:
        planned = {name: getattr(plan, name) for name in (*asked, "d_prime_model")}
        applied = plan.rules if rules is None else rules_for(reader, source, rules)
        settings = Settings(rules=applied, **(planned | explicit))
    else:
        settings = Settings(rules=rules_for(reader, source, rules), **explicit)
    distances, paths, unreadable = read_usable_metrics(files)
    responses = responses_for(reader, source, settings.rules)
    folder = study_folder(source, stimuli)
    is_2afc = "flips" in task_of(responses).sections
    triplets = TripletSources(scores, read_stimuli(folder) if folder is not None and is_2afc else None)
    provenance = footer(
        responses,
        source=without_password(Path(source).name if "://" not in source else source),
        settings=vars(settings),
        files=paths | scored_files(scores) | ({"Plan": plan_file} if plan_file else {}),
        command=without_password(shlex.join(["shift-study", *sys.argv[1:]])),
    )
    with tqdm(desc="report", bar_format="{desc}: {n} steps, {elapsed}{postfix}", delay=1, leave=False) as bar:

        def step(title: str) -> None:
            bar.set_postfix_str(title, refresh=False)
            bar.update()

        made = build(
            responses,
            distances,
            settings,
            footer=provenance,
            block=title_block(responses, investigators),
            plan=plan,
            unreadable=tuple(unreadable.values()),
            triplets=triplets,
            step=step,
        )
        problems = write_report(made, output, pdf=not no_pdf, overwrite=force, step=step)
    left_out = [*made.left_out, *problems]
    if as_json:
        document = {
            "folder": str(output),
            "tables": [table.name for table in made.tables],
            "figures": [figure.name for figure in made.figures],
            "left_out": left_out,
            "seconds": time.monotonic() - began,
        }
        print_json(document, ensure_ascii=False)
        return
    click.echo(
        f"Wrote {output}: report.html{'' if no_pdf or problems else ', report.pdf'}, {len(made.tables)} tables, "
        f"{len(made.figures)} figures, results.json ({time.monotonic() - began:.0f} s)."
    )
    for sentence in left_out:
        click.echo(f"Left out: {sentence}")
