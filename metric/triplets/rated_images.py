"""Distances of images that people gave scores to from their references, in a run that may be killed and begun again."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from metric.errors import MetricError
from metric.interface import FeatureMetric
from metric.scoring.distance_files import written_whole
from metric.scoring.processes import Processes
from metric.scoring.shared_run import SharedRun
from metric.triplets.decoding import Decoder
from metric.triplets.distances import Comparison
from metric.triplets.triplet import Triplet, files_as_they_are

_COLUMN = "all metrics"
COLUMNS = ("metric", "reference", "image", "distance")


class RatedImage(Protocol):
    """An image with an opinion score: the names of it and its reference, and their files."""

    @property
    def reference(self) -> str: ...
    @property
    def image(self) -> str: ...
    @property
    def reference_file(self) -> Path: ...
    @property
    def image_file(self) -> Path: ...


class OpinionDoor(Protocol):
    """What the composed command lends these verbs in the context's `obj`."""

    def rated_images(self, source: str) -> Sequence[RatedImage]:
        """The images of a source of opinions."""


@dataclass(frozen=True)
class RatedImageRun:
    """A scoring pass over images, those of one reference together.

    Attributes:
        images: all that are to be scored, the same in every process.
        metrics: on `device` (see `metric.load`).
        device: a torch device.
        output: the CSV file that is written: `metric`, `reference`, `image`, `distance`.
        settings: metric → what must be the same for a distance to be the same.
        overwrite: replace a file that exists, and begin again.
    """

    images: Sequence[RatedImage]
    metrics: Sequence[FeatureMetric]
    device: str
    output: Path
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    overwrite: bool = False

    def run(
        self,
        processes: Processes,
        begin: Callable[[int, int], object] = lambda to_score, resumed: None,
        advance: Callable[[], object] = lambda: None,
    ) -> tuple[dict[str, float], int]:
        """Writes the distances; gives metric → the seconds spent in it, and how many images were compared now.

        Raises:
            MetricError: for an image that is unreadable, too small, or of another size than its reference, a distance
                that is not finite, and as `SharedRun.run` does.
        """
        names = [metric.spec.name for metric in self.metrics]
        ordered = sorted(self.images, key=lambda one: (str(one.reference_file), one.image))
        items = [_item(one) for one in ordered]

        def compute(
            mine: Sequence[Triplet],
        ) -> Iterator[tuple[Triplet, Mapping[str, Sequence[float]], Mapping[str, float]]]:
            comparison = Comparison(self.metrics, device=self.device, keep_references=True)
            for found in comparison.stream(Decoder().decode(mine)):
                if found.problem is not None:
                    raise MetricError(str(found.problem).replace(": give a larger --size", "; leave it out"))
                values = [found.distances[name][0] for name in names]
                yield found.triplet, {_COLUMN: values}, found.seconds

        def write(found: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
            rows = found[_COLUMN]
            with written_whole(self.output) as draft, draft.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(COLUMNS)
                for place, name in enumerate(names):
                    for one in self.images:
                        writer.writerow((name, one.reference, one.image, repr(float(rows[_key(one)][place]))))

        settings: dict[str, Any] = {"list of metrics": ", ".join(names)}
        for name in names:
            settings |= {f"{what} of {name}": value for what, value in self.settings.get(name, {}).items()}
        shared = SharedRun(
            items,
            [_COLUMN],
            {_COLUMN: self.output},
            {_COLUMN: settings},
            compute,
            write,
            width=len(names),
            overwrite=self.overwrite,
        )
        _, seconds, computed = shared.run(processes, begin, advance)
        return dict.fromkeys(names, 0.0) | seconds, computed


def _key(one: RatedImage) -> str:
    return f"{one.reference}/{one.image}"


def _item(one: RatedImage) -> Triplet:
    """The image as what the pass over judged triplets takes: a single image beside its reference."""
    return Triplet(
        category=one.reference,
        sample=one.image,
        reference=one.reference_file,
        compared=(one.image_file,),
        judge=0.5,
        reference_name=one.reference,
        images=files_as_they_are((one.reference_file, one.image_file)),
    )
