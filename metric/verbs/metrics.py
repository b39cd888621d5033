"""`shift-study metrics`: what there is, and what each lacks."""

from __future__ import annotations

import click

from metric.verbs.options import as_json_option, print_json


@click.command("metrics")
@click.argument("name", required=False)
@as_json_option
def metrics_verb(name: str | None, as_json: bool) -> None:
    """List the metrics and where their weights were found; or show all that is known of the metric NAME.

    \b
    Examples: shift-study metrics
              shift-study metrics lpips-alex
              shift-study metrics --json
    """
    from metric.loading import find_spec
    from metric.networks.compiler import compiled
    from metric.outside.resolving import offered_by_packages
    from metric.registry import METRICS
    from metric.verbs.metrics_table import metric_sheet, metrics_table

    if name is not None:
        described = find_spec(name).describe()
        if as_json:
            print_json(described)
        else:
            click.echo(metric_sheet(described))
        return
    offered = offered_by_packages()
    broken = {entry: found for entry, found in offered.items() if isinstance(found, str)}
    specs = [*METRICS.values(), *(found for found in offered.values() if not isinstance(found, str))]
    all_described = [spec.describe() for spec in specs]
    if as_json:
        print_json({"metrics": all_described, "broken": broken, "convolutions": compiled().how})
    else:
        click.echo(metrics_table(all_described, broken.values()))
        click.echo(f"\nOn a CPU, networks are computed {compiled().how}.")
