"""Options and output that the verbs share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from metric.errors import MetricError

METRIC_HELP = "Name of a metric; `shift-study metrics` lists them."

device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda or cuda:N; auto takes a GPU if there is one.",
)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
weights_option = click.option(
    "--weights",
    "weights",
    multiple=True,
    metavar="METRIC[:ROLE]=FILE",
    help="Take a metric's trained weights from FILE; may be given several times. `shift-study metrics NAME` "
    "lists the roles of a metric that has several.",
)
download_option = click.option(
    "--download", is_flag=True, help="Download weights that are not on this machine, where torchvision publishes them."
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="bfloat16 is faster and keeps two to three digits; for metrics on networks.",
)


def parse_weights(values: Iterable[str], names: Iterable[str]) -> dict[str, dict[str, Path]]:
    """Metric → role → file, of what `--weights` was given; a metric with one role needs no role named.

    Args:
        values: each `METRIC=FILE` or `METRIC:ROLE=FILE`.
        names: the metrics that will be computed.

    Raises:
        MetricError: for another form, a metric that is not computed, a role that it has not, a role given
            twice, and a missing file.

    >>> parse_weights(["stlpips-alex=no-such.pt"], ["stlpips-alex"])
    Traceback (most recent call last):
    metric.errors.MetricError: There is no file of weights no-such.pt.
    """
    from metric.loading import find_spec

    computed = list(names)
    parsed: dict[str, dict[str, Path]] = {}
    for value in values:
        target, equals, file = value.partition("=")
        if not equals or not target or not file:
            raise MetricError(f'"{value}" names no file of weights; write METRIC=FILE or METRIC:ROLE=FILE.')
        metric, role = target, ""
        if target not in computed and ":" in target:  # pyiqa:NAME has a colon of its own
            metric, _, role = target.rpartition(":")
        if metric not in computed:
            raise MetricError(f'--weights names "{metric}", which is not computed here; name it with --metric.')
        roles = [need.role for need in find_spec(metric).weights]
        if not roles:
            raise MetricError(f"{metric} has no weights to be given with --weights.")
        if not role and len(roles) > 1:
            raise MetricError(
                f"{metric} has several files of weights; say which one {file} is: "
                f"{' or '.join(f'--weights {metric}:{each}=FILE' for each in roles)}."
            )
        role = role or roles[0]
        if role not in roles:
            raise MetricError(f'{metric} has no weights called "{role}"; it needs: {", ".join(roles)}.')
        if role in parsed.get(metric, {}):
            raise MetricError(f"--weights names the {role} of {metric} twice; name it once.")
        path = Path(file)
        if not path.is_file():
            raise MetricError(f"There is no file of weights {path}.")
        parsed.setdefault(metric, {})[role] = path
    return parsed


def print_json(content: Any) -> None:
    """JSON on stdout; it has no NaN and no infinity."""
    click.echo(json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False))
