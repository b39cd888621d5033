"""Tables of flips and of 2AFC scores as text for a terminal, as CSV and as LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.results import Estimate
from analysis.triplets.cells import escaped, latex_cell, text_cell
from analysis.triplets.comparisons import said
from analysis.two_alternative.drawn_means import in_percent
from analysis.two_alternative.examples import Example
from analysis.two_alternative.flips import LINE as FLIP_LINE
from analysis.two_alternative.flips import FlipTable, PeopleFlips, beyond_retest
from analysis.two_alternative.flips import lines as flip_lines
from analysis.two_alternative.scale import PreferenceScale
from analysis.two_alternative.two_afc import LINE as SCORE_LINE
from analysis.two_alternative.two_afc import TwoAfcTable
from analysis.two_alternative.two_afc import lines as score_lines


@dataclass(frozen=True)
class Printed:
    """Columns, one a version, and lines in parts; an estimate is None where a line has none."""

    what: str
    shifts: tuple[int, ...]
    parts: tuple[tuple[tuple[str, tuple[Estimate | None, ...]], ...], ...]


PEOPLE_FLIPS = (
    ("flip_rate", "people"),
    ("excess", "people, less where the same is asked again"),
    ("disagreement_across", "two people, across the versions"),
    ("disagreement_within", "two people, within a version"),
    ("share_change", "mean squared change of shares"),
    ("majority_changes", "majorities that change"),
    ("majority_changes_by_chance", "majorities that would by chance"),
)
"""Fields of `PeopleFlips`, and what they are called."""
PEOPLE_SCORES = (
    ("best_answers", "best answers to these choices"),
    ("majority_of_others", "majority of the other people"),
    ("one_person", "one more person"),
)
"""Fields of `PeopleScores`, and what they are called."""
_MOST_SHARES = 30
SAME_ASKED = "people, the same asked again"


def printed_flips(table: FlipTable) -> Printed:
    """The lines of a table of flips: people, then metrics."""
    people = [(called, tuple(getattr(row, field) for row in table.rows)) for field, called in PEOPLE_FLIPS]
    people.insert(1, (SAME_ASKED, tuple(table.retest_rate for _ in table.rows)))
    names = dict.fromkeys(one.name for one in table.metrics)
    metrics = [(name, tuple(m.rank_flip_rate for m in table.metrics if m.name == name)) for name in names]
    return Printed("Flips, %", tuple(row.shift_px for row in table.rows), (tuple(people), tuple(metrics)))


def printed_scores(table: TwoAfcTable) -> Printed:
    """The lines of a table of 2AFC scores: metrics, then people and chance."""
    names = dict.fromkeys(one.name for one in table.metrics)
    metrics = [(name, tuple(one.two_afc for one in table.metrics if one.name == name)) for name in names]
    people = [(called, tuple(getattr(row, field) for row in table.rows)) for field, called in PEOPLE_SCORES]
    people.append(("the same person, asked again", tuple(table.same_again for _ in table.rows)))
    people.append(("chance", tuple(Estimate(table.chance, None, None, "chance") for _ in table.rows)))
    return Printed("2AFC, %", tuple(row.shift_px for row in table.rows), (tuple(metrics), tuple(people)))


def flips_text(table: FlipTable, examples: Sequence[Example]) -> str:
    """The table, a sentence for each comparison, examples, and what to know."""
    text = [_header(table), "", *_drawn(printed_flips(table)), "", *(_of_people(row) for row in table.rows)]
    if table.comparisons:
        text += ["", *said(table.comparisons)]
    if examples:
        text += ["", *_examples(examples)]
    method = next((row.flip_rate.method for row in table.rows if row.flip_rate.low is not None), None)
    text += ["", *table.notes, *([f"Intervals: {method}."] if method else [])]
    text += [
        "Flips: of people who judged a triplet in both versions, how many preferred another image; of metrics, in how",
        "many triplets another image is nearer (Ghildyal & Liu 2022, Eq. 2). Each triplet counts the same.",
    ]
    return "\n".join(text)


def scores_text(table: TwoAfcTable, scale: PreferenceScale) -> str:
    """The table, a sentence for each comparison, the shares of all stimuli, scales, and what to know."""
    text = [_header(table), "", *_drawn(printed_scores(table))]
    if table.comparisons:
        text += ["", *said(table.comparisons)]
    text += ["", "Share who prefer the second image, %"]
    rows = [("stimulus", "answers", "share")]
    rows += [
        (one.stimulus, f"{one.answers:,}", text_cell(in_percent(one.share_second), 1))
        for one in table.shares[:_MOST_SHARES]
    ]
    text += _aligned(rows)
    if len(table.shares) > _MOST_SHARES:
        text.append(f"… and {len(table.shares) - _MOST_SHARES:,} more: --csv or --json gives all.")
    if scale.rows:
        text += ["", "Bradley–Terry strengths (log-odds; larger: more similar to the reference)"]
        cells = [("reference of", "shift", "image", "answers", "strength")]
        cells += [
            (row.reference, f"{row.shift_px} px", row.image, f"{row.answers:,}", text_cell(row.strength, 2))
            for row in scale.rows
        ]
        text += _aligned(cells)
    estimates = [*(one.two_afc for one in table.metrics), *(row.one_person for row in table.rows)]
    method = next((one.method for one in estimates if one.low is not None), None)
    text += ["", *scale.left_out, *scale.notes, *table.notes, *([f"Intervals: {method}."] if method else [])]
    text += [
        "2AFC: share of people who prefer the image that the metric finds nearer; a tie counts half.",
        "Best answers: what most people preferred in each triplet; no metric scores higher on these answers.",
        "Majority of the others: scored by the one left out. One more person: how often two people agree.",
    ]
    return "\n".join(text)


def as_csv(table: FlipTable | TwoAfcTable) -> str:
    """One line a figure under a header, with nothing rounded."""
    if isinstance(table, FlipTable):
        return _csv(FLIP_LINE, flip_lines(table))
    return _csv(SCORE_LINE, score_lines(table))


def as_latex(table: FlipTable | TwoAfcTable) -> str:
    r"""A tabular with the rules of the booktabs package, to be put into a `table` environment."""
    shown = printed_flips(table) if isinstance(table, FlipTable) else printed_scores(table)
    names = [shown.what.replace("%", r"\%"), *(f"{shift} px" for shift in shown.shifts)]
    body = [r"% needs \usepackage{booktabs}", rf"\begin{{tabular}}{{l{'r' * len(shown.shifts)}}}", r"\toprule"]
    body.append(" & ".join(names) + r" \\")
    for part in filter(None, shown.parts):
        body.append(r"\midrule")
        body += [
            " & ".join([escaped(label), *(latex_cell(one, 2) for one in figures)]) + r" \\" for label, figures in part
        ]
    return "\n".join([*body, r"\bottomrule", r"\end{tabular}"])


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue().removesuffix("\n")


def _of_people(row: PeopleFlips) -> str:
    if row.flip_rate.estimate is None:
        return f"Nobody judged a triplet both unshifted and shifted by {row.shift_px} px."
    if row.excess_p is None:
        return f"At {row.shift_px} px it cannot be told whether people flip more than where the same is asked again."
    return (
        f"At {row.shift_px} px how often people flip {beyond_retest(row)} how often they do where the same is asked "
        f"again (p = {row.excess_p:.4f})."
    )


def _header(table: FlipTable | TwoAfcTable) -> str:
    of = "" if table.photographs == table.triplets else f" of {table.photographs:,} photographs"
    people = f"{table.participants:,} people" if table.participants else "people who are not known"
    return f"{table.triplets:,} triplets{of}, judged by {people}"


def _drawn(shown: Printed) -> list[str]:
    head = (shown.what, *(f"{shift} px" for shift in shown.shifts))
    rows = [(label, *(text_cell(one, 2) for one in figures)) for part in shown.parts for label, figures in part]
    lines = _aligned([head, *rows])
    rule = "─" * max(map(len, lines))
    found, place = [lines[0]], 1
    for part in filter(None, shown.parts):
        found += [rule, *lines[place : place + len(part)]]
        place += len(part)
    return found


def _examples(examples: Sequence[Example]) -> list[str]:
    shift = examples[0].shift_px
    rows: list[tuple[str, ...]] = [("Examples", "prefers the second, no shift", f"{shift} px", "flips, %")]
    for one in examples:
        distortions = " / ".join(filter(None, (one.distortion_first, one.distortion_second)))
        rows.append((f"{one.triplet}{f' ({distortions})' if distortions else ''}", "", "", ""))
        flips = "" if one.flip_rate is None else f"{one.flip_rate:.0f}"
        shares = [
            f"{100 * share:.0f}% of {count:,}"
            for share, count in ((one.share_second, one.answers), (one.share_second_shifted, one.answers_shifted))
        ]
        rows.append(("  people", *shares, flips))
        rows += [
            (f"  {metric.name}", metric.unshifted, metric.shifted, "flips" if metric.flips else "")
            for metric in one.metrics
        ]
    return _aligned(rows)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
