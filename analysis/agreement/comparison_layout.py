"""A comparison of metrics as text for a terminal."""

from __future__ import annotations

from analysis.agreement.comparison import SHIFT, Comparison
from analysis.results import Estimate


def as_text(result: Comparison) -> str:
    """Tables of the metrics and of what to hold them against, then a sentence for each comparison."""
    people = "" if result.n_participants is None else f" of {result.n_participants:,} participants"
    lines = [
        f"{result.n_pairs:,} pairs of {result.n_images:,} images of {result.n_photographs:,} photographs, "
        f"{result.n_answers:,} answers{people}; at least {result.min_responses} a pair",
        "",
    ]
    references = [
        ("random order", result.floor, Estimate(0.0, None, None, "")),
        (SHIFT, result.shift_baseline, Estimate(0.0, None, None, "")),
        ("noise ceiling", result.ceiling.jnd_map, result.ceiling.concordance),
    ]
    width = max(len(name) for name in [*(name for name, *_ in references), *(row.name for row in result.metrics)])
    lines.append(f"{'':<{width}}  {'γ within shifts':<26} {'p':>6}  {'JND mAP':<24}  {'block':>6}  {'paper':>6}")
    for row in sorted(result.metrics, key=lambda row: -(row.concordance.estimate or 0.0)):
        p = "—" if row.concordance_p is None else f"{row.concordance_p:.4f}"
        lines.append(
            f"{row.name:<{width}}  {_shown(row.concordance, 3):<26} {p:>6}  {_shown(row.jnd_map, 4):<24}  "
            f"{row.jnd_map_block:>6.4f}  {row.jnd_map_paper:>6.4f}"
        )
    lines += [
        f"{name:<{width}}  {_shown(gamma, 3):<26} {'':>6}  {_shown(estimate, 4)}"
        for name, estimate, gamma in references
    ]
    lines.append(f"Headroom above the shift: {_shown(result.ceiling.headroom, 4)}")
    if result.metrics:
        head = ("beyond the shift", "p", "AUROC", "Spearman", "Kendall")
        lines += ["", f"{'':<{width}}  {head[0]:<26} {head[1]:>6}" + "".join(f"  {name:>8}" for name in head[2:])]
        for row in result.metrics:
            lines.append(
                f"{row.name:<{width}}  {_shown(row.shift_lift, 4):<26} {row.shift_lift_p:>6.4f}"
                + "".join(f"  {_point(figure):>8}" for figure in (row.auroc, row.spearman, row.kendall))
            )
    if result.comparisons:
        lines += ["", *(difference.sentence for difference in result.comparisons)]
    if result.left_out or result.notes:
        lines += ["", *result.left_out.values(), *result.notes]
    return "\n".join(
        [
            *lines,
            "",
            f"Intervals: {_method(result.shift_baseline)}.",
            f"Noise ceiling: {result.ceiling.jnd_map.method}.",
        ]
    )


def _method(estimate: Estimate) -> str:
    return estimate.method.partition("; ")[2] or estimate.method


def _shown(estimate: Estimate, digits: int) -> str:
    if estimate.estimate is None:
        return f"— ({estimate.method})"
    interval = ""
    if estimate.low is not None and estimate.high is not None:
        interval = f"  ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"
    return f"{estimate.estimate:.{digits}f}{interval}".replace("-", "−")


def _point(estimate: Estimate) -> str:
    return "—" if estimate.estimate is None else f"{estimate.estimate:.3f}".replace("-", "−")
