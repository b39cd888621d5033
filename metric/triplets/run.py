"""The triplets of a set under several metrics, in a run that may be killed and begun again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from metric.errors import MetricError
from metric.interface import FeatureMetric
from metric.learned.trained_record import is_trained_file
from metric.registry import METRICS
from metric.scoring.processes import Processes
from metric.scoring.shared_run import SharedRun
from metric.triplets.decoding import Decoder
from metric.triplets.distances import Comparison
from metric.triplets.score_file import SCHEMA, ScoreTable, distance_columns
from metric.triplets.study_triplets import StudyStimulus, by_triplet
from metric.triplets.triplet import Triplet, TripletSet

_COLUMN = "all metrics"
"""All metrics' distances of a triplet stand together in one journal and one file."""
_SMALL_PX = 128
JND_SCHEMA = "shift-study/jnd-distances/1"


@dataclass(frozen=True)
class TripletScores:
    """What a run found.

    Attributes:
        triplets: those that have distances, in the order of the set.
        distances: metric → key of the triplet → its distances.
        seconds: metric → time spent in it, without reading images and loading weights.
        computed: how many were computed now, and not taken from an earlier run.
        bad: what was left out, one sentence each.
    """

    triplets: Sequence[Triplet]
    distances: Mapping[str, Mapping[str, Sequence[float]]]
    seconds: Mapping[str, float]
    computed: int
    bad: Sequence[str]


