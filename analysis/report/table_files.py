"""Tables of a report as CSV, with nothing rounded, and as LaTeX."""

from __future__ import annotations

from analysis.report.content import Table
from analysis.responses.csv_cells import guarded

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "\N{NO-BREAK SPACE}": "~",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "−": "$-$",
    "—": "---",
    "–": "--",
    "′": "$'$",
    "“": "``",
    "”": "''",
    "²": "$^2$",
    "Δ": r"$\Delta$",
    "α": r"$\alpha$",
    "γ": r"$\gamma$",
    "ρ": r"$\rho$",
    "χ": r"$\chi$",
    "τ": r"$\tau$",
    "×": r"$\times$",
    "≥": r"$\ge$",
    "<": "$<$",
    ">": "$>$",
}


def as_csv(table: Table) -> str:
    """One line a row of the frame behind the table, under its column names."""
    frame = table.frame.copy()
    for name in frame.select_dtypes(["object", "string"]):
        frame[name] = [guarded(value) if isinstance(value, str) else value for value in frame[name]]
    text: str = frame.to_csv(index=False, lineterminator="\n")
    return text


def as_latex(table: Table) -> str:
    r"""A `table` environment with its caption, and with the rules of the booktabs package."""
    columns = "".join("l" if index in table.texts else "r" for index in range(len(table.heads)))
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaped(table.caption)}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(map(escaped, table.heads)) + r" \\",
        r"\midrule",
        *(" & ".join(map(escaped, row)) + r" \\" for row in table.cells),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """A text in which LaTeX finds no commands, and no sign that its fonts lack."""
    return "".join(_SPECIAL.get(sign, sign) for sign in text)
