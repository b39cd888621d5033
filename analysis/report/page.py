"""A report as one page that needs nothing else: styles and figures are inside it."""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from analysis.report.content import Figure, Report

# In a checkout the templates lie beside the packages; in an installed distribution inside this one.
_TEMPLATES = next(
    path
    for path in (Path(__file__).parents[1] / "templates", Path(__file__).parents[2] / "templates" / "report")
    if path.is_dir()
)


def page(report: Report, figures: Path) -> str:
    """The report as HTML, with the figures that are in the folder `figures` as `NAME.svg`."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("report.html")
    return template.render(report=report, picture=partial(_picture, figures), is_figure=_is_figure)


def _is_figure(item: object) -> bool:
    return isinstance(item, Figure)


def _picture(figures: Path, figure: Figure) -> str:
    """The figure as the address of an `<img>`; in an image of its own its ids meet no others."""
    drawn = (figures / f"{figure.name}.svg").read_bytes()
    return "data:image/svg+xml;base64," + base64.b64encode(drawn).decode("ascii")
