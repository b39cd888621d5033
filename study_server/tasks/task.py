"""What a task declares. All else of the server knows stimuli, strata, groups, places and answers, and no task."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, Protocol, TypeVar, runtime_checkable

from study_server.settings import Settings
from study_server.stimuli.manifest import ManifestRow
from study_server.tasks.assignment import Assignment
from study_server.tasks.dashboard import Dashboard
from study_server.tasks.words import Words

if TYPE_CHECKING:
    from study_server.stimuli.photographs import Pixels  # loads what reads images

Arrangement = tuple[str, ...]
"""The role of the image at each place, in the places' order."""

Fail = Callable[[tuple[str, ...], str, str], NoReturn]
"""Refuses a setting: where it is, what is wrong with it, and what is allowed."""

Distort = Callable[["Pixels", str, float, int], "Pixels"]
"""An image, the kind of a distortion, its strength in [0, 1] and a seed → the distorted image."""

Values = dict[str, Any]

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class PlannedTrial:
    """One trial of a participant: the stimulus of a group (an index) in a stratum, and how it is shown.

    repetition: 2 where the participant judges the same stimulus for the second time.
    """

    group: int
    stratum: int
    arrangement: Arrangement
    repetition: int = 1


@dataclass(frozen=True)
class Answered:
    """A trial with its answer; `row` is of the task's kind."""

    row: Any
    arrangement: Arrangement
    repetition: int
    response: str


@dataclass(frozen=True)
class Verdict:
    """Whether a participant's answers pass the task's validation test, and the names of other rules that they fail."""

    passed: bool
    failed_rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class PracticeTrial:
    """A trial with feedback. truth: the right answer; None where there is none, and no feedback."""

    row: ManifestRow
    arrangement: Arrangement
    truth: str | None


@dataclass(frozen=True)
class Example:
    """What the instructions show: images of a practice stimulus at their places.

    in_turn: two places whose images the page offers to show in turn; none where there is nothing to see in that.
    """

    row: ManifestRow
    arrangement: Arrangement
    in_turn: tuple[str, ...] = ()


@dataclass(frozen=True)
class Columns:
    """The task's own columns of the response table (docs/responses.md), beside the common ones.

    stimulus, group: names of the columns with the stimulus's name and its group's.
    manifest: columns joined from the manifest's.
    trial: column → its value, by arrangement and repetition.
    answer: column → its value, by arrangement and response.
    distance_px: of a stimulus's manifest columns, how far its image moved; gives the column shift_arcmin.
    """

    stimulus: str
    group: str
    manifest: tuple[str, ...] = ()
    trial: Mapping[str, Callable[[Arrangement, int], Any]] = field(default_factory=dict)
    answer: Mapping[str, Callable[[Arrangement, str], Any]] = field(default_factory=dict)
    distance_px: Callable[[Mapping[str, Any]], float] | None = None


@dataclass(frozen=True)
class Nouns:
    """What a stimulus and a group of stimuli are called by researchers, one and several."""

    stimulus: str
    stimuli: str
    group: str
    groups: str


class Chances(Protocol):
    """How often somebody who guesses passes a study's rules, and how often an honest observer fails them."""

    def to_json(self) -> dict[str, Any]: ...

    def to_text(self) -> str: ...


class Observer(Protocol):
    """A simulated observer."""

    def respond(self, row: Any, arrangement: Arrangement | None, rng: random.Random) -> tuple[str, float]:
        """An answer and a reaction time in ms. arrangement: None where several look the same."""


@runtime_checkable
class DifferingObserver(Observer, Protocol):
    """Simulated observers who differ from each other, each of whom is one in all trials of a participation."""

    def differing(self, **by: float) -> DifferingObserver:
        """The same with other standard deviations, such as `participant_sd`. Raises StudyError where they cannot be."""

    def drawn(self, rng: random.Random) -> Observer:
        """One of them."""


def one_of(observers: Observer, rng: random.Random) -> Observer:
    """Who takes part: one of observers who differ; where all are alike, the observer."""
    return observers.drawn(rng) if isinstance(observers, DifferingObserver) else observers


@dataclass(frozen=True)
class MadeStimuli(Generic[S]):
    """Rows of the manifest that were made, photographs that could not be used (name → reason), and how many could.

    settings: those of the study where they depend on what was made. remarks: name → what is odd about a photograph that
    was used.
    """

    rows: Sequence[ManifestRow]
    skipped: dict[str, str]
    used: int
    settings: S | None = None
    remarks: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan(Generic[S]):
    """A study that is to be made. make: writes stimuli and practice into a folder, whose settings.

    finish: called with the study's folder once it is there.
    """

    settings: S
    make: Callable[[Path], MadeStimuli[S]]
    finish: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class NewStudy:
    """What a study is to be made of, as `new` is asked for it.

    source: demo, a folder, or coco:SPLIT. count, size: None where the task is to say. options: those that not every
    task has, by name.
    """

    folder: Path
    source: str
    count: int | None
    size: int | None
    seed: int
    practice_images: str = "demo"
    coco_info: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