@dataclass(frozen=True)
class TripletRun:
    """A scoring pass over a set.

    Attributes:
        triplets: the set; of judged pairs, each has one distance.
        metrics: on `device` (see `metric.load`).
        size_px: the shorter side that images are resized to first; None leaves them as they are.
        filter: see `metric.triplets.crops.resized`.
        shifts: of the crops, in pixels; 0 is added where there are others, for flips are counted against it.
        device: a torch device.
        output: where the table is written; what is scored is kept beside it until then.
        settings: metric → what must be the same for a distance to be the same.
        skip_bad: go on where an image is unreadable.
        overwrite: replace a file that exists, and begin again.
        workers: threads that read ahead.
    """

    triplets: TripletSet
    metrics: Sequence[FeatureMetric]
    size_px: int | None = 64
    filter: str = "bicubic"
    shifts: Sequence[int] = (0, 1, 2, 3)
    device: str = "cpu"
    output: Path | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    skip_bad: bool = False
    overwrite: bool = False
    workers: int = 2

    @property
    def columns(self) -> list[str]:
        """Names of the distances of a triplet (or pair) under one metric."""
        if self.triplets.name == "bapps-jnd":
            return ["distance"]
        return distance_columns(self.all_shifts)

    @property
    def all_shifts(self) -> list[int]:
        """The shifts of the crops, with 0."""
        return sorted({0, *self.shifts}) if self.shifts else []

    def run(
        self,
        processes: Processes | None = None,
        begin: Callable[[int, int], object] = lambda to_score, resumed: None,
        advance: Callable[[], object] = lambda: None,
    ) -> TripletScores:
        """Scores the set, writes the table, and gives what was found, the same in every process.

        Raises:
            MetricError: for an image that is unreadable, of another size than its partners or too small (unless
                `skip_bad`), a distance that is not finite, and as `SharedRun.run` does.
        """
        processes = processes or Processes()
        bad: list[str] = []
        names = [metric.spec.name for metric in self.metrics]

        def compute(
            mine: Sequence[Triplet],
        ) -> Iterator[tuple[Triplet, Mapping[str, Sequence[float]], Mapping[str, float]]]:
            decoded = Decoder(self.size_px, self.filter, self.workers).decode(mine)
            comparison = Comparison(
                self.metrics,
                self.all_shifts,
                self.device,
                self.triplets.shared_references,
                side_by_side=self._side_by_side(),
            )
            for found in comparison.stream(decoded):
                if found.problem is None:
                    values = tuple(chain.from_iterable(found.distances[name] for name in names))
                    yield found.triplet, {_COLUMN: values}, found.seconds
                elif self.skip_bad:
                    bad.append(f"{found.triplet.key}: {found.problem}")
                    advance()
                else:
                    raise found.problem

        def write(found: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
            if not found[_COLUMN]:
                why = f": {bad[0]}" if bad else "."
                raise MetricError(f"Not one of the {len(self.triplets.triplets)} triplets could be scored{why}")
            if self.output is not None:
                self._write(self._by_metric(names, found[_COLUMN]), self.output)

        files = {} if self.output is None else {_COLUMN: self.output}
        shared = SharedRun(
            self.triplets.triplets,
            [_COLUMN],
            files,
            {_COLUMN: self.all_settings()},
            compute,
            write,
            width=len(names) * len(self.columns),
            overwrite=self.overwrite,
        )
        found, seconds, computed = shared.run(processes, begin, advance)
        skipped = list(chain(self.triplets.bad, *processes.gather(bad)))
        scored = found[_COLUMN]
        triplets = [triplet for triplet in self.triplets.triplets if triplet.key in scored]
        return TripletScores(
            triplets, self._by_metric(names, scored), dict.fromkeys(names, 0.0) | seconds, computed, skipped
        )

    def all_settings(self) -> dict[str, Any]:
        """What must be the same for an earlier run's distances to be taken."""
        settings: dict[str, Any] = {
            "set": self.triplets.name,
            "list of metrics": ", ".join(metric.spec.name for metric in self.metrics),
            "size": "as it is" if self.size_px is None else f"{self.size_px} px",
            "filter": self.filter,
            "list of shifts": ", ".join(map(str, self.all_shifts)) or "none",
        }
        for metric in self.metrics:
            of_metric = self.settings.get(metric.spec.name, {})
            settings |= {f"{name} of {metric.spec.name}": value for name, value in of_metric.items()}
        return settings

    def _side_by_side(self) -> int:
        """Threads that each compute a triplet: as many as PyTorch has, for small images under our own metrics.

        Code of the user's own, and what draws random numbers, may not be ready for it.
        """
        from torch import get_num_threads

        small = self.size_px is not None and self.size_px <= _SMALL_PX and not self.triplets.shared_references
        own = all(
            (metric.spec.name in METRICS or is_trained_file(metric.spec.name)) and metric.spec.deterministic
            for metric in self.metrics
        )
        return get_num_threads() if small and own and self.device == "cpu" else 1

    def _by_metric(
        self, names: Sequence[str], found: Mapping[str, Sequence[float]]
    ) -> dict[str, dict[str, Sequence[float]]]:
        width = len(self.columns)
        return {
            name: {key: values[index * width : (index + 1) * width] for key, values in found.items()}
            for index, name in enumerate(names)
        }

    def _write(self, distances: Mapping[str, Mapping[str, Sequence[float]]], output: Path) -> None:
        table, rows = self._table(distances), self.triplets.triplets
        stimuli = [one for one in rows if isinstance(one, StudyStimulus)]
        if stimuli:
            table, rows = by_triplet(table, stimuli)
        table.write(output, rows)

    def _table(self, distances: Mapping[str, Mapping[str, Sequence[float]]]) -> ScoreTable:
        pairs = self.triplets.name == "bapps-jnd"
        return ScoreTable(
            schema=JND_SCHEMA if pairs else SCHEMA,
            set_name=self.triplets.name,
            votes=self.triplets.votes,
            size_px=self.size_px,
            judge="same" if pairs else "judge",
            columns=self.columns,
            distances=distances,
            settings=self.all_settings(),
        )


def first_of(bad: Sequence[str], most: int = 20) -> list[str]:
    """The first sentences of what was left out, and how many there are more."""
    more = len(bad) - most
    return [*islice(bad, most), *([f"... and {more} more"] if more > 0 else [])]
