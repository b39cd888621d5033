"""Each set of judgments of a scorecard: read, analysed, and as a part of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from analysis.agreement.comparison import CONCORDANCE_MARGIN, MAP_MARGIN, Comparison
from analysis.agreement.distances import read_usable_metrics
from analysis.columns.simulated import WhoAnswered
from analysis.errors import AnalysisError
from analysis.opinions.opinion_agreement import agree
from analysis.opinions.reading import read_image_distances, read_opinions
from analysis.report.content import Section, listed
from analysis.report.metrics_section import metrics_section
from analysis.report.opinions_section import opinions_section
from analysis.report.provenance import file_sha256, versions, without_password
from analysis.report.scorecard import ScoreColumn, opinion_columns, same_different_columns, triplet_columns
from analysis.report.triplets_section import triplets_section
from analysis.triplets.evaluation import triplet_table
from analysis.triplets.score_files import read_score_file
from analysis.triplets.scores import read_triplet_scores

Part = tuple[tuple[ScoreColumn, ...], Section]
Step = Callable[[str], object]

_PERMUTATIONS = 2_000


def same_different_part(
    responses: pd.DataFrame, files: Sequence[str], *, min_responses: int, replicates: int, seed: int
) -> Part:
    """γ within shifts and JND mAP on a study's answers.

    Args:
        responses: the tidy response table, marked.
        files: distances of its pairs, as `compare` takes them.

    Raises: `AnalysisError` as `compare` does. A file that cannot be used is left out with a sentence.
    """
    distances, _, unreadable = read_usable_metrics(files)
    section = metrics_section(
        responses,
        distances,
        min_responses=min_responses,
        replicates=replicates,
        permutations=_PERMUTATIONS,
        seed=seed,
        concordance_margin=CONCORDANCE_MARGIN,
        map_margin=MAP_MARGIN,
    )
    who = WhoAnswered.of(responses)
    columns = same_different_columns(Comparison.from_json(section.results["comparison"]), human=not who.simulated)
    title = "Same–different judgments"
    text = (*([who.sentence] if who.sentence else []), *section.paragraphs)
    return columns, replace(section, title=title, paragraphs=text, left_out=(*unreadable.values(), *section.left_out))


def triplet_parts(files: Sequence[str], *, replicates: int, seed: int, step: Step) -> list[Part]:
    """2AFC scores and rank flips, a part for each set, size and source of votes among the files.

    Flips are at the shifts at which all metrics of a part were scored; others are left out with a sentence.

    Raises: `AnalysisError` as `read_triplet_scores` does.
    """
    sets: dict[tuple[str, str, int | None], list[str]] = {}
    scored: dict[tuple[str, str, int | None], list[set[int]]] = {}
    for given in files:
        metrics = read_score_file(given)
        key = (metrics[0].set, metrics[0].votes, metrics[0].size_px)
        sets.setdefault(key, []).append(given)
        scored.setdefault(key, []).extend({shift for shift in metric.shifts if shift > 0} for metric in metrics)
    parts = []
    for number, (key, of_set) in enumerate(sets.items(), 1):
        step(f"triplets of {key[0]}")
        common = sorted(set.intersection(*scored[key]))
        others = sorted(set.union(*scored[key]) - set(common))
        scores = read_triplet_scores(of_set, shifts=common if others else ())
        found = triplet_table(scores, replicates=replicates, seed=seed)
        section = triplets_section(found, "triplets" if number == 1 else f"triplets-{number}")
        if others:
            at = listed([f"{shift} px" for shift in others])
            said = f"Flips at {at} are left out: not every metric was scored there; score them all at the same shifts."
            section = replace(section, left_out=(*section.left_out, said))
        parts.append((triplet_columns(found), section))
    return parts


def opinion_parts(
    files: Sequence[Path], distances: Sequence[str], *, higher_is_worse: bool, replicates: int, seed: int, step: Step
) -> list[Part]:
    """Correlations with opinion scores, a part for each file or folder of these.

    Args:
        files: as `read_opinions` takes them; `higher_is_worse` is about those that are no folders.
        distances: for the images of all of them; a metric may be in several files.

    Raises: `AnalysisError` as `read_opinions` and `read_image_distances` do, and where a metric has two distances for
        an image. A metric that has none for any image of a set is not in its part; that of no set is left out with a
        sentence.
    """
    metrics: dict[str, dict[str, float]] = {}
    for given in distances:
        for name, found in read_image_distances([given])[0].items():
            known = metrics.setdefault(name, {})
            twice = next((key for key in found if key in known), None)
            if twice is not None:
                raise AnalysisError(f"{given} gives {name} a second distance for {twice}; leave out one of the files.")
            known |= found
    parts: list[Part] = []
    used: set[str] = set()
    sets = [
        read_opinions(path, higher_is_worse=None if path.is_dir() or not higher_is_worse else True) for path in files
    ]
    names = [opinions.name for opinions in sets]
    for number, (path, opinions) in enumerate(zip(files, sets, strict=True), 1):
        step(f"opinions of {path.name}")
        keys = set(opinions.keys)
        here = {name: found for name, found in metrics.items() if not keys.isdisjoint(found)}
        # Columns of one name could not be told apart.
        place = f" in {path if path.is_dir() else path.parent}" if names.count(opinions.name) > 1 else ""
        named = replace(opinions, name=opinions.name + place)
        agreement = agree(named, here, replicates=replicates, seed=seed)
        section = opinions_section(agreement, "opinions" if number == 1 else f"opinions-{number}")
        parts.append((opinion_columns(agreement), section))
        used |= here.keys()
    if parts:
        columns, last = parts[-1]
        unused = [
            f"{name} is left out: it has no distance for any image with a score, but for {next(iter(found))}; name "
            "images as the scores do."
            for name, found in metrics.items()
            if name not in used
        ]
        parts[-1] = columns, replace(last, left_out=(*last.left_out, *unused))
    return parts


def provenance(
    study: str | None, files: Sequence[str], replicates: int, seed: int, command: str
) -> tuple[tuple[str, str], ...]:
    """What the page was made of: the study, the files and their SHA-256, settings, versions, the command."""
    paths = dict.fromkeys(Path(given.partition("=")[2] if not Path(given).exists() else given) for given in files)
    return (
        *([("Study", without_password(study))] if study else []),
        *((f"File {path.name}", f"SHA-256 {file_sha256(path)}") for path in paths if path.is_file()),
        *((f"Folder {path.name}", "opinion scores of its layout") for path in paths if path.is_dir()),
        ("Settings", f"replicates {replicates}; permutations {_PERMUTATIONS}; seed {seed}"),
        ("Versions", versions()),
        ("Command", without_password(command)),
    )
