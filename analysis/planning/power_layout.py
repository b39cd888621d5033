"""What simulated studies of several designs would find, as text for a terminal."""

from __future__ import annotations

from analysis.planning.power import DesignPower, Power
from analysis.results import Estimate

# Head in two lines, and the figure below it.
_COLUMNS = (
    ("", "people"),
    ("", "images"),
    ("", "crops"),
    ("", "shifts (px)"),
    ("answers", "a pair"),
    ("threshold", "px"),
    ("width", "px"),
    ("design", "effect"),
    ("γ", "mean"),
    ("", "width"),
    ("", "smallest"),
    ("JND mAP", "mean"),
    ("", "width"),
    ("", "smallest"),
)
_POWER_COLUMNS = (
    ("", "people"),
    ("", "images"),
    ("", "crops"),
    ("", "shifts (px)"),
    ("all", "answers"),
    ("beyond the", "shift: γ"),
    ("", "JND mAP"),
    ("better than", "another: γ"),
    ("", "JND mAP"),
    ("false", "verdicts: γ"),
    ("", "JND mAP"),
)


def as_text(result: Power) -> str:
    """Two tables of the designs, how precise they are and what they find, and sentences on what they lack."""
    lines = [
        f"{result.simulations} simulated studies a design; true threshold {result.true_threshold_px:.2f} px; standard "
        f"deviation of log medians {result.participant_sd:g} between participants, {result.image_sd:g} between "
        "photographs.",
        "Widths are those of 95% intervals; the smallest difference is one that four studies out of five find.",
        "",
        *_table(_COLUMNS, [_precision(row) for row in result.rows]),
        "",
        f"Share of studies that find, by γ within shifts and by JND mAP, that a metric with a noise of "
        f"{result.metric_noise_sd:g} is better than the shift alone, and than one with {result.other_noise_sd:g}; and "
        "that tell two equally good ones apart.",
        "",
        *_table(_POWER_COLUMNS, [_verdicts(row) for row in result.rows]),
    ]
    for row in result.rows:
        here = f"{row.participants} participants, {row.images} images, shifts {_listed(row.shifts)} px"
        here += f", {row.crops} of a photograph" if row.crops > 1 else ""
        if row.threshold_px.estimate is None:
            lines.append(f"{here}: no threshold, {row.threshold_px.method}.")
        elif row.undetermined:
            lines.append(
                f"{here}: {100 * row.undetermined:.1f}% of the studies have no threshold among the shifts shown."
            )
        if row.jnd_map.estimate is None:
            lines.append(f"{here}: no γ and no JND mAP, {row.jnd_map.method}.")
        else:
            for name, figure in (("γ", row.smallest_concordance), ("JND mAP", row.smallest_map)):
                if figure.estimate is None:
                    lines.append(f"{here}: no smallest difference of {name}, {figure.method}.")
    return "\n".join(lines)


def _precision(row: DesignPower) -> tuple[str, ...]:
    effect = "—" if row.design_effect is None else f"{row.design_effect:.1f}"
    return (
        *_design(row),
        f"{row.answers_per_pair:.1f}",
        _point(row.threshold_px, 2),
        _point(row.threshold_width_px, 2),
        effect,
        _point(row.concordance, 2),
        _point(row.concordance_width, 2),
        _point(row.smallest_concordance, 2),
        _point(row.jnd_map, 3),
        _point(row.jnd_map_width, 3),
        _point(row.smallest_map, 3),
    )


def _verdicts(row: DesignPower) -> tuple[str, ...]:
    shares = (
        row.beyond_shift_concordance,
        row.beyond_shift_map,
        row.power_concordance,
        row.power_map,
        row.false_concordance,
        row.false_map,
    )
    return (*_design(row), f"{row.answers:,}", *(_point(share, 2) for share in shares))


def _design(row: DesignPower) -> tuple[str, ...]:
    return (str(row.participants), str(row.images), str(row.crops), _listed(row.shifts))


def _listed(shifts: tuple[int, ...]) -> str:
    """`0–9` for all from 0 to 9, else all of them: `0,2,3`."""
    if len(shifts) > 2 and list(shifts) == list(range(shifts[0], shifts[-1] + 1)):
        return f"{shifts[0]}–{shifts[-1]}"
    return ",".join(map(str, shifts))


def _point(estimate: Estimate, digits: int) -> str:
    return "—" if estimate.estimate is None else f"{estimate.estimate:.{digits}f}"


def _table(columns: tuple[tuple[str, str], ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [*(tuple(heads) for heads in zip(*columns, strict=True)), *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
