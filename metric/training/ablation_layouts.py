"""An ablation as text for a terminal, JSON, CSV and LaTeX, in the form of the paper's tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from metric.networks.configurations import describe_elements
from metric.networks.variant import Backbone, Location, Variant
from metric.text_table import align
from metric.training.ablation import Ablation, RowFound, Spread
from metric.training.grid import Form
from metric.training.reading import configuration_to_json

_LINE = ("source", "row", "seed", "outcome", "shift_px", "estimate", "standard_deviation", "low", "high", "method")
_FAILED = "failed"

_NETWORKS: Mapping[Backbone, str] = {
    "alexnet": "AlexNet", "vgg16": "VGG-16", "resnet18": "ResNet-18", "squeezenet": "SqueezeNet",
}  # fmt: skip
_LOCATIONS: Mapping[Location, str] = {
    "original": "Original", "feature-after-blur": "FeatAfterBlur", "blur-before-activation": "BlurBeforeAct",
}  # fmt: skip

Column = tuple[str, Callable[[Variant], str]]


def _mark(variant: Variant, padding: int) -> str:
    if not variant.blur or variant.padding != padding:
        return ""
    return "✓§" if variant.adaptive else "✓"


_PADDING: tuple[Column, ...] = (
    ("AA, pad 1", lambda variant: _mark(variant, 1)),
    ("AA, pad 2", lambda variant: _mark(variant, 2)),
)
_STRIDE: Column = ("stride", lambda variant: str(variant.conv1_stride))
_COLUMNS: Mapping[Form, tuple[Column, ...]] = {
    "elements": (("elements", describe_elements),),
    "table5": (*_PADDING, ("F-Conv", lambda variant: "✓" if variant.full_convolution else ""), _STRIDE),
    "table6": (("network", lambda variant: _NETWORKS[variant.backbone]), *_PADDING),
    "table7": (
        ("AA", lambda variant: "✓" if variant.blur else ""),
        _STRIDE,
        ("location", lambda variant: _LOCATIONS[variant.location]),
    ),
}
"""What the paper's tables say of a network, beside its figures."""


def as_text(ablation: Ablation) -> str:
    """The rows with the paper's figures under each, and what to know of them."""
    columns, shifts = _COLUMNS[ablation.grid.form], ablation.grid.shifts
    flips = [f"{'rank flips, %: ' if not place else ''}{shift} px" for place, shift in enumerate(shifts)]
    lines = [["row", *(title for title, _ in columns), "2AFC, %", *flips, "seeds"]]
    for found in ablation.rows:
        variant = found.row.configuration.network.variant
        star = " *" if found.row.note else ""
        described = [cell(variant) for _, cell in columns]
        figures = [_text(spread) for spread in found.figures] or [_FAILED, *[""] * len(shifts)]
        lines.append([found.row.name + star, *described, *figures, _seeds(found)])
        if published := _published(found, shifts):
            lines.append(["  paper", *[""] * len(columns), *(f"{value:.2f}" for value in published), ""])
    return "\n\n".join([align(lines), "\n".join(_notes(ablation))])


def as_json(ablation: Ablation) -> dict[str, Any]:
    """All figures with nothing rounded, those of each seed with their intervals."""
    shifts = ablation.grid.shifts
    return {
        "grid": ablation.grid.name,
        "seeds": list(ablation.grid.seeds),
        "shifts": list(shifts),
        "votes": {"trained_on": ablation.votes[0], "scored_on": ablation.votes[1]},
        "triplets": {"trained_on": ablation.trained_on, "scored_on": ablation.scored_on},
        "categories": ablation.categories,
        "rows": [_row_json(found, shifts) for found in ablation.rows],
    }


