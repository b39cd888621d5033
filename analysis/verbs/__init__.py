"""The verbs that this package offers to the command line. Heavy imports happen inside each verb."""

from __future__ import annotations

import click

from analysis.verbs.agreement import compare, jnd
from analysis.verbs.exclusions import exclusions
from analysis.verbs.mixed import mixed
from analysis.verbs.observers import dprime, psychometric
from analysis.verbs.opinions import opinions
from analysis.verbs.planning import power, preregister
from analysis.verbs.reliability import reliability
from analysis.verbs.report import report
from analysis.verbs.responses import export, table1
from analysis.verbs.scorecard import scorecard
from analysis.verbs.triplets import bapps, clic
from analysis.verbs.two_alternative import flips, two_afc

VERBS: list[click.Command] = [
    export,
    table1,
    exclusions,
    psychometric,
    dprime,
    reliability,
    mixed,
    jnd,
    compare,
    two_afc,
    flips,
    opinions,
    power,
    preregister,
    report,
    scorecard,
    bapps,
    clic,
]
