"""Options and output that the verbs share."""

from __future__ import annotations

import json
from typing import Any

import click

METRIC_HELP = "Name of a metric; `shift-study metrics` lists them."

device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda or cuda:N; auto takes a GPU if there is one.",
)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def print_json(content: Any) -> None:
    """JSON on stdout; it has no NaN and no infinity."""
    click.echo(json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False))
