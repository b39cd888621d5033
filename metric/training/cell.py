"""One cell of a grid: a row trained with one seed, scored on judged triplets, and what is kept of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from metric.errors import MetricError
from metric.scoring.distance_files import written_whole
from metric.scoring.journal import is_unfinished
from metric.training.configuration import Configuration
from metric.training.grid import Row
from metric.training.judged_set import JudgedSet
from metric.training.reading import configuration_to_json
from metric.triplets.run import TripletRun
from metric.triplets.triplet import TripletSet

SCHEMA = "shift-study/ablation-cell/1"
RESULT, SCORES = "cell.json", "scores.parquet"


class Trained(Protocol):
    """What a training gives."""

    @property
    def file(self) -> Path: ...
    @property
    def steps(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def loss(self) -> float: ...
    @property
    def two_afc(self) -> float: ...


Train = Callable[[Configuration, JudgedSet, Path], Trained]
"""Trains in a folder, or goes on there, or gives what was trained there before."""


class FiguresDoor(Protocol):
    """Where the command line gives 2AFC scores and rank flips of a file of triplet scores."""

    def triplet_table(self, files: Sequence[str]) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Figure:
    """A figure in % with its interval over triplets; `method` says how that came about, or why there is none."""

    estimate: float
    low: float | None
    high: float | None
    method: str


@dataclass(frozen=True)
class Found:
    """What is known of a cell.

    Attributes:
        two_afc: 2AFC score, the mean over categories.
        rank_flip_rate: by shift in pixels.
        training: what the training says of itself: `steps`, `seconds`, `loss` and `two_afc` (in [0, 1], of the
            triplets that it was trained on).
    """

    two_afc: Figure
    rank_flip_rate: Mapping[int, Figure]
    training: Mapping[str, float]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The 2AFC score, then the rank-flip rates from the smallest shift on."""
        return (self.two_afc, *(self.rank_flip_rate[shift] for shift in sorted(self.rank_flip_rate)))


@dataclass(frozen=True)
class Cell:
    """A row with one seed; `found` is None where it is not finished, and `failed` is why."""

    row: Row
    seed: int
    found: Found | None = None
    failed: str = ""

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.row.name}-seed{self.seed}"


@dataclass(frozen=True)
class Bench:
    """What the cells of a grid have in common.

    Attributes:
        judged: what is trained on.
        test: what is scored.
        shifts: of the crops, in pixels.
        folder: of the cells' folders.
        train: makes a metric.
        door: makes figures of distances.
        device: a torch device.
        force: train and score again what is there.
    """

    judged: JudgedSet
    test: TripletSet
    shifts: Sequence[int]
    folder: Path
    train: Train
    door: FiguresDoor
    device: str = "cpu"
    force: bool = False

    def __post_init__(self) -> None:
        trained_on = {_which(path) for triplet in self.judged.triplets for path in triplet.compared}
        both = sum(any(_which(path) in trained_on for path in triplet.compared) for triplet in self.test.triplets)
        if both:
            raise MetricError(
                f"{both} of the {len(self.test.triplets)} triplets to be scored are trained on, being of "
                f"{self.judged.origin} too, and tell nothing of others; give others with --test or --split."
            )

    def measure(
        self,
        cell: Cell,
        begin: Callable[[int, int], object] = lambda to_score, resumed: None,
        advance: Callable[[], object] = lambda: None,
    ) -> Found:
        """The figures of a cell: kept ones, where its folder has them of the same training and triplets.

        Args:
            cell: of the grid.
            begin: called before scoring, with the number of triplets to score and of those that are scored already.
            advance: called after each.

        Raises:
            MetricError: where it cannot be trained, scored or kept.
        """
        folder = self.folder / cell.name
        configuration = cell.row.seeded(cell.seed)
        kept = {} if self.force else _read(folder / RESULT)
        if found := self._kept(kept, configuration, folder):
            return found
        trained = self.train(configuration, self.judged, folder)
        of = self._of(configuration, trained.file)
        training = {
            "steps": trained.steps, "seconds": trained.seconds, "loss": trained.loss, "two_afc": trained.two_afc,
        }  # fmt: skip
        scores = folder / SCORES
        # Distances of an earlier run are those of the same metric only where it was the same cell.
        begun = kept.get("of") == of and (is_unfinished(scores) or not scores.exists())
        _write(folder / RESULT, of, training, None)
        self._score(trained.file, configuration, scores, begin, advance, overwrite=not begun)
        figures = self.door.triplet_table([str(scores)])["metrics"][0]
        _write(folder / RESULT, of, training, figures)
        return _found(figures, training)

    def _kept(self, kept: Mapping[str, Any], configuration: Configuration, folder: Path) -> Found | None:
        """What an earlier run found of the same, if the metric is still there, and the same."""
        with suppress(KeyError, TypeError, ValueError, AttributeError, OSError):
            if kept["figures"] and kept["of"] == self._of(configuration, folder / kept["file"]):
                return _found(kept["figures"], kept["training"])
        return None

    def _of(self, configuration: Configuration, file: Path) -> dict[str, Any]:
        """What makes a cell this one; `OSError` where there is no such file of a metric."""
        test = sha256()
        for triplet in self.test.triplets:
            test.update(f"{triplet.key} {triplet.images} {triplet.judge!r}\n".encode(errors="surrogateescape"))
        return {
            "configuration": configuration_to_json(configuration),
            "data": self.judged.sha256,
            "test": test.hexdigest(),
            "shifts": list(self.shifts),
            "metric": sha256(file.read_bytes()).hexdigest(),
        }

    def _score(
        self,
        file: Path,
        configuration: Configuration,
        scores: Path,
        begin: Callable[[int, int], object],
        advance: Callable[[], object],
        *,
        overwrite: bool,
    ) -> None:
        from metric.loading import find_spec, load_metric
        from metric.scoring.run_settings import settings_of

        name = str(file)
        TripletRun(
            self.test,
            [load_metric(name, self.device)],
            size_px=configuration.data.size_px,
            filter=configuration.data.resize,
            shifts=self.shifts,
            device=self.device,
            output=scores,
            settings={name: settings_of(find_spec(name), {}, self.device.partition(":")[0], "float32")},
            overwrite=overwrite,
        ).run(begin=begin, advance=advance)


def _which(path: Path) -> tuple[int, int]:
    """The file itself, by whatever links it is named; ten times as fast as to follow these one by one."""
    try:
        found = path.stat()
    except OSError as error:
        raise MetricError(f"{path} cannot be read: {error.strerror or error}.") from error
    return found.st_dev, found.st_ino


def _read(path: Path) -> dict[str, Any]:
    """What an earlier run has kept; nothing where it is damaged: then it is found anew."""
    with suppress(OSError, ValueError, RecursionError):
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and content.get("schema") == SCHEMA:
            return content
    return {}


def _write(path: Path, of: Mapping[str, Any], training: Mapping[str, Any], figures: Any) -> None:
    content = {"schema": SCHEMA, "file": "metric.safetensors", "of": of, "training": training, "figures": figures}
    with written_whole(path) as draft:
        draft.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def _found(figures: Mapping[str, Any], training: Mapping[str, float]) -> Found:
    rates = figures["rank_flip_rate_interval"]
    return Found(
        Figure(**figures["two_afc_interval"]),
        {int(shift): Figure(**estimate) for shift, estimate in rates.items()},
        dict(training),
    )
