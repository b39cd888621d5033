"""The verbs that this package offers to the command line. Heavy imports happen inside each verb."""

from __future__ import annotations

import click

from study_server.verbs.recruiting import links, participants, release
from study_server.verbs.serving import demo, serve
from study_server.verbs.simulating import simulate
from study_server.verbs.study_folder import check, new, publish
from study_server.verbs.upkeep import backup, password, restore, upgrade

VERBS: list[click.Command] = [
    new, check, serve, publish, demo, simulate, backup, restore, upgrade, password, links, release, participants,
]  # fmt: skip
