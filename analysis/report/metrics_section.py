"""How far metrics agree with people, and which can be told apart."""

from __future__ import annotations

import pandas as pd

from analysis.agreement.comparison import SHIFT, Comparison, compare
from analysis.agreement.comparison_figure import (
    plot_concordance,
    plot_differences,
    plot_forest,
    plot_precision_recall,
)
from analysis.agreement.conclusion import NAMES, Outcome
from analysis.report.content import Distances, Figure, Section, Table, counted, interval, listed, number, p_value
from analysis.results import Estimate


def metrics_section(
    responses: pd.DataFrame,
    distances: Distances,
    *,
    min_responses: int,
    replicates: int,
    permutations: int,
    seed: int,
    concordance_margin: float,
    map_margin: float,
) -> Section:
    """Concordance within shifts and JND mAP, what they can be held against, and which metrics can be told apart."""
    found = compare(
        responses,
        distances,
        min_responses=min_responses,
        replicates=replicates,
        permutations=permutations,
        seed=seed,
        concordance_margin=concordance_margin,
        map_margin=map_margin,
    )
    items: list[Table | Figure] = [
        Figure(
            "forest",
            "JND mAP of each metric with its 95% interval, beside what a random order, the pixel shift alone and, by "
            "an estimate, a metric that knew how likely each pair is called different would reach.",
            "; ".join(f"{row.name}: {interval(row.jnd_map, 3)}" for row in found.metrics)
            or f"pixel shift: {interval(found.shift_baseline, 3)}",
            lambda ax: plot_forest(found, ax),
            (6.6, 2.0 + 0.34 * len(found.metrics)),
        ),
        _agreement_table(found),
    ]
    if found.metrics:
        concordance = Figure(
            "concordance",
            "γ within shifts of each metric with its 95% interval: 0 is chance, and what the shift alone has.",
            "; ".join(f"{row.name}: {interval(row.concordance, 3)}" for row in found.metrics),
            lambda ax: plot_concordance(found, ax),
            (6.6, 2.0 + 0.34 * len(found.metrics)),
        )
        items = [concordance, *items, _other_table(found), _curves(responses, distances, found, min_responses)]
        items += [*_pairs(found, "concordance"), *_pairs(found, "jnd_map")]
    return Section(
        "metrics",
        "Metrics against people",
        _metrics_text(found),
        tuple(items),
        tuple(found.left_out.values()),
        {"comparison": found.to_json()},
    )


def _metrics_text(found: Comparison) -> tuple[str, ...]:
    if found.metrics:
        first = (
            f"Of {counted(len(found.metrics), 'metric')}, judged by the order of pairs of the same shift (γ, the "
            f"primary outcome): {_said(found, 'concordance')}. By JND mAP, held against the pixel shift itself: "
            f"{_said(found, 'jnd_map')}."
        )
    else:
        first = "No metric was scored; these are the figures that one has to be held against."
    of = f"{found.n_images:,} images of {counted(found.n_photographs, 'photograph')}"
    ceiling = found.ceiling
    text = [
        first,
        f"JND mAP of {found.n_pairs:,} pairs of {of} with at least {found.min_responses} answers, as the mean over all "
        f"orders of tied pairs. A random order reaches {interval(found.floor, 3)}, the pixel shift itself, which "
        f"every metric must beat, {interval(found.shift_baseline, 3)}. By an estimate, a metric that knew how likely "
        f"each pair is called different would reach {interval(ceiling.jnd_map, 3)} against answers with this "
        f"much noise: the headroom above the shift alone is {interval(ceiling.headroom, 3)}, and its γ would be "
        f"{interval(ceiling.concordance, 2)}.",
    ]
    return (*text, *found.notes)


_SAID: dict[Outcome, dict[str, tuple[str, str]]] = {
    "concordance": {
        "better": ("orders them as people do, beyond chance", "order them as people do, beyond chance"),
        "worse": ("orders them against people", "order them against people"),
        "equivalent": ("knows next to nothing beyond the shift", "know next to nothing beyond the shift"),
        "undecided": ("cannot be told from chance with these data", "cannot be told from chance with these data"),
    },
    "jnd_map": {
        "better": ("is better", "are better"),
        "worse": ("is worse", "are worse"),
        "equivalent": ("is equivalent to it", "are equivalent to it"),
        "undecided": ("cannot be told from it with these data", "cannot be told from it with these data"),
    },
}


def _said(found: Comparison, outcome: Outcome) -> str:
    """What the comparisons with the shift say, verdict by verdict."""
    parts = []
    for verdict, (of_one, of_several) in _SAID[outcome].items():
        names = [
            one.first
            for one in found.comparisons
            if (one.outcome, one.family, one.verdict) == (outcome, "baseline", verdict)
        ]
        if names:
            parts.append(f"{listed(names)} {of_one if len(names) == 1 else of_several}")
    return "; ".join(parts)


