"""Tables of a report in files: texts that no spreadsheet takes for a formula, and figures with nothing rounded."""

from __future__ import annotations

import pandas as pd

from analysis.report.content import Table
from analysis.report.table_files import as_csv


def test_texts_are_no_formulae_and_figures_are_as_they_were() -> None:
    frame = pd.DataFrame(
        {
            "reason": pd.Series(["=1+1", "validation", None], dtype="string"),
            "mixed": ["@x", -1.5, None],
            "change": [-0.1 - 0.2, 1e-9, 2.0],
            "count": pd.Series([-1, None, 3], dtype="Int64"),
        }
    )
    text = as_csv(Table("reasons", "", ("reason",), (), frame))
    assert text == ("reason,mixed,change,count\n'=1+1,'@x,-0.30000000000000004,-1\nvalidation,-1.5,1e-09,\n,,2.0,3\n")
    assert frame["reason"][0] == "=1+1"  # the report's own is left alone
