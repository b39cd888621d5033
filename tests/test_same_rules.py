"""What two packages must both know, and cannot share because they import nothing of each other, is the same in both."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert, text

from analysis.observers.table1 import table1
from analysis.responses.csv_cells import guarded, unguarded
from analysis.tasks.same_different_rules import catch_dprime, validation
from analysis.wilson import wilson_interval
from study_server.csv_cells import guarded as guarded_by_the_server
from study_server.storage.migrations import v0001_first_tables as v0001
from study_server.storage.upgrade import migrate
from study_server.tasks.dashboard import Counted
from study_server.tasks.same_different.results import count_shifts
from study_server.tasks.same_different.validation import CatchTrials, passes_validation, reaches_dprime
from study_server.tasks.wilson import wilson

LARGEST = 9
Answers = list[tuple[int, str]]
"""(shift in pixels, answer) of one participant."""

OTHERS: Answers = [(0, "same"), (LARGEST, "different")]
"""Somebody else, who makes the largest shift of the study what it is."""

some_answers: st.SearchStrategy[Answers] = st.lists(
    st.tuples(st.sampled_from([0, 1, LARGEST]), st.sampled_from(["same", "different"])), max_size=20
)


COLUMNS = [
    "study", "participant", "pair", "shift_px", "response", "excluded", "exclusion_reason", "participant_state",
]  # fmt: skip
"""Those of the tidy response table that the rules and Table 1 look at."""


def mistakes(shift_px: int, wrong: int, of: int) -> Answers:
    """So many answers to pairs of a shift, some of which are wrong."""
    right, mistake = ("same", "different") if shift_px == 0 else ("different", "same")
    return [(shift_px, mistake)] * wrong + [(shift_px, right)] * (of - wrong)


TWO_THIRDS = [
    [],
    *([one] for one in [(0, "same"), (0, "different"), (LARGEST, "same"), (LARGEST, "different"), (1, "same")]),
    *(mistakes(shift, wrong, of) for shift in (0, LARGEST) for of in (1, 2, 3, 6, 7) for wrong in range(of + 1)),
    [*mistakes(0, 2, 3), *mistakes(LARGEST, 2, 3)],
    [*mistakes(0, 3, 3), *mistakes(LARGEST, 2, 3)],
    [*mistakes(0, 2, 3), *mistakes(LARGEST, 3, 3)],
]
"""At two thirds, above and below, and with few answers."""


def paper(answers: Answers) -> bool:
    """Whether a participant passes, in the words of the paper (Ghildyal & Liu 2022, Section 3)."""
    counts = Counter(answers)
    for shift, wrong in ((0, "different"), (LARGEST, "same")):
        shown = counts[shift, "same"] + counts[shift, "different"]
        if shown and Fraction(counts[shift, wrong], shown) > Fraction(2, 3):
            return False
    return True


def responses(people: Iterable[Answers]) -> pd.DataFrame:
    """What people answered, as a tidy response table."""
    rows = [
        ("study", f"p{number}", f"{trial}_{shift}", shift, answer, False, "", "finished")
        for number, answers in enumerate(people)
        for trial, (shift, answer) in enumerate(answers)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


@settings(max_examples=40)
@given(st.lists(some_answers, max_size=8))
@example(TWO_THIRDS)
def test_who_passes_the_validation_test_passes_it_in_the_analysis(people: list[Answers]) -> None:
    everybody = [*people, OTHERS]
    table = responses(everybody)
    marked, assessed = validation(table)
    fails = dict(zip(table["participant"], marked.tolist(), strict=True))
    assert assessed.all()
    for number, answers in enumerate(everybody):
        assert passes_validation(CatchTrials.of(answers, LARGEST)) is paper(answers)
        assert fails.get(f"p{number}", False) is not paper(answers)  # who gave no answer has no row


@pytest.mark.parametrize("least", [0.5, 1.0, 2.0])
def test_whose_sensitivity_is_too_low_is_the_same_in_the_analysis(least: float) -> None:
    counts = [(zero, z, largest, w) for zero, largest in ((1, 1), (5, 5), (2, 7), (10, 3), (0, 4), (4, 0))
              for z in range(zero + 1) for w in range(largest + 1)]  # fmt: skip
    people = [mistakes(0, z, zero) + mistakes(LARGEST, w, largest) for zero, z, largest, w in counts]
    table = responses([*people, OTHERS])
    marked, _ = catch_dprime(table, least)
    low = dict(zip(table["participant"], marked.tolist(), strict=True))
    for number, answers in enumerate(people):
        assert reaches_dprime(CatchTrials.of(answers, LARGEST), least) is not low[f"p{number}"], counts[number]


# --- texts in CSV files ----------------------------------------------------------------------------------------------

some_text = st.text(st.sampled_from("'=+-@\t\r\n＝＋－＠a1 \u2212") | st.characters(), max_size=6)  # and what is none
FORMULAE = [
    "=1",
    "+1",
    "-1",
    "@x",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    "'=1",
    "''@x",
    "'",
    "''",
    "",
    "'a",
]


@settings(max_examples=500)
@given(some_text)
@example("=cmd|' /C calc'!A0")
def test_a_text_is_guarded_alike_by_the_server_and_the_analysis_and_comes_back(text: str) -> None:
    cell = guarded_by_the_server(text)
    assert cell == guarded(text)
    assert unguarded(cell) == text
    assert cell[:1] not in tuple("=+-@\t\r\n＝＋－＠")
    assert cell in (text, f"'{text}")


def test_texts_that_differ_differ_as_cells() -> None:
    assert [text for text in FORMULAE if guarded(text) == text] == ["'", "''", "", "'a"]
    assert len({guarded(text) for text in FORMULAE}) == len(FORMULAE)
    assert [guarded_by_the_server(text) for text in FORMULAE] == [guarded(text) for text in FORMULAE]
    assert [unguarded(guarded(text)) for text in FORMULAE] == FORMULAE
    assert [unguarded(text) for text in ("=1", "'", "'a", "''")] == ["=1", "'", "'a", "''"]  # of an earlier version


# --- the migration ---------------------------------------------------------------------------------------------------


def judged_by_the_migration(people: list[Answers]) -> list[bool | None]:
    """What the migration from the first tables says of participants who have given these answers."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection, warnings.catch_warnings():
        # Python's own way of storing moments, which the first tables are filled by; the application has another.
        warnings.simplefilter("ignore", DeprecationWarning)
        migrate(connection, None, "0001")
        for name, rows in _first_tables(people).items():
            if rows:
                connection.execute(insert(v0001.metadata.tables[name]), rows)
        migrate(connection, "0001", "0002")
        passed = connection.scalars(text("SELECT passed FROM participant ORDER BY number")).all()
    engine.dispose()
    return [None if found is None else bool(found) for found in passed]


