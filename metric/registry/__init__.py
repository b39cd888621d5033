"""The metrics by name: what each is and where it comes from, as data that loads no torch."""

from __future__ import annotations

from metric.registry import classical, elpips, given_weights, lpips
from metric.registry.spec import MetricSpec

METRICS: dict[str, MetricSpec] = {
    spec.name: spec for spec in (*lpips.SPECS, *classical.SPECS, *elpips.SPECS, *given_weights.SPECS)
}
