"""What the verbs of this package have in common: kinds of arguments, an option, the way figures are printed."""

from __future__ import annotations

import json
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


def echo(as_json: bool, figures: dict[str, Any], text: str) -> None:
    """Print figures, as JSON or as text."""
    click.echo(json.dumps(figures, ensure_ascii=False) if as_json else text)
