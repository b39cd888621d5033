"""The verbs that this package offers to the command line. Heavy imports happen inside each verb."""

from __future__ import annotations

import click

from metric.verbs.convert_weights import convert_weights_verb
from metric.verbs.distance import distance_verb
from metric.verbs.metrics import metrics_verb
from metric.verbs.score import score_verb

VERBS: list[click.Command] = [convert_weights_verb, distance_verb, metrics_verb, score_verb]
