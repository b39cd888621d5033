"""Table 1 as text for a terminal, as CSV and as LaTeX."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, fields

from analysis.observers.table1 import ShiftRow, Table1

_HEADINGS = ("Pixel shift", "Same", "Shifted", "Same %", "Std. per pair", "Pairs")


def as_text(table: Table1) -> str:
    """The table in the layout of the paper, with a line about what was excluded."""
    lines = [_HEADINGS, *(_cells(row, " ± ", "%") for row in table.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    drawn = ["   ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    rule = "─" * len(drawn[0])
    return "\n".join(
        [
            drawn[0],
            rule,
            *drawn[1:],
            rule,
            f"{table.responses:,} responses to {table.pairs:,} pairs. "
            "Std. per pair: mean ± standard deviation over pairs.",
            table.exclusions.to_text(),
        ]
    )


def as_csv(table: Table1) -> str:
    """One line a shift under a header of the field names of `ShiftRow`."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(field.name for field in fields(ShiftRow))
    writer.writerows(astuple(row) for row in table.rows)
    return stream.getvalue().removesuffix("\n")


def as_latex(table: Table1) -> str:
    r"""A tabular with the rules of the booktabs package, to be put into a `table` environment."""
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{tabular}{rrrrcr}",
        r"\toprule",
        r"& \multicolumn{3}{c}{Number of responses} & Avg.\ of std. & \\",
        r"\cmidrule(lr){2-4}",
        r"Pixel shift & Same & Shifted & Same\% & per pair & Pairs \\",
        r"\midrule",
        *(" & ".join(_cells(row, r" \pm ", r"\%", math="$")) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines)


def _cells(row: ShiftRow, plus_minus: str, percent: str, math: str = "") -> tuple[str, ...]:
    return (
        str(row.shift_px),
        str(row.same),
        str(row.different),
        f"{row.same_percent:.1f}{percent}",
        f"{math}{row.sd_mean:.2f}{plus_minus}{row.sd_sd:.2f}{math}",
        str(row.pairs),
    )
