"""The benchmark of Table 1 compares two programs that give the same table."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.exclusions.marking import mark
from analysis.observers.table1 import table1
from analysis.responses.tidy_table import from_rows
from benchmarks.table1_speed import answers, check, marked_by_apply, table_by_apply


def test_the_answers_are_a_valid_table() -> None:
    table = answers(200)
    pd.testing.assert_frame_equal(from_rows(table.to_dict("records")), table)


def test_both_programs_give_the_same_table() -> None:
    table = answers(2000)
    check(table1(mark(table)), table_by_apply(marked_by_apply(table)))
    with pytest.raises(ValueError, match="differ at 0 px"):
        check(table1(mark(table)), table_by_apply(marked_by_apply(answers(2000, seed=1))))
