"""What a task declares for the dashboard: what its things are called there, and its pages of results.

A page of results gets what has been answered, and gives values for its template and data for its charts. It asks for
no more than it needs, for the database counts it then. The dashboard is in English, as all of these words are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from study_server.tasks.charts import Chart


class Fit(Protocol):
    """A psychometric function fitted to answers, with P(different) at a shift of x pixels."""

    threshold_px: float | None
    false_alarm_rate: float
    lapse_rate: float

    @property
    def misfit(self) -> str | None:
        """A sentence where it does not fit the answers, to stand beside the threshold; None where it does."""

    def probability(self, shift_px: Any) -> Any:
        """P(different) at each of the shifts."""


FitPsychometric = Callable[[Sequence[float], Sequence[int], Sequence[int]], Fit | None]
"""(shifts in pixels, answers «different», answers) → the fit, or None where these answers determine none."""


@dataclass(frozen=True)
class Judged:
    """A stimulus that participants judge."""

    stimulus: str
    """Its name."""
    group: str
    stratum: int
    values: Mapping[str, Any]
    """The manifest's columns that the task joins to responses."""


@dataclass(frozen=True)
class Counted(Judged):
    """How often a stimulus was answered: by answer, of all participants, and of those whose answers are accepted."""

    all: Mapping[str, int]
    used: Mapping[str, int]
    arrangement: tuple[str, ...] = ()
    """In which it was shown; () where all arrangements are counted together."""

    @property
    def n_all(self) -> int:
        """Answers of everybody."""
        return sum(self.all.values())

    @property
    def n_used(self) -> int:
        """Accepted answers."""
        return sum(self.used.values())

    def of(self, *, accepted_only: bool) -> Mapping[str, int]:
        """Answer → how often it was given, by everybody or by those whose answers are accepted."""
        return self.used if accepted_only else self.all


class Given(NamedTuple):
    """One answer. participant: a number that says no more than who gave which answers; to: what was judged."""

    participant: int
    to: Judged
    arrangement: tuple[str, ...]
    repetition: int
    response: str
    accepted: bool


class Answers(Protocol):
    """The answers of a study, as a page of results asks for them."""

    @property
    def settings(self) -> Any:
        """The study's, of the task's type."""

    @property
    def accepted_only(self) -> bool:
        """Whether the page is of accepted answers alone, not of everybody's. What is counted or listed has both."""

    @property
    def fit(self) -> FitPsychometric | None:
        """Fits a psychometric function; None where nothing does."""

    def by_stimulus(self) -> list[Counted]:
        """Every stimulus of the study, also those without answers."""

    def by_arrangement(self) -> list[Counted]:
        """Every stimulus in each arrangement that has an answer."""

    def one_by_one(self) -> Iterator[Given]:
        """Every answer, those of a participant together, in the order of the trials."""


Cell = str | int | float | tuple[float, float] | None
"""Of a table: a text, a number of something, a percentage, an interval of one, or nothing to say."""


@dataclass(frozen=True)
class ResultsTable:
    """A table of results. name: its id in the page. total: whether the last row sums up the others. note: below it."""

    name: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    total: bool = False
    note: str = ""


@dataclass(frozen=True)
class ResultsChart:
    """A chart of results. about: what it shows, for who cannot see it. The figures are in a table of the page too."""

    name: str
    title: str
    about: str
    chart: Chart


@dataclass(frozen=True)
class ResultsPage:
    """A page of results. slug: its address below /dashboard/, none of the dashboard's own.

    make: values for the template, `charts` among them: name → data of each. The template that is there without another
    shows `lead`, a text, `drawn`, a list of ResultsChart, and `tables`, a list of ResultsTable.
    """

    slug: str
    title: str
    make: Callable[[Answers], dict[str, Any]]
    template: str = "dashboard/results.html"


def results(lead: str, drawn: Sequence[ResultsChart], tables: Sequence[ResultsTable]) -> dict[str, Any]:
    """What the usual template of a page of results shows."""
    return {"lead": lead, "drawn": drawn, "tables": tables, "charts": {each.name: each.chart for each in drawn}}


@dataclass(frozen=True)
class StratumWords:
    """What the strata are called: above a column, along an axis, in a heading, and one by one."""

    column: str = "stratum"
    axis: str = "stratum"
    heading: str = "By stratum"
    each: str = "in each stratum"


SHIFTS = StratumWords("shift, px", "shift, pixels", "By shift", "at each shift")


@dataclass(frozen=True)
class Dashboard:
    """What the dashboard has of a task.

    answers: answer → what it is called in a chart; called: above a column of what was answered so. Both are the answer
    itself where they have none. rules: by the settings, whose answers the validation test lets pass, in sentences.
    """

    results: tuple[ResultsPage, ...] = ()
    strata: StratumWords = StratumWords()
    answers: Mapping[str, str] = field(default_factory=dict)
    called: Mapping[str, str] = field(default_factory=dict)
    rules: Callable[[Any], str] = lambda settings: ""