def _agreement_table(found: Comparison) -> Table:
    rows = [
        (
            row.name,
            interval(row.concordance, 3),
            p_value(row.concordance_p),
            interval(row.jnd_map, 3),
            number(row.jnd_map_block, 3),
            number(row.jnd_map_paper, 3),
            interval(row.shift_lift, 3),
            p_value(row.shift_lift_p),
        )
        for row in found.metrics
    ]
    nothing = Estimate(None, None, None, "")
    references = (
        ("Random order (floor)", nothing, found.floor),
        ("Pixel shift (baseline)", nothing, found.shift_baseline),
        ("Noise ceiling (estimated)", found.ceiling.concordance, found.ceiling.jnd_map),
    )
    rows += [
        (name, "0" if gamma is nothing else interval(gamma, 3), "", interval(area, 3), "", "", "", "")
        for name, gamma, area in references
    ]
    frame = pd.concat(
        [found.to_frame() if found.metrics else pd.DataFrame(), pd.DataFrame([_line(*row) for row in references])],
        ignore_index=True,
    )
    method = found.shift_baseline.method.partition("; ")[2]
    return Table(
        "jnd_map",
        "γ: of pairs of the same shift, concordance of distance with the share of “different”. JND mAP under expected "
        "ties, and under the rules “block” and “paper” for ties. Lift: by how much it exceeds what the metric reaches "
        "when its distances are exchanged among pairs of the same shift. The p-values are of such "
        "exchanges, one-sided, and about these answers alone; the intervals are about other photographs and people "
        "too, so that one may hold 0 beside a small p. "
        f"{method[:1].upper()}{method[1:]}. Noise ceiling: {found.ceiling.jnd_map.method}.",
        ("Metric", "γ within shifts", "p", "JND mAP", "Block", "Paper", "Lift within shifts", "p"),
        tuple(rows),
        frame,
    )


def _line(name: str, gamma: Estimate, area: Estimate) -> dict[str, str | float | None]:
    line: dict[str, str | float | None] = {"name": name}
    for figure, estimate in (("concordance", gamma), ("jnd_map", area)):
        line |= {
            figure: estimate.estimate,
            f"{figure}_low": estimate.low,
            f"{figure}_high": estimate.high,
            f"{figure}_method": estimate.method,
        }
    return line


def _other_table(found: Comparison) -> Table:
    return Table(
        "correlations",
        "What else can be said of the metrics' distances: area under the ROC curve of “different” against “same” "
        "answers; rank correlations of distance with the share of “different”, to which the shift alone does most.",
        ("Metric", "AUROC", "Spearman ρ", "Kendall τ"),
        tuple(
            (row.name, *(interval(estimate, 2) for estimate in (row.auroc, row.spearman, row.kendall)))
            for row in found.metrics
        ),
        found.to_frame()[["name", "auroc", "spearman", "kendall"]],
    )


def _curves(responses: pd.DataFrame, distances: Distances, found: Comparison, min_responses: int) -> Figure:
    shown = {row.name: distances[row.name] for row in found.metrics}
    return Figure(
        "precision_recall",
        "Precision/recall curves, pairs ranked by ascending distance. The area under each is the JND mAP, or a little "
        "less where distances are tied: tied pairs share their “same” answers evenly over their ranks, while JND mAP "
        "is the mean over all orders of them.",
        f"One curve a metric: {', '.join(shown)}; and one for the pixel shift.",
        lambda ax: plot_precision_recall(responses, shown, ax, min_responses=min_responses),
        (6.2, 4.2),
    )


def _pairs(found: Comparison, outcome: Outcome) -> list[Table | Figure]:
    rows = [row for row in found.comparisons if row.outcome == outcome]
    suffix = "" if outcome == "concordance" else "_map"
    what = NAMES[outcome]
    tests = (
        "of changing the signs of what each photograph contributes"
        if outcome == "concordance"
        else "of exchanging the ranks of each photograph's pairs"
    )
    table = Table(
        f"comparisons{suffix}",
        f"Each metric with each, and with the pixel shift: difference of {what} on the same pairs with its 95% "
        "interval, p-values of the paired bootstrap (other photographs and people) and of a permutation test "
        f"{tests} (these answers alone), Holm-corrected within each family, and whether the two are within "
        f"±{rows[0].margin:g} of each other (two one-sided tests, corrected likewise).",
        ("First", "Second", "Difference", "p", "p, permuted", "p, equivalent", "Conclusion"),
        tuple(
            (
                row.first,
                row.second,
                interval(row.difference, 3),
                p_value(row.p_holm),
                p_value(row.permutation_p_holm),
                p_value(row.equivalence_p_holm),
                row.sentence,
            )
            for row in rows
        ),
        pd.DataFrame([_flat(row.to_json()) for row in rows]),
        texts=(0, 1, 6),
    )
    figure = Figure(
        f"differences{suffix}",
        f"Differences of {what} between metrics, and from the pixel shift, with 95% intervals.",
        "; ".join(f"{row.first} − {row.second}: {interval(row.difference, 3)}" for row in rows),
        lambda ax: plot_differences(found, ax, outcome),
        (6.6, 1.2 + 0.26 * len(rows)),
    )
    return [table, figure] if any(row.second != SHIFT for row in rows) else [table]


def _flat(row: dict[str, object]) -> dict[str, object]:
    difference = row.pop("difference")
    assert isinstance(difference, dict)
    return row | {"difference": difference["estimate"]} | {f"difference_{k}": difference[k] for k in ("low", "high")}
