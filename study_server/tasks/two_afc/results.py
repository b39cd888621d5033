"""Which images were preferred, and how often people change their mind: what a dashboard shows of a 2afc study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from operator import itemgetter
from typing import Any

from study_server.tasks.charts import shares
from study_server.tasks.dashboard import SHIFTS, Answers, Cell, Given, ResultsChart, ResultsTable, results
from study_server.tasks.two_afc.validation import preferred
from study_server.tasks.wilson import Share


@dataclass(frozen=True)
class Preferences:
    """Counted answers; each of the mappings is by shift in pixels, of those shifts that have any.

    first: how many of the first answers to triplets that are no catch triplets prefer the image `first`.
    catch: how many answers to catch triplets are right.
    flips: of people who answered a triplet unshifted and shifted, how many preferred another image.
    retest: of people who were asked about the same stimulus twice, how many preferred another image.
    """

    first: Mapping[int, Share]
    catch: Mapping[int, Share]
    flips: Mapping[int, Share]
    retest: Mapping[int, Share]

    @classmethod
    def of(cls, given: Iterable[Given]) -> Preferences:
        """Of all these answers, those of a participant together."""
        counts = tuple(_Count() for _ in fields(cls))
        for _, answers in groupby(given, key=itemgetter(0)):  # the participant
            _count(answers, *counts)
        return cls(*map(_shares, counts))


_Count = Counter[tuple[int, bool]]
"""(shift in pixels, whether it is so) → how often."""


def _count(answers: Iterator[Given], first: _Count, catch: _Count, flips: _Count, retest: _Count) -> None:
    """Add the answers of one participant. There are many, so that each may take no more time than it must."""
    chosen: dict[tuple[str, int], str] = {}
    again: list[tuple[tuple[str, int], str]] = []
    for _, stimulus, arrangement, repetition, response, _ in answers:
        image = preferred(arrangement, response)
        if truth := stimulus.values["catch_answer"]:
            catch[stimulus.stratum, image == truth] += 1
        elif repetition == 1:
            chosen[stimulus.group, stimulus.stratum] = image
        else:
            again.append(((stimulus.group, stimulus.stratum), image))
    for (triplet, shift), image in chosen.items():
        first[shift, image == "first"] += 1
        if shift > 0 and (unshifted := chosen.get((triplet, 0))):
            flips[shift, image != unshifted] += 1
    for version, image in again:
        if before := chosen.get(version):
            retest[version[1], image != before] += 1


def _shares(count: _Count) -> dict[int, Share]:
    shifts = {shift for shift, _ in count}
    return {shift: Share(count[shift, True], count[shift, True] + count[shift, False]) for shift in shifts}


_NOTHING = Share(0, 0)


def preferences(answers: Answers) -> dict[str, Any]:
    """What the page of preferences shows."""
    given = (answer for answer in answers.one_by_one() if answer.accepted or not answers.accepted_only)
    found, shifts = Preferences.of(given), answers.settings.stimuli.shifts
    moved = [shift for shift in shifts if shift > 0]
    again = sum(found.retest.values(), _NOTHING)
    levels = [] if again.percent is None else [(again.percent, f"asked twice: {again.percent:.1f} %")]
    chart = shares(
        [(shift, found.flips.get(shift, _NOTHING)) for shift in moved],
        x_title=SHIFTS.axis, y_title="preferred another image, %", largest=max(shifts), levels=levels,
    )  # fmt: skip
    about = (
        "Share of answers that preferred another image once both were shifted, by shift, with intervals; the table of "
        "flips says the same"
    )
    flips = ResultsTable(
        "flips",
        "Flips",
        ("a person's answers to a triplet", "pairs", "differ", "%", "95 % interval"),
        [
            *((f"unshifted and by {shift} px", *_cells(found.flips.get(shift, _NOTHING))) for shift in moved),
            ("the same version, asked twice", *_cells(again)),
        ],
        note="How often they differ where the same is asked twice is how often people change their mind without a "
        "cause. The intervals take pairs as independent, though those of a person or of a triplet are alike: those of "
        "shift-study flips are for other people and other photographs. Here every pair counts the same, there every "
        "triplet: with different numbers of pairs the shares differ.",
    )
    first = _by_shift("preferred", "Preferred images", "first preferred", found.first, shifts)
    catch = _by_shift("catch", "Catch triplets", "right", found.catch, shifts)
    return results(LEAD, [ResultsChart("flips", "Flips by shift", about, chart)], [flips, first, catch])


LEAD = (
    "Which of two distorted images people found more similar to the reference, and how often the same person preferred "
    "the other one once both were shifted. Catch triplets are in the last table alone, and what was asked a second "
    "time counts only as such."
)


def _by_shift(name: str, title: str, counted: str, found: Mapping[int, Share], shifts: Sequence[int]) -> ResultsTable:
    rows: list[Sequence[Cell]] = [(shift, *_cells(found.get(shift, _NOTHING))) for shift in shifts]
    rows.append(("all", *_cells(sum(found.values(), _NOTHING))))
    return ResultsTable(name, title, (SHIFTS.column, "answers", counted, "%", "95 % interval"), rows, total=True)


def _cells(share: Share) -> tuple[Cell, ...]:
    return share.of, share.number, share.percent, share.interval
