"""What the study was, who is in it, and what they answered."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.agreement.selection import selection_note
from analysis.columns.participants import unknown_participants
from analysis.columns.simulated import WhoAnswered
from analysis.exclusions.chances import validation_chances
from analysis.exclusions.flow import exclusion_flow
from analysis.exclusions.flow_figure import plot_flow
from analysis.exclusions.marking import accepted
from analysis.figure_style import BLUE, SKY
from analysis.observers.table1 import Table1, table1
from analysis.report.content import Figure, Section, Table, counted, listed
from analysis.tasks.registry import task_of
from analysis.tasks.same_different import SAME_DIFFERENT

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_ASKED = {
    "same-different": "judged whether the two images of a pair were the same or not. The second image of a pair was a "
    "crop of the same photograph as the first",
    "odd-one-out": "were shown three images and named the one that was unlike the two others: of a pair, one image "
    "stood in one place and the other in two. The second image of a pair was a crop of the same photograph as the "
    "first",
    "2afc": "judged which of two distorted images was more similar to a reference. Both were crops of the distorted "
    "photographs",
}
"""What was asked, up to how far an image was moved, by the name of the task."""


def study_section(responses: pd.DataFrame) -> Section:
    """How the study was done, as far as its responses say."""
    kept = accepted(responses)
    shifts = sorted(kept["shift_px"].unique())
    task = task_of(kept)
    subject, picture = task.subject or "pair", task.picture or "image"
    pairs, images = kept[subject].nunique(), kept[picture].nunique()
    known = "photograph" in kept and kept["photograph"].notna().all()
    of = f" of {counted(kept['photograph'].nunique(), 'photograph')}" if known else ""
    people = _people(kept)
    text = [
        f"{counted(people, 'participant') if people else 'Participants'} {_ASKED.get(task.name, '')}, moved by "
        f"{shifts[0]} to {shifts[-1]} pixels{_directions(kept)}. There were {_several(pairs, subject)} of "
        f"{counted(images, picture)}{of} at {counted(len(shifts), 'shift')}."
    ]
    if people:
        each = kept.groupby("participant").size()
        text[0] += f" A participant gave {_range(each)} answers; "
    else:
        text[0] += f" {unknown_participants(kept)}; "
    text[0] += f"every {subject} got {_range(kept.groupby(subject).size())} answers that are analysed."
    who = WhoAnswered.of(responses).sentence
    if who:
        text.append(who)
    if not known:
        text.append("It is not known of which photographs the images are; each is taken as one of its own.")
    text += [sentence for sentence in (selection_note(responses), _display(kept), _time(kept)) if sentence]
    return Section("study", "Study", tuple(text))


def _several(count: int, subject: str) -> str:
    return f"{count:,} stimuli" if subject == "stimulus" and count != 1 else counted(count, subject)


def _people(responses: pd.DataFrame) -> int:
    return int(responses["participant"].nunique())


def _range(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,} (mean {counts.mean():.1f})"


def _directions(responses: pd.DataFrame) -> str:
    known = sorted(responses["direction"].dropna().unique())
    return (
        f" to the {listed(known)}"
        if known and set(known) <= {"left", "right"}
        else "".join([" " + listed(known)] if known else [])
    )


def _display(responses: pd.DataFrame) -> str:
    scale = responses["pixel_scale"].dropna()
    if scale.empty:
        return ""
    shares = scale.value_counts(normalize=True).sort_index()
    drawn = listed([f"{k} × {k} ({100 * share:.0f}%)" for k, share in shares.items()])
    text = f"Each pixel of an image was drawn as k × k pixels of the display: {drawn} of the trials."
    degree = responses["pixels_per_degree"].dropna()
    if len(degree):
        text += f" A degree of visual angle held {degree.median():.0f} pixels of an image (median)."
    if "reference_side" in responses and len(reference := responses["reference_side"].dropna()):
        text += f" The reference stood on the left in {100 * (reference == 'left').mean():.0f}% of the trials."
    return text


def _time(responses: pd.DataFrame) -> str:
    times = pd.to_datetime(responses["answered_at"].dropna(), utc=True, format="ISO8601")
    if times.empty:
        return ""
    first, last = (f"{moment:%-d %B %Y}" for moment in (times.min(), times.max()))
    return f"Answers were given on {first}." if first == last else f"Answers were given from {first} to {last}."


def participants_section(responses: pd.DataFrame, rules: Sequence[str]) -> Section:
    """Who was assessed, left out and analysed; and whom the paper's rule catches."""
    flow = exclusion_flow(responses, rules)
    chances = validation_chances(responses) if task_of(responses) is SAME_DIFFERENT else None
    text = [
        f"Rules mark responses, they remove none. Of {counted(flow.responses, 'response')}"
        + (f" of {counted(flow.participants, 'participant')}" if flow.participants else "")
        + f", {flow.responses_analysed:,}"
        + (f" of {flow.participants_analysed:,}" if flow.participants else "")
        + " are analysed."
    ]
    left_out = [
        f"The rule {step.reason} could not be applied: the source does not say what it needs."
        for step in flow.rows
        if step.reason in flow.not_applied
    ]
    if chances is not None and "validation" in rules:
        text.append(chances.to_text())
        text.append(
            "The validation test therefore keeps most participants who guess; d′ of the catch trials and the rates of "
            "each participant below tell more."
            if chances.guessing < 0.8
            else "The validation test therefore catches most participants who guess."
        )
    frame = flow.to_frame()
    known = flow.participants > 0
    rows = [("Assessed", _count(flow.participants, known), f"{flow.responses:,}", "")]
    rows += [(step.reason, _count(step.participants, known), f"{step.responses:,}", step.meaning) for step in flow.rows]
    rows.append(("Analysed", _count(flow.participants_analysed, known), f"{flow.responses_analysed:,}", ""))
    table = Table(
        "participants",
        "Participants and responses: assessed, left out for each reason (each counts once, for the first), analysed.",
        ("", "Participants", "Responses", "Reason"),
        tuple(rows),
        frame,
        texts=(0, 3),
    )
    figure = Figure(
        "flow",
        "Flow of participants and responses.",
        f"{flow.responses:,} responses assessed, {flow.responses_analysed:,} analysed.",
        lambda ax: plot_flow(flow, ax),
        (6.4, 1.2 + 0.62 * len(flow.rows)),
    )
    results = {"exclusions": flow.to_json()} | ({"validation_chances": chances.to_json()} if chances else {})
    return Section("participants", "Participants", tuple(text), (figure, table), tuple(left_out), results)


