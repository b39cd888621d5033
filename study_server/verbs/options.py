"""What the verbs of this package have in common: kinds of arguments, an option, the way figures are printed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

FOLDER = click.Path(path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
DATABASE_URL = click.option(
    "--database-url",
    metavar="URL",
    default="",
    help="Where the data are, as postgresql://user@host/name.  [default: server.database_url, or DIR/study.db]",
)


def numbers(_ctx: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, ...]:
    """Of an option: whole numbers with commas between them; none where it is left out."""
    if value is None:
        return ()
    if not re.fullmatch(r"\d{1,6}(,\d{1,6})*", value):
        raise click.BadParameter(f"{value!r}: give whole numbers with commas between them, such as 0,2,3,9")
    return tuple(map(int, value.split(",")))


def echo(as_json: bool, figures: dict[str, Any], text: str) -> None:
    """Print figures, as JSON or as text."""
    click.echo(json.dumps(figures, ensure_ascii=False) if as_json else text)
