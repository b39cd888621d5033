"""The verbs that this package offers to the command line. Heavy imports happen inside each verb."""

from __future__ import annotations

import click

VERBS: list[click.Command] = []