def _count(participants: int, known: bool) -> str:
    return f"{participants:,}" if known else "—"


def answers_section(responses: pd.DataFrame, rules: Sequence[str]) -> Section:
    """Table 1 beside the paper's, and the answers by shift as stacked bars."""
    found = table1(responses, rules)
    papers = _papers_table()
    rows = []
    for row in found.rows:
        theirs = papers.get(row.shift_px)
        rows.append(
            (
                str(row.shift_px),
                f"{row.same:,}",
                f"{row.different:,}",
                f"{row.same_percent:.1f} [{row.same_low_percent:.1f}, {row.same_high_percent:.1f}]",
                f"{row.sd_mean:.2f} ± {row.sd_sd:.2f}",
                f"{row.pairs:,}",
                "—" if theirs is None else f"{100 * theirs[0] / (theirs[0] + theirs[1]):.1f}",
                "—" if theirs is None else f"{theirs[2]:.2f} ± {theirs[3]:.2f}",
            )
        )
    table = Table(
        "table1",
        "Answers by shift (Table 1 of the paper), with Wilson 95% intervals that take answers as independent. Std.: "
        "mean ± standard deviation over pairs of the standard deviation of the answers to a pair. Right: the paper's "
        "figures (Ghildyal & Liu 2022; 150 answers a shift).",
        ("Shift (px)", "Same", "Different", "Same (%)", "Std. per pair", "Pairs", "Paper: same (%)", "Paper: std."),
        tuple(rows),
        _beside(found, papers),
        texts=(),
    )
    figure = Figure(
        "answers",
        "Answers by shift.",
        "; ".join(f"{row.shift_px} px: {row.same_percent:.0f}% same" for row in found.rows),
        lambda ax: plot_answers(found, ax),
        (6.2, 3.0),
    )
    below = [row.same_percent > 50 for row in found.rows]
    # From the shift on from which it stays so.
    half = found.rows[len(below) - below[::-1].index(True) :][:1] if True in below else found.rows[:1]
    text = (
        f"Pairs without a shift were called the same in {found.rows[0].same_percent:.1f}% of the answers."
        if found.rows[0].shift_px == 0
        else "No pair without a shift was judged."
    )
    if half:
        text += f" Half of the answers or more were “different” from a shift of {half[0].shift_px} px on."
    return Section("answers", "Answers by shift", (text,), (table, figure), (), {"table1": found.to_json()})


def plot_answers(table: Table1, ax: Axes) -> None:
    """Draw the shares of both answers at each shift on `ax`, as stacked bars with the numbers of answers in them."""
    shift = [row.shift_px for row in table.rows]
    same = np.array([row.same_percent for row in table.rows])
    ax.bar(shift, same, color=BLUE, width=0.8, label="same")
    ax.bar(shift, 100 - same, bottom=same, color=SKY, width=0.8, label="different", hatch="///", edgecolor="white")
    # So many bars that numbers would not fit carry none.
    for row in table.rows if len(table.rows) <= 15 else ():
        if row.same_percent > 8:
            ax.annotate(str(row.same), (row.shift_px, row.same_percent / 2), ha="center", va="center", color="white")
        if row.same_percent < 92:
            middle = (row.same_percent + 100) / 2
            box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "linewidth": 0}
            ax.annotate(str(row.different), (row.shift_px, middle), ha="center", va="center", bbox=box)
    ax.set_xticks(shift if len(shift) <= 20 else shift[:: len(shift) // 10])
    ax.set_ylim(0, 100)
    ax.yaxis.set_major_formatter("{x:.0f}%")
    ax.set_xlabel("Shift (pixels)")
    ax.set_ylabel("Answers")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize="small")


def _papers_table() -> dict[int, tuple[int, int, float, float]]:
    file = resources.files("analysis.responses") / "data" / "ghildyal2022" / "table1.csv"
    lines = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return {
        int(line["shift_px"]): (
            int(line["same"]),
            int(line["different"]),
            float(line["sd_mean"]),
            float(line["sd_sd"]),
        )
        for line in lines
    }


def _beside(found: Table1, papers: dict[int, tuple[int, int, float, float]]) -> pd.DataFrame:
    frame = pd.DataFrame([vars(row) for row in found.rows])
    theirs = pd.DataFrame(
        [papers.get(row.shift_px, (None, None, None, None)) for row in found.rows],
        columns=["paper_same", "paper_different", "paper_sd_mean", "paper_sd_sd"],
    )
    return pd.concat([frame, theirs], axis=1)
