"""Agreement with opinion scores as a part of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from analysis.figure_style import BLUE, PURPLE
from analysis.opinions.metric_draws import OUTCOMES, Outcome
from analysis.opinions.opinion_agreement import NAMES, OpinionAgreement
from analysis.opinions.opinion_layout import CEILING
from analysis.report.content import Figure, Section, Table, counted, interval, p_value
from analysis.results import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def opinions_section(found: OpinionAgreement, name: str = "opinions") -> Section:
    """The correlations of each metric, a figure of them, and the comparisons."""
    of = f"{found.n_images:,} images of {counted(found.n_references, 'reference')}"
    direction = "worse" if found.higher_is_worse else "better"
    items: list[Table | Figure] = [agreement_table(found, name)]
    if found.metrics:
        items.insert(0, _figure(found, name))
    if found.comparisons:
        items.append(comparison_table(found, name))
    return Section(
        name,
        f"Opinion scores: {found.set}",
        (
            f"Mean opinion scores of {of}; a higher score is {direction}; {found.origin}. SRCC is Spearman's ρ, KRCC "
            "Kendall's τ-b, both above 0 where larger distances go with more difference seen. PLCC and RMSE follow the "
            "five-parameter logistic between distances and scores; RMSE is in the units of the scores, and smaller is "
            "better.",
            *found.notes,
        ),
        tuple(items),
        tuple(found.left_out.values()),
        {name: found.to_json()},
    )


def agreement_table(found: OpinionAgreement, name: str = "opinions") -> Table:
    """One row a metric, best first, and one of the ceiling."""
    rows = [
        (one.name, one.curve, {outcome: one.of(outcome) for outcome in OUTCOMES})
        for one in sorted(found.metrics, key=lambda metric: -(metric.srcc.estimate or 0.0))
    ]
    if found.ceiling is not None:
        rows.append((CEILING, "", {outcome: found.ceiling.of(outcome) for outcome in OUTCOMES}))
    frame = pd.DataFrame(
        [{"set": found.set, "metric": label, **_flat(figures), "curve": curve} for label, curve, figures in rows]
    )
    return Table(
        name,
        f"Agreement with the opinion scores of {found.set}, with 95% intervals over references.",
        ("Metric", *(NAMES[outcome] for outcome in OUTCOMES)),
        tuple((label, *(interval(figures[outcome], 3) for outcome in OUTCOMES)) for label, _, figures in rows),
        frame,
    )


def comparison_table(found: OpinionAgreement, name: str = "opinions") -> Table:
    """One row a comparison and figure."""
    frame = pd.concat([one.to_frame() for one in found.comparisons], ignore_index=True)
    return Table(
        f"{name}-comparisons",
        "Differences between metrics on the same images, with p-values corrected by Holm's method for all comparisons "
        "of the same figure.",
        ("Figure", "First", "Second", "Difference", "p (Holm)", "First is"),
        tuple(
            (
                NAMES[one.outcome],
                one.first,
                one.second,
                interval(one.difference, 3),
                p_value(one.p_holm),
                one.verdict,
            )
            for one in found.comparisons
        ),
        frame,
        (0, 1, 2, 5),
    )


def _figure(found: OpinionAgreement, name: str) -> Figure:
    return Figure(
        f"{name}-srcc",
        f"SRCC of each metric with the scores of {found.set}, with its 95% interval"
        + (" and the noise ceiling." if found.ceiling else "."),
        "; ".join(f"{one.name}: {interval(one.srcc, 3)}" for one in found.metrics),
        lambda ax: plot_srcc(found, ax),
        (6.6, 1.6 + 0.34 * len(found.metrics)),
    )


def plot_srcc(found: OpinionAgreement, ax: Axes) -> None:
    """Draw each metric's SRCC with its interval, best on top, beside the noise ceiling."""
    metrics = sorted(found.metrics, key=lambda one: one.srcc.estimate or 0.0)
    if found.ceiling is not None and found.ceiling.srcc.estimate is not None:
        ax.axvline(found.ceiling.srcc.estimate, color=PURPLE, linestyle=(0, (6, 2, 1, 2)), linewidth=1.3, label=CEILING)
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize="small")
    for place, metric in enumerate(metrics):
        one = metric.srcc
        if one.low is not None and one.high is not None:
            ax.plot([one.low, one.high], [place, place], color=BLUE, linewidth=1.5)
        ax.plot(
            [one.estimate or 0.0], [place], "o", color=BLUE, markersize=6, markeredgecolor="white", markeredgewidth=0.7
        )
    ax.set_yticks(range(len(metrics)), [metric.name for metric in metrics])
    ax.set_ylim(-0.6, len(metrics) - 0.4)
    ax.set_xlabel("SRCC (95% interval)")


def _flat(figures: Mapping[Outcome, Estimate]) -> dict[str, float | None]:
    flat: dict[str, float | None] = {}
    for outcome, one in figures.items():
        flat |= {outcome: one.estimate, f"{outcome}_low": one.low, f"{outcome}_high": one.high}
    return flat
