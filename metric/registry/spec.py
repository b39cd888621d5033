"""What the registry knows of a metric, as data; light to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from metric.extra import INSTALL, torch_is_installed
from metric.weights.finding import find_weights, say_missing
from metric.weights.needs import WeightsNeed

OUR_LICENCE = "BSD-3-Clause"


@dataclass(frozen=True)
class MetricSpec:
    """One metric.

    Attributes:
        name: what `--metric` takes.
        summary: what it is, in a few words.
        source: the publication, with section or equation.
        factory: `module:function`; the function takes this record and a `metric.weights.finding.Weights`, and
            gives the metric on the CPU.
        smallest_px: least width and height of an image, pixels.
        weights: what it needs to be trained with.
        code_licence: of the code that computes it.
        converts_to: what becomes of RGB in [0, 1] inside, such as "CIE Lab / 100".
        lower_is_more_similar: False for a similarity, whose value grows as images grow alike.
        identical: its value for identical images, which are then not computed; None where only computing tells.
        deterministic: whether the same pair is sure to give the same value (on one machine).
        version: of the code that computes it, where that is not this project's; a scoring run goes on only with
            the version that it began with.
        note: what else a user should know, in sentences.
    """

    name: str
    summary: str
    source: str
    factory: str
    smallest_px: int
    weights: tuple[WeightsNeed, ...] = ()
    code_licence: str = OUR_LICENCE
    converts_to: str = "RGB in [0, 1]"
    lower_is_more_similar: bool = True
    identical: float | None = None
    deterministic: bool = True
    version: str = ""
    note: str = ""

    def describe(self) -> dict[str, Any]:
        """What `shift-study metrics --json` says of it; `missing` says what it lacks here, one sentence each."""
        found = {need.role: find_weights(need) for need in self.weights}
        missing = [say_missing(self.name, need) for need in self.weights if found[need.role] is None]
        if not torch_is_installed():
            missing.insert(0, f'torch is not installed; it comes with the extra "metric": {INSTALL}')
        return {
            "metric": self.name,
            "summary": self.summary,
            "source": self.source,
            "code_licence": self.code_licence,
            "input": "RGB in [0, 1]",
            "converts_to": self.converts_to,
            "smallest_px": self.smallest_px,
            "lower_is_more_similar": self.lower_is_more_similar,
            "identical": self.identical,
            "deterministic": self.deterministic,
            "note": self.note,
            "weights": [
                {
                    "role": need.role,
                    "what": need.what,
                    "licence": need.licence,
                    "found": place.how if (place := found[need.role]) else None,
                    "path": str(place.path) if place else None,
                }
                for need in self.weights
            ],
            "available": not missing,
            "missing": missing,
        }