def as_csv(ablation: Ablation) -> str:
    """One line a figure under a header: of each seed, over the seeds, and of the paper."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_LINE)
    for found in ablation.rows:
        writer.writerows(_csv_lines(found, ablation.grid.shifts))
    return stream.getvalue().removesuffix("\n")


def as_latex(ablation: Ablation) -> str:
    r"""A tabular with the rules of the booktabs package, to be put into a `table` environment."""
    columns, shifts = _COLUMNS[ablation.grid.form], ablation.grid.shifts
    named = ablation.grid.form == "elements"
    titles = [*(["row"] if named else []), *(title for title, _ in columns)]
    head = [
        r"% needs \usepackage{booktabs}",
        rf"\begin{{tabular}}{{{'l' * len(titles)}{'r' * (1 + len(shifts))}}}",
        r"\toprule",
        rf"{' & ' * len(titles)} & \multicolumn{{{len(shifts)}}}{{c}}{{$r_{{rf}}$, \%}} \\",
        rf"\cmidrule(lr){{{len(titles) + 2}-{len(titles) + 1 + len(shifts)}}}",
        " & ".join([*map(_escaped, titles), r"2AFC, \%", *(f"{shift} px" for shift in shifts)]) + r" \\",
        r"\midrule",
    ]
    body = []
    for found in ablation.rows:
        variant = found.row.configuration.network.variant
        described = [*([found.row.name] if named else []), *(cell(variant) for _, cell in columns)]
        figures = [_latex(spread) for spread in found.figures] or [_FAILED, *[""] * len(shifts)]
        body.append(" & ".join([*map(_escaped, described), *figures]) + r" \\")
        if published := _published(found, shifts):
            paper = [r"\quad paper", *[""] * (len(titles) - 1)]
            body.append(" & ".join([*paper, *(f"{value:.2f}" for value in published)]) + r" \\")
    return "\n".join([*head, *body, r"\bottomrule", r"\end{tabular}"])


def _notes(ablation: Ablation) -> list[str]:
    grid, data = ablation.grid, ablation.rows[0].row.configuration.data
    over = f"{ablation.scored_on:,} triplets"
    if ablation.categories > 1:
        over += f" in {ablation.categories} categories, over which figures are averaged"
    notes = [f"Trained on {ablation.trained_on:,} triplets, and scored on {over}; images of {data.size_px} px."]
    if len(grid.seeds) > 1:
        seeds = ", ".join(map(str, grid.seeds))
        notes.append(f"Mean ± standard deviation (n − 1) over trainings with the seeds {seeds}.")
    else:
        notes.append("One training each: how far another seed's would be off is not known; give more --seeds.")
    if any(found.row.published for found in ablation.rows):
        notes.append("paper: trained on BAPPS's training split at 256 px, scored on its validation split.")
    if any(cell(found.row.configuration.network.variant) == "✓§" for found in ablation.rows for _, cell in _PADDING):
        notes.append("§ adaptive filters.")
    votes = {vote for vote in ablation.votes if vote != "human"}
    notes += [f"The votes are not human: {vote}." for vote in sorted(votes)]
    notes += [f"* {found.row.name}: {found.row.note}" for found in ablation.rows if found.row.note]
    notes += [f"{cell.name} failed: {cell.failed}" for cell in ablation.failed]
    return notes


def _seeds(found: RowFound) -> str:
    all_, finished = len(found.cells), len(found.finished)
    return str(all_) if finished == all_ else f"{finished} of {all_}"


def _published(found: RowFound, shifts: Sequence[int]) -> list[float]:
    """The paper's figures for these shifts; it has those of 1, 2 and 3 px."""
    two_afc, *rates = found.published or (0.0,)
    return [two_afc, *(rates[shift - 1] for shift in shifts)] if rates else []


def _text(spread: Spread) -> str:
    return f"{spread.mean:.2f}" + (f" ± {spread.deviation:.2f}" if spread.deviation is not None else "")


def _latex(spread: Spread) -> str:
    return f"{spread.mean:.2f}" + (rf" $\pm$ {spread.deviation:.2f}" if spread.deviation is not None else "")


def _escaped(text: str) -> str:
    signs = {"✓": r"$\checkmark$", "§": r"\S", "_": r"\_", "&": r"\&", "%": r"\%"}  # what names and elements may have
    return "".join(signs.get(sign, sign) for sign in text)


def _row_json(found: RowFound, shifts: Sequence[int]) -> dict[str, Any]:
    published = found.row.published
    spreads = [asdict(spread) for spread in found.figures]
    return {
        "row": found.row.name,
        "configuration": configuration_to_json(found.row.configuration),
        "note": found.row.note or None,
        "two_afc": spreads[0] if spreads else None,
        "rank_flip_rate": dict(zip(map(str, shifts), spreads[1:], strict=True)) if spreads else None,
        "published_two_afc": published.two_afc if published else None,
        "published_rank_flip_rate": list(published.rank_flip_rate) if published else None,
        "trainings": [
            {
                "seed": cell.seed,
                "folder": cell.name,
                "failed": cell.failed or None,
                "two_afc": asdict(cell.found.two_afc) if cell.found else None,
                "rank_flip_rate": {str(s): asdict(f) for s, f in cell.found.rank_flip_rate.items()}
                if cell.found
                else None,
                "training": dict(cell.found.training) if cell.found else None,
            }
            for cell in found.cells
        ],
    }


def _csv_lines(found: RowFound, shifts: Sequence[int]) -> Iterator[tuple[str | int | float | None, ...]]:
    name = found.row.name
    outcomes: list[tuple[str, int | None]] = [("two_afc", None), *(("rank_flip_rate", shift) for shift in shifts)]
    for cell in found.finished:
        for outcome, figure in zip(outcomes, cell.found.figures if cell.found else (), strict=True):
            yield ("here", name, cell.seed, *outcome, figure.estimate, None, figure.low, figure.high, figure.method)
    for cell in found.cells:
        if cell.failed:
            yield ("here", name, cell.seed, *outcomes[0], None, None, None, None, f"failed: {cell.failed}")
    if found.finished:
        for outcome, spread in zip(outcomes, found.figures, strict=True):
            how = f"mean and standard deviation over {len(found.finished)} seeds"
            yield ("here", name, "all", *outcome, spread.mean, spread.deviation, None, None, how)
    if published := _published(found, shifts):
        for outcome, value in zip(outcomes, published, strict=True):
            yield ("paper", name, None, *outcome, value, None, None, None, "")
