"""A comparison of metrics as text for a terminal."""

from __future__ import annotations

from analysis.agreement.comparison import SHIFT, Comparison
from analysis.results import Estimate


def as_text(result: Comparison) -> str:
    """Tables of the metrics and of what to hold them against, then a sentence for each comparison."""
    people = "" if result.n_participants is None else f" of {result.n_participants:,} participants"
    lines = [
        f"{result.n_pairs:,} pairs of {result.n_images:,} images, {result.n_answers:,} answers{people}; "
        f"at least {result.min_responses} a pair",
        "",
    ]
    references = [
        ("random order", result.floor),
        (SHIFT, result.shift_baseline),
        ("people, split half", result.ceilings.split_half),
        ("people, one left out", result.ceilings.leave_one_out),
        ("judged shares", result.oracle),
    ]
    width = max(len(name) for name in [*(name for name, _ in references), *(row.name for row in result.metrics)])
    lines.append(f"{'':<{width}}  {'JND mAP':<24}  {'block':>6}  {'paper':>6}")
    for row in sorted(result.metrics, key=lambda row: -(row.jnd_map.estimate or 0.0)):
        lines.append(
            f"{row.name:<{width}}  {_shown(row.jnd_map, 4):<24}  {row.jnd_map_block:>6.4f}  {row.jnd_map_paper:>6.4f}"
        )
    lines += [f"{name:<{width}}  {_shown(estimate, 4)}" for name, estimate in references]
    if result.metrics:
        head = ("beyond the shift", "p", "AUROC", "Spearman", "partial", "Kendall", "partial")
        lines += ["", f"{'':<{width}}  {head[0]:<24} {head[1]:>6}" + "".join(f"  {name:>8}" for name in head[2:])]
        for row in result.metrics:
            figures = (row.auroc, row.spearman, row.partial_spearman, row.kendall, row.partial_kendall)
            lines.append(
                f"{row.name:<{width}}  {_shown(row.shift_lift, 4):<24} {row.shift_lift_p:>6.4f}"
                + "".join(f"  {_point(figure):>8}" for figure in figures)
            )
    if result.comparisons:
        lines += ["", *(difference.sentence for difference in result.comparisons)]
    if result.left_out or result.notes:
        lines += ["", *result.left_out.values(), *result.notes]
    return "\n".join([*lines, "", f"Intervals: {_method(result)}."])


def _method(result: Comparison) -> str:
    return result.shift_baseline.method.partition("; ")[2] or result.shift_baseline.method


def _shown(estimate: Estimate, digits: int) -> str:
    if estimate.estimate is None:
        return f"— ({estimate.method})"
    interval = ""
    if estimate.low is not None and estimate.high is not None:
        interval = f"  ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"
    return f"{estimate.estimate:.{digits}f}{interval}".replace("-", "−")


def _point(estimate: Estimate) -> str:
    return "—" if estimate.estimate is None else f"{estimate.estimate:.3f}".replace("-", "−")
