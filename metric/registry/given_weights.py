"""Metrics whose weights no installed package carries: they are given as a file, or converted from the authors'."""

from __future__ import annotations

from metric.registry.spec import MetricSpec

SPECS: tuple[MetricSpec, ...] = ()
