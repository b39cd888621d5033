"""Agreement with opinion scores as text for a terminal."""

from __future__ import annotations

from analysis.agreement.conclusion import signed
from analysis.opinions.metric_draws import OUTCOMES
from analysis.opinions.opinion_agreement import NAMES, OpinionAgreement, OpinionDifference
from analysis.results import Estimate

CEILING = "noise ceiling"
# More comparisons than this are said of SRCC alone: twelve are those of three metrics in four figures.
_MOST_SENTENCES = 12


def as_text(result: OpinionAgreement) -> str:
    """A table of the metrics, best first, with the ceiling below; a sentence for each comparison; notes."""
    direction = "higher is worse" if result.higher_is_worse else "higher is better"
    lines = [
        f"{result.set}: {result.n_images:,} images of {result.n_references:,} references; {direction}; {result.origin}",
        "",
    ]
    rows: list[tuple[str, ...]] = [("", *(NAMES[outcome] for outcome in OUTCOMES))]
    for metric in sorted(result.metrics, key=lambda one: -(one.srcc.estimate or 0.0)):
        rows.append((metric.name, *(_shown(metric.of(outcome)) for outcome in OUTCOMES)))
    if result.ceiling is not None:
        rows.append((CEILING, *(_shown(result.ceiling.of(outcome)) for outcome in OUTCOMES)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if result.comparisons:
        few = len(result.comparisons) <= _MOST_SENTENCES
        said = [one for one in result.comparisons if few or one.outcome == OUTCOMES[0]]
        lines += ["", *map(sentence, said)]
        if not few:
            lines.append("Those of KRCC, PLCC and RMSE are in the JSON form (--json).")
    if result.left_out or result.notes:
        lines += ["", *result.left_out.values(), *result.notes]
    return "\n".join(lines)


def sentence(found: OpinionDifference) -> str:
    """What a comparison says."""
    figure = NAMES[found.outcome]
    one = found.difference
    told = f"{found.first} − {found.second} in {figure}"
    size = signed(one.estimate or 0.0)
    if one.low is None or one.high is None or found.p_holm is None:
        return f"{told}: {size}; {one.method}."
    said = "cannot be told apart" if found.verdict == "undecided" else f"{found.first} is {found.verdict}"
    interval = f"95% interval {signed(one.low)} to {signed(one.high)}"
    return f"{told}: {said} ({size}, {interval}, p = {found.p_holm:.4f} by Holm)."


def _shown(estimate: Estimate) -> str:
    if estimate.estimate is None:
        return "—"
    text = f"{estimate.estimate:.3f}"
    if estimate.low is not None and estimate.high is not None:
        text += f"  ({estimate.low:.3f} to {estimate.high:.3f})"
    return text.replace("-", "−")
