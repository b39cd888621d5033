"""The verbs that this package offers to the command line. Heavy imports happen inside each verb."""

from __future__ import annotations

import click

from metric.verbs.ablate import ablate_verb
from metric.verbs.bapps import bapps_group
from metric.verbs.clic import clic_group
from metric.verbs.convert_weights import convert_weights_verb
from metric.verbs.difference_maps import difference_maps_verb
from metric.verbs.distance import distance_verb
from metric.verbs.elements import elements_verb
from metric.verbs.metrics import metrics_verb
from metric.verbs.score import score_verb
from metric.verbs.score_images import score_images_verb
from metric.verbs.train import train_verb

VERBS: list[click.Command] = [
    ablate_verb,
    bapps_group,
    clic_group,
    convert_weights_verb,
    difference_maps_verb,
    distance_verb,
    elements_verb,
    metrics_verb,
    score_verb,
    score_images_verb,
    train_verb,
]
