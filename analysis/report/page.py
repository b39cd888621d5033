"""A report as one page that needs nothing else: styles and figures are inside it."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from analysis.figures import draw, written
from analysis.report.content import Figure, Report

# In a checkout the templates lie beside the packages; in an installed distribution inside this one.
_TEMPLATES = next(
    path
    for path in (Path(__file__).parents[1] / "templates", Path(__file__).parents[2] / "templates" / "report")
    if path.is_dir()
)


def page(report: Report) -> str:
    """The report as HTML."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(report=report, picture=_picture, is_figure=_is_figure)


def _is_figure(item: object) -> bool:
    return isinstance(item, Figure)


def _picture(figure: Figure) -> str:
    """The figure as the address of an `<img>`; in an image of its own its ids meet no others."""
    stream = io.BytesIO()
    written(draw(figure.plot, figure.size), stream, "svg")
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