def _first_tables(people: list[Answers]) -> dict[str, list[dict[str, Any]]]:
    """The rows of a study whose n-th image is that of everybody's n-th trial."""
    moment = datetime(2026, 3, 1)
    most = max(map(len, people), default=0)
    pairs = {(image, shift): image * (LARGEST + 1) + shift + 1 for image in range(most) for shift in (0, 1, LARGEST)}
    answers = [
        (number, trial, *given) for number, all_given in enumerate(people) for trial, given in enumerate(all_given)
    ]
    ids = dict(zip(((number, trial) for number, trial, *_ in answers), range(1, len(answers) + 1), strict=True))
    return {
        "study": [{"id": 1, "name": "study", "settings": "{}", "manifest_sha256": "", "simulation_key": ""}],
        "image": [
            {"id": image + 1, "study_id": 1, "name": f"{image}", "source_file": "", "licence": ""}
            for image in range(most)
        ],
        "pair": [
            {"id": id, "study_id": 1, "image_id": image + 1, "name": f"{image}_{shift}", "shift_px": shift,
             "direction": "right", "reference_file": "", "stimulus_file": ""}
            for (image, shift), id in pairs.items()
        ],
        "participant": [
            {"id": number + 1, "study_id": 1, "number": number + 1, "token": f"{number}", "slot": number,
             "stage": "questions", "simulated": False, "consented_at": moment, "last_seen_at": moment}
            for number in range(len(people))
        ],
        "trial": [
            {"id": ids[number, trial], "study_id": 1, "participant_id": number + 1, "pair_id": pairs[trial, shift],
             "position": trial + 1, "reference_side": "left", "token": f"{number}-{trial}",
             "left_token": f"{number}-{trial}-left", "right_token": f"{number}-{trial}-right"}
            for number, trial, shift, _ in answers
        ],
        "response": [
            {"trial_id": ids[number, trial], "idempotency_key": f"{number}-{trial}", "response": response,
             "reaction_time_ms": 1.0, "device_pixel_ratio": 1.0, "pixel_scale": 1, "viewport_width": 800,
             "viewport_height": 600, "hidden": False, "answered_at": moment}
            for number, trial, _, response in answers
        ],
    }  # fmt: skip


