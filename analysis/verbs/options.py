"""What the verbs of this package have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from analysis.verbs.who_answered import label, note_who_answered

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from analysis.responses.study_table import Opened
    from analysis.results import Estimate
    from analysis.trial_counts import TrialCounts

FILE = click.Path(path_type=Path)

RULES = click.option(
    "--rules",
    metavar="NAMES",
    help="Exclusion rules, such as unfinished,validation,too_fast; none for no rule. Left out: those of the study's "
    "settings, else unfinished,validation.",
)

CORE = click.option(
    "--core",
    type=click.Choice(["log-normal", "log-logistic", "weibull", "logistic", "normal"]),
    default="log-normal",
    show_default=True,
    help="Shape of the psychometric function between its two rates.",
)
REPLICATES = click.option(
    "--replicates",
    type=click.IntRange(100, 100_000),
    default=2000,
    show_default=True,
    metavar="B",
    help="How often participants or images are drawn anew for the intervals.",
)
REFERENCE_REPLICATES = click.option(
    "--replicates",
    type=click.IntRange(100, 100_000),
    default=2000,
    show_default=True,
    metavar="B",
    help="How often references are drawn anew for the intervals.",
)
CONCORDANCE_MARGIN = click.option(
    "--concordance-margin",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.1,
    show_default=True,
    metavar="M",
    help="Metrics whose γ within shifts is less than this apart count as equivalent.",
)
MAP_MARGIN = click.option(
    "--map-margin",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.02,
    show_default=True,
    metavar="M",
    help="The same of JND mAP.",
)
SEED = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the draws.")
FIGURE = click.option("--figure", type=FILE, metavar="FILE", help="Draw it; FILE ends in .png, .svg or .pdf.")


class StudyReader(Protocol):
    """What the composed command lends these verbs in the context's `obj`."""

    def study_rows(self, source: str) -> Opened | None:
        """The responses of a study folder or a database URL; None for any other source."""

    def study_rules(self, source: str) -> tuple[str, ...] | None:
        """Names of the exclusion rules that a study folder's settings list; None for any other source."""

    def study_name(self, source: str) -> str | None:
        """The name of the study in a study folder; None for any other source."""


def rules_for(reader: StudyReader, source: str, named: str | None = None) -> tuple[str, ...]:
    """The exclusion rules for a source: those named in `--rules`, else those of its settings, else the default.

    Raises: `AnalysisError` where a name is no rule.
    """
    from analysis.exclusions.marking import DEFAULT_RULES, known_rules, named_rules

    if named is not None:
        return named_rules(named)
    configured = reader.study_rules(source)
    return DEFAULT_RULES if configured is None else known_rules(configured)


def responses_for(
    reader: StudyReader, source: str, rules: Sequence[str], columns: Collection[str] | None = None
) -> pd.DataFrame:
    """The marked responses of a source, for the verb that runs.

    Args:
        reader: what the composed command lends.
        source: where the responses are.
        rules: names of the exclusion rules that mark.
        columns: those needed, beside what the rules need; all if left out.

    Raises: `AnalysisError` where the source cannot be read, and where the verb has no results for its task.
    """
    from analysis.responses.sources import read_responses
    from analysis.tasks.registry import require_results, task_of

    found = read_responses(source, reader.study_rows, rules, columns)
    verb = click.get_current_context().command.name or ""
    require_results(task_of(found), verb, source)
    note_who_answered(found)
    return found


def trial_counts(reader: StudyReader, source: str, named_rules: str | None = None) -> TrialCounts:
    """Numbers of answers by shift, of a source of responses or of one that holds just these.

    Raises: `AnalysisError` where the source cannot be read, or no response is left to analyse.
    """
    return counts_and_responses(reader, source, named_rules)[0]


def counts_and_responses(
    reader: StudyReader, source: str, named_rules: str | None = None
) -> tuple[TrialCounts, pd.DataFrame | None]:
    """The same, and the responses that were counted; None where the source holds numbers of answers alone.

    Raises: `AnalysisError` where the source cannot be read, or no response is left to analyse.
    """
    from analysis.errors import AnalysisError
    from analysis.responses.sources import is_counts
    from analysis.trial_counts import COUNTED_COLUMNS, TrialCounts, read_counts

    if is_counts(source):
        if named_rules is not None:
            raise AnalysisError(
                f"{source} holds numbers of answers, to which no rule can be applied; leave out --rules."
            )
        return read_counts(source), None
    rules = rules_for(reader, source, named_rules)
    responses = responses_for(reader, source, rules, (*COUNTED_COLUMNS, "shift_arcmin"))
    return TrialCounts.of(responses), responses


def store_figure(path: Path | None, plot: Callable[[Axes], None], size: tuple[float, float] = (5.2, 3.2)) -> None:
    """Draw a figure of `size` inches into the file of `--figure`, if one was named, and say so."""
    from analysis.figure_style import draw, save

    if path is not None:
        save(draw(plot, size, label()), path)
        click.echo(f"Wrote {path}.", err=True)


def point(estimate: Estimate, digits: int) -> str:
    """An estimate without its interval, for a terminal."""
    return "—" if estimate.estimate is None else f"{estimate.estimate:.{digits}f}"


def shown(estimate: Estimate, digits: int, unit: str = "") -> str:
    """An estimate with its interval, for a terminal."""
    if estimate.estimate is None:
        return f"— ({estimate.method})"
    interval = ""
    if estimate.low is not None and estimate.high is not None:
        interval = f"  ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"
    return f"{estimate.estimate:.{digits}f}{unit}{interval}"