class Task(ABC, Generic[S]):
    """One kind of question. A task is an object of a subclass; what follows is what it says and does."""

    # --- what it is -------------------------------------------------------------------------------------------------

    name: ClassVar[str]
    """As in study.toml and in exports: letters, digits, '-'."""
    about: ClassVar[str]
    """In one line, for the command line."""
    settings_type: ClassVar[type[Settings]]
    row_type: ClassVar[type[ManifestRow]]
    """A row of its manifest: one stimulus."""
    places: ClassVar[tuple[str, ...]]
    """On the screen, from left to right."""
    answers: ClassVar[tuple[str, ...]]
    words: ClassVar[Words]
    columns: ClassVar[Columns]
    nouns: ClassVar[Nouns]
    dashboard: ClassVar[Dashboard] = Dashboard()
    """Its pages of results, and what is called what there."""
    options: ClassVar[frozenset[str]] = frozenset()
    """Options of `new` that it has beside those of every task."""

    # --- settings and stimuli -----------------------------------------------------------------------------------------

    @abstractmethod
    def check_settings(self, settings: S, fail: Fail) -> None:
        """Refuse settings that do not go together."""

    @abstractmethod
    def keys(self, settings: S) -> dict[str, str]:
        """Key → answer."""

    @abstractmethod
    def plan_study(self, asked: NewStudy) -> Plan[S]:
        """What a new study is made of. Raises StudyError."""

    @abstractmethod
    def check_rows(self, rows: Sequence[Any], settings: S, manifest: Path) -> None:
        """Raise StudyError where a manifest is not the whole set of stimuli that the settings speak of."""

    @abstractmethod
    def check_group(
        self, root: Path, rows: Sequence[Any], source: str | None, distort: Distort | None = None
    ) -> tuple[list[str], bool]:
        """Faults of the files of a group, and whether it was made again from its source (not tried without one).

        distort: what distorts photographs, where the command line has it.
        """

    @abstractmethod
    def strata(self, settings: S) -> tuple[int, ...]:
        """What tells the stimuli of a group apart, ascending: of each group there is one in each stratum."""

    def is_judged(self, row: Any, settings: S) -> bool:
        """Whether participants are ever asked about this stimulus."""
        return row.stratum in self.strata(settings)

    # --- assignment ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def design(self, settings: S) -> Assignment:
        """What is assigned."""

    @abstractmethod
    def plan_ahead(self, settings: S, slots: range) -> None:
        """Compute now what `plan_trials` will need for these slots."""

    @abstractmethod
    def plan_trials(self, settings: S, slot: int, arrival: int) -> list[PlannedTrial]:
        """A participant's trials in order. Stimuli depend on the slot; order and places on the arrival's number too,
        so that whoever gets a slot that was given up does not repeat its order."""

    # --- practice -----------------------------------------------------------------------------------------------------

    @abstractmethod
    def practice(self, settings: S, rows: Sequence[Any]) -> list[PracticeTrial]:
        """The practice trials in order, of the rows of the practice manifest."""

    @abstractmethod
    def has_practice(self, settings: S) -> bool:
        """Whether participants practise."""

    def example(self, rows: Sequence[Any]) -> Example | None:
        """What the instructions show, of the rows of the practice manifest."""
        return None

    # --- validation ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def judge(self, answers: Sequence[Answered], settings: S) -> Verdict:
        """Whether the answers of a participant who has answered everything pass the rules."""

    def chances(self, settings: S) -> Chances | None:
        """Who passes those rules; None where that is not known."""
        return None

    def warnings(self, settings: S) -> list[str]:
        """What a researcher should know of these settings before the study begins."""
        return []

    @abstractmethod
    def workload(self, settings: S) -> str:
        """What a participant does, in a sentence."""

    # --- simulation ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def arrangements(self, row: Any) -> Iterable[Arrangement]:
        """All ways in which a stimulus may be shown."""

    @abstractmethod
    def observer(self, lapse_rate: float = 0.0, side_bias: float = 0.0) -> Observer:
        """A simulated observer; lapse_rate: share of trials answered by a coin, in [0, 1]; side_bias in [-1, 1].

        Where they differ from each other, a `DifferingObserver`.
        """

    def tally(self, observer: Any, settings: S, answers: Counter[tuple[int, str]]) -> list[Values]:
        """What simulated observers answered: for each stratum, the number of each answer."""
        return [
            {"stratum": stratum} | {answer: answers[stratum, answer] for answer in self.answers}
            for stratum in self.strata(settings)
        ]

    def tally_text(self, rows: Sequence[Values]) -> list[str]:
        """The same as lines of a table."""
        names = list(rows[0]) if rows else []
        return [
            "  ".join(f"{name:>9}" for name in names),
            *("  ".join(f"{row[name]:>9}" for name in names) for row in rows),
        ]


def page_settings(task: Task[Any], settings: Settings) -> Values:
    """What the page needs to know to show trials. Nothing in it depends on any stimulus."""
    d = settings.display
    return {
        "size": settings.stimuli.size,
        "places": task.places,
        "pixelScale": d.pixel_scale,
        "gap": d.gap_px,
        "background": d.background,
        "fixationMs": d.fixation_ms,
        "interTrialMs": d.inter_trial_ms,
        "timeLimitMs": d.time_limit_ms,
        "keys": task.keys(settings),
    }