@settings(max_examples=15)
@given(st.lists(some_answers, max_size=8))
@example(TWO_THIRDS)
def test_who_passes_the_validation_test_passed_it_in_the_migration(people: list[Answers]) -> None:
    everybody = [*people, OTHERS]
    # Who answered everything has answered something: of nobody else does the migration say anything.
    assert judged_by_the_migration(everybody) == [
        passes_validation(CatchTrials.of(answers, LARGEST)) if answers else None for answers in everybody
    ]


# --- Table 1 ---------------------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(st.integers(1, 2000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
@example((0, 1))
@example((1, 1))
@example((0, 10))
@example((10, 10))
@example((2, 3))
def test_wilsons_interval_is_one(counts: tuple[int, int]) -> None:
    assert wilson(*counts) == pytest.approx(wilson_interval(*counts), abs=1e-12)
    assert (wilson(*counts)[0] == 0) is (wilson_interval(*counts)[0] == 0)
    assert (wilson(*counts)[1] == 1) is (wilson_interval(*counts)[1] == 1)


# Of each pair: shift, accepted answers "same" and "different", and further answers that are not accepted.
some_pairs = st.lists(st.tuples(st.sampled_from([0, 1, 9]), *[st.integers(0, 4)] * 4), max_size=12)


@settings(max_examples=60)
@given(some_pairs)
@example([(0, 1, 0, 0, 0)])
@example([(0, 1, 1, 0, 0), (0, 1, 1, 2, 2), (9, 0, 0, 1, 0), (9, 3, 1, 0, 0)])
def test_table_1_of_the_dashboard_is_that_of_the_analysis(pairs: list[tuple[int, int, int, int, int]]) -> None:
    rows, counts = [], []
    for number, (shift, same, different, left_out_same, left_out_different) in enumerate(pairs):
        name = f"{number}_{shift}"
        counts.append(
            Counted(
                name, f"{number}", shift, {"shift_px": shift, "direction": "right"},
                {"same": same + left_out_same, "different": different + left_out_different},
                {"same": same, "different": different},
            )
        )  # fmt: skip
        for used, answers in ((True, (same, different)), (False, (left_out_same, left_out_different))):
            for answer, count in zip(("same", "different"), answers, strict=True):
                rows += [("study", f"p{used}", name, shift, answer, not used, "" if used else "a reason")] * count
    table = pd.DataFrame(rows, columns=COLUMNS[:-1]).assign(participant_state="finished")
    if table["excluded"].all():
        return  # the analysis refuses a table without a response, and the dashboard's has no numbers
    theirs = {row.shift_px: row for row in table1(table).rows}
    ours = {row.shift_px: row for row in count_shifts(counts, accepted_only=True) if row.answers}
    assert list(ours) == list(theirs)
    for shift, row in ours.items():
        other = theirs[shift]
        assert (row.same, row.different, row.pairs) == (other.same, other.different, other.pairs)
        assert row.different_percent == pytest.approx(100 - other.same_percent)
        assert row.different_interval == pytest.approx((100 - other.same_high_percent, 100 - other.same_low_percent))
        assert (row.sd_mean, row.sd_sd) == (pytest.approx(other.sd_mean), pytest.approx(other.sd_sd, abs=1e-12))
