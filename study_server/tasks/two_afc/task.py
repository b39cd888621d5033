"""The two-alternative task (Ghildyal & Liu 2022, Figure 1): which of two images is more similar to the reference?

The same is asked of the images as they are, and of both shifted by some pixels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path

from study_server.errors import StudyError
from study_server.stimuli.directions import DIRECTIONS
from study_server.stimuli.manifest import stimulus_name
from study_server.tasks.task import (
    Answered,
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
    Verdict,
)
from study_server.tasks.two_afc.assigning import FIRST_LEFT, FIRST_RIGHT, TripletAssignment
from study_server.tasks.two_afc.chances import Chances, chances
from study_server.tasks.two_afc.dashboard import DASHBOARD
from study_server.tasks.two_afc.manifest_row import TripletRow
from study_server.tasks.two_afc.observer import Observer
from study_server.tasks.two_afc.setting_checks import check_settings
from study_server.tasks.two_afc.settings import TwoAfcSettings
from study_server.tasks.two_afc.validation import Checks, failed_rules, passes_validation, preferred
from study_server.tasks.two_afc.words import WORDS


class TwoAfc(Task[TwoAfcSettings]):
    """Strata: shifts of both distorted images; groups: triplets. The reference stands in the middle."""

    name = "2afc"
    about = "which of two distorted images is more similar to the reference, as they are and shifted"
    settings_type = TwoAfcSettings
    row_type = TripletRow
    places = ("left", "middle", "right")
    answers = ("left", "right")
    words = WORDS
    dashboard = DASHBOARD
    nouns = Nouns("stimulus", "stimuli", "triplet", "triplets")
    options = frozenset({"shifts", "at_each_shift", "direction", "distort"})
    columns = Columns(
        "stimulus",
        "triplet",
        manifest=("shift_px", "direction", "distortion_first", "distortion_second", "catch_answer"),
        trial={
            "first_side": lambda arrangement, _repetition: "left" if arrangement[0] == "first" else "right",
            "repetition": lambda _arrangement, repetition: repetition,
        },
        answer={"preferred": preferred},
    )

    # --- settings and stimuli -----------------------------------------------------------------------------------------

    def check_settings(self, settings: TwoAfcSettings, fail: Fail) -> None:
        check_settings(settings, fail)

    def keys(self, settings: TwoAfcSettings) -> dict[str, str]:
        return {settings.display.key_left: "left", settings.display.key_right: "right"}

    def plan_study(self, asked: NewStudy) -> Plan[TwoAfcSettings]:
        from study_server.tasks.two_afc.new_study import plan_study  # loads what reads images

        return plan_study(asked)

    def check_rows(self, rows: Sequence[TripletRow], settings: TwoAfcSettings, manifest: Path) -> None:
        s = settings.stimuli
        mend = "restore the one that was changed"
        wanted = {(f"{number + 1:05d}", shift) for number, shift in product(range(s.count), s.shifts)}
        found = {(row.triplet, row.shift_px) for row in rows}
        if lacking := wanted - found:
            raise StudyError(
                f"{manifest} lacks the stimulus {stimulus_name(*min(lacking))} that [stimuli] in study.toml speaks of: "
                f"{mend}"
            )
        if more := found - wanted:
            raise StudyError(
                f"{manifest} has the stimulus {stimulus_name(*min(more))}, of which [stimuli] in study.toml knows "
                f"nothing: {mend}"
            )
        ways = DIRECTIONS if s.direction == "mixed" else (s.direction,)
        if any(row.size != s.size or row.direction not in ways for row in rows):
            raise StudyError(f"{manifest} and [stimuli] in study.toml differ in size or direction: {mend}")
        if {int(row.triplet) for row in rows if row.catch_answer} != {*s.catches}:
            raise StudyError(f"{manifest} and stimuli.catches in study.toml differ in what are catch triplets: {mend}")

    def check_group(
        self, root: Path, rows: Sequence[TripletRow], source: str | None, distort: Distort | None = None
    ) -> tuple[list[str], bool]:
        from study_server.tasks.two_afc.check import check_triplet
        from study_server.tasks.two_afc.originals import originals_of

        return check_triplet(root, rows, originals_of(source, distort) if source is not None else None)

    def strata(self, settings: TwoAfcSettings) -> tuple[int, ...]:
        return tuple(settings.stimuli.shifts)

    def is_judged(self, row: TripletRow, settings: TwoAfcSettings) -> bool:
        return super().is_judged(row, settings) and (settings.trials.catches > 0 or not row.catch_answer)

    # --- assignment ---------------------------------------------------------------------------------------------------

    def design(self, settings: TwoAfcSettings) -> TripletAssignment:
        return TripletAssignment(settings)

    def plan_ahead(self, settings: TwoAfcSettings, slots: range) -> None:
        TripletAssignment(settings).plan_ahead(slots)

    def plan_trials(self, settings: TwoAfcSettings, slot: int, arrival: int) -> list[PlannedTrial]:
        return TripletAssignment(settings).trials(slot, arrival)

    def workload(self, settings: TwoAfcSettings) -> str:
        t = settings.trials
        *shifts, last = (f"{shift} px" for shift in settings.stimuli.shifts)
        versions = f"{', '.join(shifts)} and {last}" if shifts else last
        return (
            f"Each participant judges {self.design(settings).n_trials} sets of three images: {t.triplets} triplets "
            f"shifted by {versions}, at least {t.separation} trials apart; {t.retests or 'none'} of these asked twice, "
            f"and {t.catches or 'no'} catch triplets"
        )

    # --- practice -----------------------------------------------------------------------------------------------------

    def has_practice(self, settings: TwoAfcSettings) -> bool:
        return settings.practice.trials > 0

    def practice(self, settings: TwoAfcSettings, rows: Sequence[TripletRow]) -> list[PracticeTrial]:
        chosen = sorted((row for row in rows if row.shift_px == 0), key=lambda row: row.triplet)
        if len(chosen) < settings.practice.trials:
            raise StudyError(
                f"practice.trials in study.toml asks for {settings.practice.trials} trials, but there are practice "
                f"stimuli for {len(chosen)}"
            )
        trials = []
        for number, row in enumerate(chosen[: settings.practice.trials]):
            shown = (FIRST_LEFT, FIRST_RIGHT)[number // 2 % 2]
            truth = None
            if row.catch_answer:
                truth = "left" if shown[0] == row.catch_answer else "right"
            trials.append(PracticeTrial(row, shown, truth))
        return trials

    def example(self, rows: Sequence[TripletRow]) -> Example | None:
        row = next((row for row in rows if row.catch_answer), None)
        if row is None:
            return None
        return Example(row, FIRST_LEFT if row.catch_answer == "first" else FIRST_RIGHT)

    # --- validation ---------------------------------------------------------------------------------------------------

    def judge(self, answers: Sequence[Answered], settings: TwoAfcSettings) -> Verdict:
        checks = Checks.of(answers)
        return Verdict(passes_validation(checks), tuple(failed_rules(checks, settings.acceptance)))

    def chances(self, settings: TwoAfcSettings) -> Chances:
        return chances(settings.trials.catches, settings.trials.retests, settings.acceptance)

    def warnings(self, settings: TwoAfcSettings) -> list[str]:
        if settings.trials.catches:
            return []
        return [
            "Note: without catch triplets everybody passes the validation test. Make 10 triplets or more from "
            "photographs, or name what is obvious in the column catch_answer of triplets.csv"
        ]

    # --- simulation ---------------------------------------------------------------------------------------------------

    def arrangements(self, row: TripletRow) -> Iterable[Arrangement]:
        return (FIRST_LEFT, FIRST_RIGHT)

    def observer(self, lapse_rate: float = 0.0, side_bias: float = 0.0) -> Observer:
        return Observer(lapse_rate, side_bias)

    def tally(self, observer: Observer, settings: TwoAfcSettings, answers: Counter[tuple[int, str]]) -> list[Values]:
        return [
            {"shift_px": shift, "left": answers[shift, "left"], "right": answers[shift, "right"]}
            for shift in self.strata(settings)
        ]


TASK = TwoAfc()
