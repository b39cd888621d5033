"""The same–different task of Ghildyal & Liu 2022, Section 3: a crop and its shifted version, the same or different?"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from study_server.tasks.same_different import guessing
from study_server.tasks.same_different.dashboard import DASHBOARD
from study_server.tasks.same_different.observer import Observer, reference_side
from study_server.tasks.same_different.settings import SameDifferentSettings
from study_server.tasks.same_different.validation import CatchTrials, failed_catch_rules, passes_validation
from study_server.tasks.same_different.words import WORDS
from study_server.tasks.shifted_pairs.pair_row import PairRow
from study_server.tasks.shifted_pairs.shifted_pairs import ShiftedPairs
from study_server.tasks.task import Answered, Arrangement, Fail, Values, Verdict

_LEFT: Arrangement = ("reference", "shifted")
_RIGHT: Arrangement = ("shifted", "reference")


class SameDifferent(ShiftedPairs[SameDifferentSettings]):
    """Strata: shifts from 0 px; the reference is on either side."""

    name = "same-different"
    about = "are two crops the same or different, one of them shifted by some pixels or by none"
    settings_type = SameDifferentSettings
    places = ("left", "right")
    answers = ("same", "different")
    words = WORDS
    dashboard = DASHBOARD
    columns = replace(
        ShiftedPairs.columns, trial={"reference_side": lambda arrangement, _repetition: reference_side(arrangement)}
    )

    def check_settings(self, settings: SameDifferentSettings, fail: Fail) -> None:
        super().check_settings(settings, fail)
        if settings.display.key_same == settings.display.key_different:
            fail(("display", "key_different"), "display.key_different is the key of «same»", "another key")

    def keys(self, settings: SameDifferentSettings) -> dict[str, str]:
        return {settings.display.key_same: "same", settings.display.key_different: "different"}

    def arrange(self, shift_px: int, rng: random.Random) -> Arrangement:
        return _LEFT if rng.random() < 0.5 else _RIGHT

    def practise(self, row: PairRow, number: int) -> tuple[Arrangement, str]:
        # The reference's side alternates: over practice as a whole neither side is special.
        return _LEFT if number % 2 else _RIGHT, "same" if row.shift_px == 0 else "different"

    def judge(self, answers: Sequence[Answered], settings: SameDifferentSettings) -> Verdict:
        given = ((answer.row.stratum, answer.response) for answer in answers)
        catch = CatchTrials.of(given, settings.stimuli.max_shift)
        return Verdict(passes_validation(catch), tuple(failed_catch_rules(catch, settings.acceptance)))

    def chances(self, settings: SameDifferentSettings) -> guessing.Chances:
        counts = self.design(settings).counts
        return guessing.chances(settings.acceptance, counts[0], counts[-1], settings.stimuli.max_shift)

    def warnings(self, settings: SameDifferentSettings) -> list[str]:
        counts = self.design(settings).counts
        if min(counts[0], counts[-1]) >= 3:
            return []
        return [
            "Note: with so few pairs without a shift or with the largest the validation rule can exclude a "
            f"participant for a single mistake; 5 of each shift take {5 * len(counts)} images"
        ]

    def arrangements(self, row: PairRow) -> Iterable[Arrangement]:
        return (_LEFT, _RIGHT)

    def observer(self, lapse_rate: float = 0.0, side_bias: float = 0.0) -> Observer:
        return Observer(lapse_rate, side_bias)

    def tally(
        self, observer: Observer, settings: SameDifferentSettings, answers: Counter[tuple[int, str]]
    ) -> list[Values]:
        return [
            {
                "shift_px": shift,
                "p_same": observer.p_same(shift),
                "answers": answers[shift, "same"] + answers[shift, "different"],
                "same": answers[shift, "same"],
            }
            for shift in self.strata(settings)
        ]

    def tally_text(self, rows: Sequence[Values]) -> list[str]:
        lines = [f"{'shift':>5} {'answers':>8} {'same':>6} {'same %':>7} {'truth %':>8}"]
        for row in rows:
            share = 100 * row["same"] / row["answers"] if row["answers"] else float("nan")
            lines.append(
                f"{row['shift_px']:>5} {row['answers']:>8} {row['same']:>6} {share:>7.1f} {100 * row['p_same']:>8.1f}"
            )
        return lines


TASK = SameDifferent()
