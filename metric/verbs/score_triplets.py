"""The part of `shift-study score` that scores the triplets of a two-alternative study."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click

from metric.verbs.options import print_json
from metric.verbs.triplet_scoring import Pass, summary, summary_table


def score_study_triplets(
    context: click.Context, scoring: Pass, source: str, folder: Path, output: Path | None, as_json: bool
) -> None:
    """Both distances of every stimulus of the study in `folder`, written to `output` as triplet scores.

    Raises: `MetricError` where no file was named, and as `TripletRun.run` does.
    """
    from metric.errors import MetricError
    from metric.triplets.study_triplets import read_triplet_manifest

    if output is None:
        raise MetricError(
            f"{folder} is a study of triplets, whose distances are written to one file; name it with -o FILE.parquet, "
            ".csv or .csv.gz."
        )
    found = scoring.score(
        context, lambda: read_triplet_manifest(folder), size_px=None, filter_="bicubic", shifts=(), output=output
    )
    if found is None:
        return
    run, scores, arithmetic = found
    if as_json:
        print_json({"source": source, **summary(run, scores, arithmetic)})
    else:
        click.echo(summary_table(run, scores, f"two-afc {quote(source)} --scores {quote(str(output))}"))
