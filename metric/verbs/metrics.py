"""`shift-study metrics`: what there is, and what each lacks."""

from __future__ import annotations

import click

from metric.verbs.options import as_json_option, print_json


@click.command("metrics")
@as_json_option
def metrics_verb(as_json: bool) -> None:
    """List the metrics: what each is, its licence, and whether its weights are installed.

    \b
    Example:  shift-study metrics --json
    """
    from metric.registry import METRICS
    from metric.tables import metrics_table

    described = [spec.describe() for spec in METRICS.values()]
    if as_json:
        print_json({"metrics": described})
    else:
        click.echo(metrics_table(described))
