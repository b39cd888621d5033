"""A table of triplets as text for a terminal, as CSV and as LaTeX."""

from __future__ import annotations

import csv
import io

from analysis.triplets.cells import escaped, latex_cell, text_cell
from analysis.triplets.comparisons import said
from analysis.triplets.rows import Printed, Row, printed
from analysis.triplets.table import LINE, TripletTable, lines


def as_text(table: TripletTable) -> str:
    """The table with the paper's beside, figures by category, a sentence for each comparison, and what to know."""
    text = [_header(table), "", *_main(printed(table)), *_categories(table)]
    if table.comparisons:
        text += ["", *said(table.comparisons)]
    if notes := [*table.paper_notes, *table.notes]:
        text += ["", *notes]
    return "\n".join([*text, "", *_explained(table)])


def as_csv(table: TripletTable) -> str:
    """One line a figure under a header: of our metrics by category, of people and chance, of the paper."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(LINE)
    writer.writerows(lines(table))
    return stream.getvalue().removesuffix("\n")


def as_latex(table: TripletTable) -> str:
    r"""A tabular with the rules of the booktabs package, to be put into a `table` environment."""
    shown = printed(table)
    columns = 1 + len(shown.shifts)
    flips = "No.\\ of rank flips" if shown.counts else r"$r_{rf}$, \%"
    head = [r"% needs \usepackage{booktabs}", rf"\begin{{tabular}}{{l{'r' * columns}}}", r"\toprule"]
    if shown.shifts:
        head += [
            rf"& & \multicolumn{{{len(shown.shifts)}}}{{c}}{{{flips}}} \\",
            rf"\cmidrule(lr){{3-{columns + 1}}}",
        ]
    names = ["Metric", shown.score.replace("%", r"\%"), *(f"{shift} px" for shift in shown.shifts)]
    body = [" & ".join(names) + r" \\"]
    for title, rows in shown.parts:
        body.append(r"\midrule")
        if title:
            body.append(rf"\multicolumn{{{columns + 1}}}{{l}}{{{escaped(title)}}} \\")
        for row in rows:
            cells = [latex_cell(estimate, digits) for estimate, digits in zip(row.figures, shown.digits, strict=True)]
            body.append(" & ".join([(r"\quad " if row.beside else "") + escaped(row.label), *cells]) + r" \\")
    return "\n".join([*head, *body, r"\bottomrule", r"\end{tabular}"])


def _header(table: TripletTable) -> str:
    count = len(table.categories)
    people = {"human": "people's votes", "simulated observers": "votes of simulated observers"}.get(
        table.votes, "votes by a rule"
    )
    each = "" if table.ceiling.votes_each is None else f", {table.ceiling.votes_each} on each"
    if table.size_px is not None:
        size = f"images resized to {table.size_px} px"
    else:
        size = "images of their own size" if table.size_stated else "images of a size that the files do not say"
    kinds = f" in {count} categories" if count > 1 else ""
    return f"{table.samples:,} triplets of {_set(table)}{kinds}; {size}; {people}{each}"


def _set(table: TripletTable) -> str:
    """What the triplets are of: a study's own, or made ones, are in BAPPS's layout and not BAPPS."""
    own = table.votes != "human" or "study" in table.categories
    return "a set of BAPPS's layout" if table.set == "bapps" and own else table.set.upper()


def _explained(table: TripletTable) -> list[str]:
    ties = {metric.name: metric.ties for metric in table.metrics if metric.ties}
    counted = f" ({', '.join(f'{name} has {count:,}' for name, count in ties.items())})" if ties else ""
    score = "Accuracy" if table.set == "clic" else "2AFC"
    text = [
        f"Intervals: {table.metrics[0].two_afc_interval.method}. Comparisons: Holm's correction within each outcome.",
        f"{score}: share of people who prefer the image that the metric finds nearer; a tie counts half{counted}.",
    ]
    if table.ceiling.one_person is not None:
        text += [
            "Best answers: what most voters of each triplet said; none scores higher, and nobody so high on new votes.",
            "Majority of the others: scored by the one left out; who knows what people prefer scores this at least.",
            "One more person: how often one agrees with another; j² + (1 − j)², mostly given for it, is too high with "
            f"{table.ceiling.votes_each} votes.",
        ]
    return text


def _main(shown: Printed) -> list[str]:
    unit = "" if shown.counts else ", %"
    flips = [f"{'Rank flips' + unit + ': ' if place == 0 else ''}{s} px" for place, s in enumerate(shown.shifts)]
    head = ["", shown.score, *flips]
    drawn: list[list[str]] = [head]
    for title, rows in shown.parts:
        drawn.append([])
        if title:
            drawn.append([title])
        drawn += [[_label(row), *_cells(row, shown.digits)] for row in rows]
    widths = [max(len(line[n]) for line in drawn if len(line) == len(head)) for n in range(len(head))]
    rule = "─" * (sum(widths) + 3 * (len(widths) - 1))
    return [
        "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)).rstrip() if line else rule
        for line in drawn
    ]


def _label(row: Row) -> str:
    return f"  {row.label}" if row.beside else row.label


def _cells(row: Row, digits: tuple[int, ...]) -> list[str]:
    return [text_cell(estimate, places) for estimate, places in zip(row.figures, digits, strict=True)]


def _categories(table: TripletTable) -> list[str]:
    if len(table.categories) < 2:
        return []
    blocks = [("2AFC, %", [[row.two_afc for row in metric.rows] for metric in table.metrics])]
    for shift in table.shifts_px:
        rates = [[row.rank_flip_rate[shift] for row in metric.rows] for metric in table.metrics]
        blocks.append((f"Flips at {shift} px, %", rates))
    names = [metric.name for metric in table.metrics]
    first = max(map(len, [*names, *(title for title, _ in blocks)]))
    widths = [max(len(name), len(f"{count:,}"), 5) for name, count in table.categories.items()]
    text: list[str] = []
    for title, figures in blocks:
        text += ["", _line(title, list(table.categories), first, widths)]
        text += [
            _line(name, [f"{v:.2f}" for v in row], first, widths) for name, row in zip(names, figures, strict=True)
        ]
    return [*text, _line("Triplets", [f"{count:,}" for count in table.categories.values()], first, widths)]


def _line(label: str, cells: list[str], first: int, widths: list[int]) -> str:
    shown = [label.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))]
    return "   ".join(shown).rstrip()
