"""Which image people prefer, and how often that changes: the sections on a two-alternative study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.figure_style import BLUE, FAINT, INK, MUTED, ORANGE
from analysis.report.content import Figure, Section, Table, counted, interval, number, p_value
from analysis.results import Estimate
from analysis.triplets.comparisons import PairedDifference
from analysis.two_alternative.choices import Choices
from analysis.two_alternative.drawn_means import in_percent
from analysis.two_alternative.examples import Example, examples
from analysis.two_alternative.examples_figure import plot_examples, read_examples, size_of
from analysis.two_alternative.flips import FlipTable, PeopleFlips, beyond_retest, flip_table
from analysis.two_alternative.layouts import Printed, printed_flips, printed_scores
from analysis.two_alternative.scale import PreferenceScale, plot_scale, preference_scale
from analysis.two_alternative.score_files import MetricDistances, read_study_distances
from analysis.two_alternative.stimuli import Stimulus
from analysis.two_alternative.two_afc import TwoAfcTable, two_afc_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_EXAMPLES = 3
_MOST_TRIPLETS = 40


@dataclass(frozen=True)
class TripletSources:
    """What a report on a two-alternative study is given beside its responses.

    `scores`: files of distances, as of `read_study_distances`. `stimuli`: of the study's manifest, for pictures and
    scales; None where there is no study folder.
    """

    scores: tuple[str, ...] = ()
    stimuli: Mapping[str, Stimulus] | None = field(default=None)

    def metrics(self, choices: Choices) -> tuple[tuple[MetricDistances, ...], tuple[str, ...]]:
        """The metrics, and a sentence where they cannot be told."""
        try:
            return read_study_distances(self.scores, choices), ()
        except AnalysisError as error:
            return (), (str(error),)


def shares_section(responses: pd.DataFrame, sources: TripletSources, *, replicates: int, seed: int) -> Section:
    """Shares of people on each stimulus, and metrics and people in 2AFC on these."""
    choices = Choices.of(responses)
    metrics, left_out = sources.metrics(choices)
    found = two_afc_table(choices, metrics, replicates=replicates, seed=seed)
    first = found.rows[0]
    text = (
        f"{counted(found.triplets, 'triplet')} of {counted(found.photographs, 'photograph')} were judged. Of the "
        f"{_version(first.shift_px)}, one more person agrees with another in "
        f"{interval(first.one_person, 1, '%')} of the choices, what most people prefer scores "
        f"{interval(first.best_answers, 1, '%')} on these answers, and the majority of all others "
        f"{interval(first.majority_of_others, 1, '%')} on the answer of the one who is left out. Asked about the same "
        f"stimulus again, a person prefers the same image in {interval(found.same_again, 1, '%')}.",
        *found.notes,
    )
    items: list[Table | Figure] = [
        _table(
            "two_afc",
            "2AFC, % of people who prefer the image that is found nearer, on each version, a tie counting half; with "
            "95% intervals.",
            printed_scores(found),
            found.to_frame(),
        )
    ]
    if found.comparisons:
        items.append(_comparisons("two_afc_comparisons", "2AFC", found.comparisons))
    items.append(_shares_table(found))
    return Section("shares", "Which image people prefer", text, tuple(items), left_out, {"two_afc": found.to_json()})


def flips_section(responses: pd.DataFrame, sources: TripletSources, *, replicates: int, seed: int) -> Section:
    """How often people and metrics prefer another image once both are shifted."""
    choices = Choices.of(responses)
    metrics, left_out = sources.metrics(choices)
    found = flip_table(choices, metrics, replicates=replicates, seed=seed)
    items: list[Table | Figure] = [
        Figure(
            "flips",
            "Flips of people and metrics by shift, % with 95% intervals; the dashed line is how often people prefer "
            "another image where the very same stimulus is asked again.",
            "; ".join(f"people at {row.shift_px} px: {interval(row.flip_rate, 1, '%')}" for row in found.rows),
            lambda ax: _plot_flips(found, ax),
            (6.4, 1.6 + 0.26 * (1 + len({one.name for one in found.metrics})) * len(found.rows)),
        ),
        _table(
            "flip_rates",
            "Flips, %: of people who judged a triplet in both versions, how many preferred another image; two "
            "different people who disagree across the versions, and within one, the difference of which is the mean "
            "squared change of the share; triplets whose majority changes, half for a tie, and how many would if "
            "each person's two answers might as well be exchanged; of metrics, triplets in which another image is "
            "nearer (Ghildyal & Liu 2022, Eq. 2). Each triplet counts the same. With 95% intervals.",
            printed_flips(found),
            found.to_frame(),
        ),
    ]
    if found.comparisons:
        items.append(_comparisons("flip_comparisons", "Flips", found.comparisons))
    text = (" ".join(_said(row, found.retest_rate) for row in found.rows), *_against_people(found), *found.notes)
    return Section("flips", "Flips", text, tuple(items), left_out, {"flips": found.to_json()})


def figure_1_section(responses: pd.DataFrame, sources: TripletSources) -> Section:
    """Triplets in which more metrics flip, and fewer people, than in others, with their pictures."""
    choices = Choices.of(responses)
    metrics, left_out = sources.metrics(choices)
    found = examples(responses, choices, metrics, count=_EXAMPLES)
    if not found:
        raise AnalysisError("No triplet was judged both unshifted and shifted, so that there is none to show.")
    what = "the largest number of metrics flip, and of these the fewest people" if metrics else "most people flip"
    items: list[Table | Figure] = []
    if sources.stimuli is None:
        left_out = (*left_out, "The pictures: they are in the study's folder; name it with --stimuli DIR.")
    else:
        for one in found:
            pictures = read_examples([one], sources.stimuli)
            items.append(
                Figure(
                    f"figure_1_{one.triplet}",
                    f"Triplet {one.triplet}, shown unshifted, and which of the two images people and metrics prefer "
                    f"in it and where both are shifted by {one.shift_px} px. In colour: what flips.",
                    _in_words(one),
                    lambda ax, one=one, pictures=pictures: plot_examples([one], pictures, ax),  # type: ignore[misc]
                    size_of([one]),
                )
            )
    items.append(_examples_table(found))
    text = (f"As in Figure 1 of Ghildyal & Liu 2022: {counted(len(found), 'triplet')} of those in which {what}.",)
    return Section(
        "figure-1",
        "What people and metrics prefer, triplet by triplet",
        text,
        tuple(items),
        left_out,
        {"examples": [one.to_json() for one in found]},
    )


def scale_section(responses: pd.DataFrame, sources: TripletSources) -> Section:
    """Of references with several distorted images, how strongly each of these is preferred."""
    found = preference_scale(responses, Choices.of(responses), sources.stimuli)
    title = "Scales of the distorted images of a reference"
    if not found.rows:
        return Section("scale", title, left_out=(*found.left_out, *found.notes))
    references = {row.reference for row in found.rows}
    table = Table(
        "scale",
        "Strength of each image in log-odds, with a mean of 0 for each reference; the larger, the more similar people "
        f"find it to the reference. {found.rows[0].strength.method}.",
        ("Reference of triplet", "Shift (px)", "Image", "Answers", "Strength"),
        tuple(
            (row.reference, f"{row.shift_px}", row.image, f"{row.answers:,}", interval(row.strength, 2))
            for row in found.rows
        ),
        found.to_frame(),
        texts=(0, 2),
    )
    figure = Figure(
        "scale",
        "Strengths of the images, unshifted, one line a reference.",
        f"{counted(len(references), 'reference')}; " + _extremes(found),
        lambda ax: plot_scale(found, ax),
        (6.4, 1.0 + 0.42 * min(len(references), 8)),
    )
    text = (
        f"{counted(len(references), 'reference')} had more than two distorted images that people compared: their "
        "places on a common scale are those of the model of Bradley & Terry (1952).",
        *found.notes,
    )
    return Section("scale", title, text, (figure, table), found.left_out, {"scale": found.to_json()})


def _version(shift_px: int) -> str:
    return f"versions shifted by {shift_px} px" if shift_px else "unshifted versions"


def _shares_table(found: TwoAfcTable) -> Table:
    """One row a triplet, of the first ones."""
    of = {(one.triplet, one.shift_px): one for one in found.shares}
    shifts = [row.shift_px for row in found.rows]
    triplets = list(dict.fromkeys(one.triplet for one in found.shares))
    more = f" These are the first {_MOST_TRIPLETS}; the table's file has all." if len(triplets) > _MOST_TRIPLETS else ""

    def cell(triplet: str, shift: int) -> str:
        one = of.get((triplet, shift))
        return "—" if one is None else f"{interval(in_percent(one.share_second), 0)} of {one.answers:,}"

    return Table(
        "shares",
        "People who prefer the second image of each triplet, version by version, % of first answers, with Wilson's "
        f"95% intervals.{more}",
        ("Triplet", *(f"{shift} px" for shift in shifts)),
        tuple((name, *(cell(name, shift) for shift in shifts)) for name in triplets[:_MOST_TRIPLETS]),
        pd.concat([one.to_frame() for one in found.shares], ignore_index=True),
    )


def _table(name: str, caption: str, shown: Printed, frame: pd.DataFrame) -> Table:
    return Table(
        name,
        caption,
        ("", *(f"{shift} px" for shift in shown.shifts)),
        tuple(
            (label, *("—" if one is None else interval(one, 2) for one in figures))
            for part in shown.parts
            for label, figures in part
        ),
        frame,
    )


def _comparisons(name: str, what: str, comparisons: Sequence[PairedDifference]) -> Table:
    return Table(
        name,
        f"{what}: differences on the same triplets and answers, in points of percent, with 95% intervals and p-values "
        "corrected by Holm's method within each shift.",
        ("Shift (px)", "First", "Second", "Difference", "p (Holm)", "First is"),
        tuple(
            (f"{one.shift_px}", one.first, one.second, interval(one.difference, 2), p_value(one.p_holm), one.verdict)
            for one in comparisons
        ),
        pd.concat([one.to_frame() for one in comparisons], ignore_index=True),
        (1, 2, 5),
    )


def _said(row: PeopleFlips, retest: Estimate) -> str:
    if row.flip_rate.estimate is None:
        return f"Nobody judged a triplet both unshifted and shifted by {row.shift_px} px."
    text = f"At {row.shift_px} px people prefer another image in {interval(row.flip_rate, 1, '%')} of the triplets"
    if retest.estimate is None:
        return f"{text}; how often they do without a cause was not asked."
    return (
        f"{text}, which {beyond_retest(row)} the {interval(retest, 1, '%')} where the very same stimulus is asked "
        f"again (difference {interval(row.excess, 1)} points, p {_p(row.excess_p)})."
    )


def _p(value: float | None) -> str:
    text = p_value(value)
    return text if text.startswith("<") else f"= {text}"


def _against_people(found: FlipTable) -> tuple[str, ...]:
    told = [one.sentence for one in found.comparisons if one.second == "people"]
    return (" ".join(told),) if told else ()


def _in_words(one: Example) -> str:
    people = (
        f"{100 * one.share_second:.0f}% of people prefer the second image unshifted, "
        f"{100 * one.share_second_shifted:.0f}% shifted"
    )
    return "; ".join([people, *(f"{m.name}: {m.unshifted} unshifted, {m.shifted} shifted" for m in one.metrics)])


def _examples_table(found: Sequence[Example]) -> Table:
    rows = []
    for one in found:
        shares = [f"{100 * share:.0f}%" for share in (one.share_second, one.share_second_shifted)]
        flips = "—" if one.flip_rate is None else f"{one.flip_rate:.0f}%"
        rows.append((one.triplet, "people", *shares, flips))
        rows += [
            (one.triplet, metric.name, metric.unshifted, metric.shifted, "yes" if metric.flips else "no")
            for metric in one.metrics
        ]
    return Table(
        "examples",
        "The same triplets: share of people who prefer the second image, or the image that a metric finds nearer, and "
        "whether it flips (of people, how many).",
        ("Triplet", "", "No shift", f"{found[0].shift_px} px", "Flips"),
        tuple(rows),
        pd.concat([one.to_frame() for one in found], ignore_index=True),
        texts=(0, 1),
    )


def _extremes(found: PreferenceScale) -> str:
    best = max(found.rows, key=lambda row: row.strength.estimate or 0.0)
    return f"the strongest image is {best.image} of triplet {best.reference} ({number(best.strength.estimate, 2)})"


def _plot_flips(found: FlipTable, ax: Axes) -> None:
    rows = [("people", row.shift_px, row.flip_rate) for row in found.rows]
    rows += [(one.name, one.shift_px, one.rank_flip_rate) for one in found.metrics]
    names = list(dict.fromkeys(name for name, _, _ in rows))
    shifts = [row.shift_px for row in found.rows]
    places, labels = [], []
    for line, (name, shift) in enumerate((name, shift) for shift in shifts for name in names):
        estimate = next(e for n, s, e in rows if (n, s) == (name, shift))
        places.append(line + shifts.index(shift) * 0.6)
        labels.append(f"{name}, {shift} px")
        if estimate.estimate is None:
            continue
        colour = ORANGE if name == "people" else BLUE
        ends = [estimate.estimate if end is None else end for end in (estimate.low, estimate.high)]
        ax.plot(ends, [places[-1]] * 2, color=colour, lw=1.4)
        ax.plot(estimate.estimate, places[-1], "o", color=colour, ms=5)
    retest = found.retest_rate
    if retest.estimate is not None:
        if retest.low is not None and retest.high is not None:
            ax.axvspan(retest.low, retest.high, color=FAINT, alpha=0.6, lw=0)
        ax.axvline(retest.estimate, color=MUTED, ls="--", lw=1)
    ax.set_yticks(places, labels, color=INK)
    ax.set_ylim(float(np.max(places)) + 0.6, -0.6)
    ax.set_xlim(left=0)
    ax.set_xlabel("another image preferred, % of triplets")
