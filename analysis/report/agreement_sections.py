"""How far people agree with each other, and metrics with people."""

from __future__ import annotations

import pandas as pd

from analysis.agreement.comparison import SHIFT, Comparison, compare
from analysis.agreement.comparison_figure import plot_differences, plot_forest, plot_precision_recall
from analysis.observers.reliability import Reliability, reliability
from analysis.observers.reliability_figure import plot_agreement, plot_alpha_by_shift
from analysis.report.content import Distances, Figure, Section, Table, counted, interval, number, p_value
from analysis.results import Estimate


def reliability_section(responses: pd.DataFrame, *, replicates: int, seed: int) -> Section:
    """Krippendorff's alpha, split halves, and each participant's agreement with the rest."""
    found = reliability(responses, replicates=replicates, seed=seed)
    halves = ""
    if found.split_half.estimate is not None:
        halves = (
            f" Shares of “same” of random halves of the answers correlate at {interval(found.split_half, 2)}, which "
            f"makes the reliability of all answers together {interval(found.reliability, 2)} (Spearman–Brown)."
        )
    text = [
        f"Krippendorff's α of the answers is {interval(found.alpha, 2)}; within shifts, where it tells what people "
        f"agree on beyond how far the image moved, it is {interval(found.alpha_within_shift, 2)}.{halves}",
        *found.notes,
    ]
    rows = (
        ("Krippendorff's α", found.alpha),
        ("Krippendorff's α within shifts", found.alpha_within_shift),
        ("Split-half correlation", found.split_half),
        ("Reliability (Spearman–Brown)", found.reliability),
        ("Split-half correlation within shifts", found.split_half_within_shift),
        ("Reliability within shifts", found.reliability_within_shift),
    )
    table = Table(
        "reliability",
        f"Reliability of the answers: {found.answers:,} answers to {found.pairs:,} pairs with two or more.",
        ("", "Estimate [95% interval]"),
        tuple((name, interval(estimate, 3)) for name, estimate in rows),
        pd.DataFrame([{"figure": name, **vars(estimate)} for name, estimate in rows]),
    )
    items: list[Table | Figure] = [
        table,
        Figure(
            "alpha",
            f"Krippendorff's α by shift. {found.alpha.method}.",
            "; ".join(f"{row.shift_px} px: {number(row.alpha.estimate, 2)}" for row in found.shifts),
            lambda ax: plot_alpha_by_shift(found, ax),
            (6.2, 3.0),
        ),
    ]
    if found.rows:
        items.append(_agreement(found))
    return Section("reliability", "Reliability", tuple(text), tuple(items), (), {"reliability": found.to_json()})


def _agreement(found: Reliability) -> Figure:
    shares = [row.agreement.estimate for row in found.rows if row.agreement.estimate is not None]
    return Figure(
        "agreement",
        "Each participant's agreement with the rest: the share of other people's answers to the same pair that equal "
        "the participant's own.",
        f"{counted(len(shares), 'participant')}, from {min(shares):.0%} to {max(shares):.0%}." if shares else "None.",
        lambda ax: plot_agreement(found, ax),
        (6.2, max(2.4, 1.0 + 0.16 * min(len(found.rows), 40))),
    )


def metrics_section(
    responses: pd.DataFrame,
    distances: Distances,
    *,
    min_responses: int,
    replicates: int,
    permutations: int,
    seed: int,
) -> Section:
    """JND mAP with all that it can be held against, and which metrics can be told apart."""
    found = compare(
        responses,
        distances,
        min_responses=min_responses,
        replicates=replicates,
        permutations=permutations,
        seed=seed,
    )
    items: list[Table | Figure] = [
        Figure(
            "forest",
            "JND mAP of each metric with its 95% interval, beside what a random order, the pixel shift alone, people "
            "and the judged shares themselves reach.",
            "; ".join(f"{row.name}: {interval(row.jnd_map, 3)}" for row in found.metrics)
            or f"pixel shift: {interval(found.shift_baseline, 3)}",
            lambda ax: plot_forest(found, ax),
            (6.6, 2.0 + 0.34 * len(found.metrics)),
        ),
        _map_table(found),
    ]
    if found.metrics:
        items += [_other_table(found), _curves(responses, distances, found, min_responses), *_pairs(found)]
    return Section(
        "metrics",
        "Metrics against people",
        _metrics_text(found),
        tuple(items),
        tuple(found.left_out.values()),
        {"comparison": found.to_json()},
    )


