"""`shift-study metrics`: what there is, and what each lacks."""

from __future__ import annotations

from pathlib import Path

import click

from metric.verbs.options import as_json_option, print_json


@click.command("metrics")
@click.argument("name", required=False)
@as_json_option
def metrics_verb(name: str | None, as_json: bool) -> None:
    """List the metrics and where their weights were found; or show all that is known of the metric NAME.

    Of a file that `shift-study train` has written: its network, and on what and how it was trained.

    \b
    Examples: shift-study metrics
              shift-study metrics lpips-alex
              shift-study metrics run/metric.safetensors
              shift-study metrics --json
    """
    from metric.learned.trained_record import is_trained_file, read_record
    from metric.loading import find_spec
    from metric.networks.compiler import compiled
    from metric.outside.resolving import offered_by_packages
    from metric.registry import METRICS
    from metric.verbs.metrics_table import metric_sheet, metrics_table
    from metric.verbs.trained_sheet import trained_json, trained_rows

    if name is not None:
        described, rows = find_spec(name).describe(), []
        if is_trained_file(name):
            record = read_record(Path(name))
            described["trained"] = trained_json(record, Path(name))
            rows = trained_rows(described["trained"], record.network)
        if as_json:
            print_json(described)
        else:
            click.echo(metric_sheet(described, rows))
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
