"""A task whose stimuli are shifted pairs; the strata are the shifts, the groups the images."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from operator import add
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from study_server.errors import StudyError
from study_server.stimuli.directions import DIRECTIONS, distance_px
from study_server.stimuli.manifest import stimulus_name
from study_server.tasks.assignment import STRATEGIES, Design
from study_server.tasks.dashboard import SHIFTS, Dashboard
from study_server.tasks.shifted_pairs.pair_row import PairRow
from study_server.tasks.shifted_pairs.setting_checks import catch_shifts, check_settings
from study_server.tasks.shifted_pairs.settings import ShiftedPairSettings
from study_server.tasks.task import (
    Arrangement,
    Columns,
    Distort,
    Example,
    Fail,
    NewStudy,
    Nouns,
    Plan,
    PlannedTrial,
    PracticeTrial,
    Task,
    Values,
)

S = TypeVar("S", bound=ShiftedPairSettings)


def pair_distance_px(values: Mapping[str, Any]) -> float:
    """How far the window of a pair moved, pixels."""
    return distance_px(values["shift_px"], values["direction"])


class ShiftedPairs(Task[S]):
    """Roles: `reference`, the crop where it was, and `shifted`, with its window moved."""

    row_type = PairRow
    dashboard = Dashboard(strata=SHIFTS)
    nouns = Nouns("pair", "pairs", "image", "images")
    options = frozenset({"max_shift", "shifts", "at_each_shift", "direction", "discriminating"})
    columns: ClassVar[Columns] = Columns("pair", "image", ("shift_px", "direction"), distance_px=pair_distance_px)

    # --- what a task of this kind says --------------------------------------------------------------------------------

    @abstractmethod
    def arrange(self, shift_px: int, rng: random.Random) -> Arrangement:
        """How a pair is shown: one of its arrangements by chance."""

    def judged_shifts(self, settings: S) -> tuple[int, ...]:
        """Shifts, pixels, of which participants judge pairs; all that there are."""
        return settings.stimuli.all_shifts

    @abstractmethod
    def practise(self, row: PairRow, number: int) -> tuple[Arrangement, str]:
        """How the practice trial of this number (from 1) is shown, and the right answer."""

    def new_settings(self) -> S:
        """The defaults of its settings."""
        return self.settings_type()  # type: ignore[return-value]

    # --- settings and stimuli -----------------------------------------------------------------------------------------

    def check_settings(self, settings: S, fail: Fail) -> None:
        check_settings(settings, self.judged_shifts(settings), fail)

    def plan_study(self, asked: NewStudy) -> Plan[S]:
        from study_server.tasks.shifted_pairs.new_study import plan_study  # loads what reads images

        return plan_study(asked, self.new_settings(), self.judged_shifts)

    def check_rows(self, rows: Sequence[PairRow], settings: S, manifest: Path) -> None:
        s = settings.stimuli
        images = {row.image for row in rows}
        if len(images) != s.count or len(rows) != s.count * len(s.all_shifts):
            said = ", ".join(map(str, s.shifts)) if s.shifts else f"0 to {s.max_shift}"
            raise StudyError(
                f"{manifest} has {len(rows)} pairs of {len(images)} images, but [stimuli] in study.toml says "
                f"{s.count} images with shifts {said}: restore the one that was changed"
            )
        missing = set(product(images, s.all_shifts)) - {(row.image, row.shift_px) for row in rows}
        if missing:
            raise StudyError(f"{manifest} lacks the pair {stimulus_name(*min(missing))}: restore it")
        ways = DIRECTIONS if s.direction == "mixed" else (s.direction,)
        if any(row.size != s.size or row.direction not in ways for row in rows):
            raise StudyError(
                f"{manifest} and [stimuli] in study.toml differ in size or direction: restore the one that was changed"
            )

    def check_group(
        self, root: Path, rows: Sequence[PairRow], source: str | None, distort: Distort | None = None
    ) -> tuple[list[str], bool]:
        from study_server.tasks.shifted_pairs.checking import check_image

        return check_image(root, rows, source)

    def strata(self, settings: S) -> tuple[int, ...]:
        return self.judged_shifts(settings)

    # --- assignment ---------------------------------------------------------------------------------------------------

    def design(self, settings: S) -> Design:
        trials, shifts = settings.trials, self.judged_shifts(settings)
        counts = trials.at_each_shift or [trials.per_shift] * len(shifts)
        more = [trials.more_catch * (shift in catch_shifts(shifts)) for shift in shifts]
        return Design(
            settings.stimuli.count,
            tuple(map(add, counts, more)),
            trials.seed,
            is_balanced=trials.strategy == "balanced",
        )

    def plan_ahead(self, settings: S, slots: range) -> None:
        planned = self.design(settings)
        for slot in planned.rounds_of(slots):
            STRATEGIES[settings.trials.strategy](planned, slot)

    def plan_trials(self, settings: S, slot: int, arrival: int) -> list[PlannedTrial]:
        cells = STRATEGIES[settings.trials.strategy](self.design(settings), slot)
        rng = random.Random(f"{settings.trials.seed}/order/{slot}/{arrival}")
        rng.shuffle(cells)
        shifts = self.judged_shifts(settings)
        return [PlannedTrial(image, shifts[place], self.arrange(shifts[place], rng)) for image, place in cells]

    def workload(self, settings: S) -> str:
        counts, shifts = self.design(settings).counts, self.judged_shifts(settings)
        each = f"{counts[0]} of each shift"
        if len(set(counts)) > 1:
            each = " and ".join(f"{count} of {shift} px" for shift, count in zip(shifts, counts, strict=True))
        text = f"Each participant judges {sum(counts)} pairs, {each.replace(' and ', ', ', len(counts) - 2)}"
        if settings.trials.strategy == "paper":
            least = sum(counts) if settings.trials.at_each_shift else len(shifts)
            text += f"; images are drawn at random and may repeat: the balanced strategy takes {least} images or more"
        return text

    # --- practice -----------------------------------------------------------------------------------------------------

    def has_practice(self, settings: S) -> bool:
        return bool(settings.practice.shifts)

    def practice(self, settings: S, rows: Sequence[PairRow]) -> list[PracticeTrial]:
        by_name = {row.pair: row for row in rows}
        images = sorted({row.image for row in rows})
        chosen = []
        for position, shift in enumerate(settings.practice.shifts):
            wanted = stimulus_name(images[position % len(images)], shift)
            if wanted not in by_name:
                raise StudyError(
                    f"practice.shifts in study.toml asks for {shift} px, but the practice stimuli have shifts up to "
                    f"{max(row.shift_px for row in rows)}"
                )
            arrangement, truth = self.practise(by_name[wanted], position + 1)
            chosen.append(PracticeTrial(by_name[wanted], arrangement, truth))
        return chosen

    def example(self, rows: Sequence[PairRow]) -> Example | None:
        row = max(rows, key=lambda row: row.shift_px, default=None)
        return Example(row, ("reference", "shifted"), self.places[:2]) if row else None

    def tally(self, observer: Any, settings: S, answers: Counter[tuple[int, str]]) -> list[Values]:
        return [
            {"shift_px": shift} | {answer: answers[shift, answer] for answer in self.answers}
            for shift in self.strata(settings)
        ]

    # --- simulation ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def arrangements(self, row: PairRow) -> Iterable[Arrangement]: ...