def _metrics_text(found: Comparison) -> tuple[str, ...]:
    beaten = [c.first for c in found.comparisons if c.family == "baseline" and c.verdict == "better"]
    if found.metrics:
        first = f"Of {counted(len(found.metrics), 'metric')}, "
        first += f"{', '.join(beaten)} agree" if len(beaten) > 1 else f"{beaten[0]} agrees" if beaten else "none agrees"
        first += " with people better than the pixel shift itself, as far as these data can tell."
    else:
        first = "No metric was scored; these are the figures that one has to be held against."
    text = [
        first,
        f"JND mAP of {found.n_pairs:,} pairs of {found.n_images:,} images with at least {found.min_responses} answers, "
        f"as the mean over all orders of tied pairs. A random order reaches {interval(found.floor, 3)}, the pixel "
        f"shift itself, which every metric must beat, {interval(found.shift_baseline, 3)}; no ranking has more than "
        f"{interval(found.oracle, 3)}. People reach {interval(found.ceilings.split_half, 3)} for people when half of "
        f"the answers rank the pairs for the other half, and {interval(found.ceilings.leave_one_out, 3)} when all but "
        "one do: the fewer answers there are, the less well they rank pairs.",
    ]
    return (*text, *found.notes)


def _map_table(found: Comparison) -> Table:
    rows = [
        (
            row.name,
            interval(row.jnd_map, 3),
            number(row.jnd_map_block, 3),
            number(row.jnd_map_paper, 3),
            interval(row.shift_lift, 3),
            p_value(row.shift_lift_p),
        )
        for row in found.metrics
    ]
    references = (
        ("Random order (floor)", found.floor),
        ("Pixel shift (baseline)", found.shift_baseline),
        ("People, split-half", found.ceilings.split_half),
        ("People, leave-one-out", found.ceilings.leave_one_out),
        ("Oracle (maximum)", found.oracle),
    )
    rows += [(name, interval(estimate, 3), "", "", "", "") for name, estimate in references]
    frame = pd.concat(
        [found.to_frame() if found.metrics else pd.DataFrame(), pd.DataFrame([_line(*row) for row in references])],
        ignore_index=True,
    )
    return Table(
        "jnd_map",
        "JND mAP with 95% intervals under expected ties, and under the rules “block” and “paper” for ties. Lift: by "
        "how much it exceeds what the metric reaches when its distances are exchanged among pairs of the same shift, "
        f"with the p-value of a permutation test. {found.shift_baseline.method.partition('; ')[2]}.",
        ("Metric", "JND mAP", "Block", "Paper", "Lift within shifts", "p"),
        tuple(rows),
        frame,
    )


def _line(name: str, estimate: Estimate) -> dict[str, str | float | None]:
    return {
        "name": name,
        "jnd_map": estimate.estimate,
        "jnd_map_low": estimate.low,
        "jnd_map_high": estimate.high,
        "jnd_map_method": estimate.method,
    }


def _other_table(found: Comparison) -> Table:
    return Table(
        "correlations",
        "What else can be said of the metrics' distances: area under the ROC curve of “different” against “same” "
        "answers; correlation of distance with the share of “different”, and the same with the shift held fixed.",
        ("Metric", "AUROC", "Spearman ρ", "ρ, shift fixed", "Kendall τ", "τ, shift fixed"),
        tuple(
            (
                row.name,
                *(
                    interval(estimate, 2)
                    for estimate in (row.auroc, row.spearman, row.partial_spearman, row.kendall, row.partial_kendall)
                ),
            )
            for row in found.metrics
        ),
        found.to_frame()[["name", "auroc", "spearman", "partial_spearman", "kendall", "partial_kendall"]],
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


def _pairs(found: Comparison) -> list[Table | Figure]:
    table = Table(
        "comparisons",
        "Each metric with each, and with the pixel shift: difference of JND mAP on the same pairs with its 95% "
        "interval, p-values of the paired bootstrap and of the paired permutation test, Holm-corrected within each "
        "family.",
        ("First", "Second", "Difference", "p", "p, permuted", "Conclusion"),
        tuple(
            (
                row.first,
                row.second,
                interval(row.difference, 3),
                p_value(row.p_holm),
                p_value(row.permutation_p_holm),
                row.sentence,
            )
            for row in found.comparisons
        ),
        pd.DataFrame([_flat(row.to_json()) for row in found.comparisons]),
        texts=(0, 1, 5),
    )
    figure = Figure(
        "differences",
        "Differences of JND mAP between metrics, and from the pixel shift, with 95% intervals.",
        "; ".join(f"{row.first} − {row.second}: {interval(row.difference, 3)}" for row in found.comparisons),
        lambda ax: plot_differences(found, ax),
        (6.6, 1.2 + 0.26 * len(found.comparisons)),
    )
    return [table, figure] if any(row.second != SHIFT for row in found.comparisons) else [table]


def _flat(row: dict[str, object]) -> dict[str, object]:
    difference = row.pop("difference")
    assert isinstance(difference, dict)
    return row | {"difference": difference["estimate"]} | {f"difference_{k}": difference[k] for k in ("low", "high")}
