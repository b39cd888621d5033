"""A study folder: study.toml, manifest.csv, stimuli/, practice/ — making one and opening one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from study_server.errors import StudyError
from study_server.folder import study_toml
from study_server.folder.settings import Settings
from study_server.stimuli import manifest
from study_server.stimuli.directions import DIRECTIONS
from study_server.stimuli.manifest import PairRow, pair_id
from study_server.stimuli.published import FILE_NAME as PUBLISHED
from study_server.stimuli.published import Published, published_of

if TYPE_CHECKING:
    from study_server.stimuli.sent_images import SentImages

PRACTICE = "practice"
STIMULI = "stimuli"
DATABASE = "study.db"
SKIPPED = "skipped.csv"
COMPRESSED = "compressed"


@dataclass(frozen=True)
class StudyFolder:
    """An existing study folder. Its parts are read and validated when first asked for."""

    path: Path
    other_database: str = ""
    """URL of the database to use instead of the one that the settings name."""

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            raise StudyError(f"{self.path} is not a folder: make a study there with shift-study new {self.path}")
        if not (self.path / study_toml.FILE_NAME).is_file():
            raise StudyError(
                f"{self.path} is not a study folder ({study_toml.FILE_NAME} is missing): make one with shift-study new"
            )

    @cached_property
    def settings(self) -> Settings:
        """The settings in study.toml."""
        return study_toml.read_settings(self.path / study_toml.FILE_NAME)

    @cached_property
    def pairs(self) -> list[PairRow]:
        """The manifest's rows; they must be the complete set that study.toml speaks of."""
        rows = manifest.read_manifest(self.manifest_path)
        s = self.settings.stimuli
        images = {row.image for row in rows}
        if len(images) != s.count or len(rows) != s.count * len(s.all_shifts):
            said = ", ".join(map(str, s.shifts)) if s.shifts else f"0 to {s.max_shift}"
            raise StudyError(
                f"{self.manifest_path} has {len(rows)} pairs of {len(images)} images, but [stimuli] in study.toml says "
                f"{s.count} images with shifts {said}: restore the one that was changed"
            )
        missing = set(product(images, s.all_shifts)) - {(row.image, row.shift_px) for row in rows}
        if missing:
            raise StudyError(f"{self.manifest_path} lacks the pair {pair_id(*min(missing))}: restore it")
        ways = DIRECTIONS if s.direction == "mixed" else (s.direction,)
        if any(row.size != s.size or row.direction not in ways for row in rows):
            raise StudyError(
                f"{self.manifest_path} and [stimuli] in study.toml differ in size or direction: "
                "restore the one that was changed"
            )
        return rows

    @cached_property
    def practice_pairs(self) -> list[PairRow]:
        """One pair for each of the practice shifts, in order; empty where the study has no practice."""
        shifts = self.settings.practice.shifts
        if not shifts:
            return []
        rows = {row.pair: row for row in self.practice_rows}
        images = sorted({row.image for row in rows.values()})
        chosen = []
        for position, shift in enumerate(shifts):
            wanted = pair_id(images[position % len(images)], shift)
            if wanted not in rows:
                raise StudyError(
                    f"practice.shifts in study.toml asks for {shift} px, but the practice stimuli have shifts up to "
                    f"{max(row.shift_px for row in rows.values())}"
                )
            chosen.append(rows[wanted])
        return chosen

    @cached_property
    def practice_rows(self) -> list[PairRow]:
        """All rows of the practice manifest; none where the study was made without practice."""
        path = self.practice_path / manifest.FILE_NAME
        return manifest.read_manifest(path) if self.settings.practice.shifts or path.exists() else []

    @property
    def example_pair(self) -> PairRow | None:
        """The pair that shows in the instructions what a shift looks like: a practice image at its largest shift."""
        return max(self.practice_rows, key=lambda row: row.shift_px, default=None)

    def stimulus_path(self, file: str) -> Path:
        """Where an image is that the manifest names so; the same object each time."""
        return self._stimulus_paths.get(file) or self.path / file

    @cached_property
    def _stimulus_paths(self) -> dict[str, Path]:
        return {file: self.path / file for row in self.pairs for file in (row.reference_file, row.stimulus_file)}

    @cached_property
    def sent_images(self) -> SentImages:
        """The images of stimuli, practice and example in the form in which browsers get them."""
        from study_server.stimuli.sent_images import SentImages  # loads what reads images

        practice = [*self.practice_pairs, *([self.example_pair] if self.example_pair else [])]
        # In the order in which a participant sees them, which is that in which they are compressed.
        return SentImages(self.path / COMPRESSED, [(self.practice_path, practice), (self.path, self.pairs)])

    @cached_property
    def published(self) -> Published | None:
        """The names of the stimuli elsewhere, where server.stimuli_url says that browsers get them there."""
        if not self.settings.server.stimuli_url:
            return None
        try:
            return published_of(
                self.path / PUBLISHED, manifest.manifest_sha256(self.manifest_path), [row.pair for row in self.pairs]
            )
        except StudyError as error:
            raise StudyError(f"server.stimuli_url is set, but {error}") from error

    @property
    def manifest_path(self) -> Path:
        """Path of the stimulus manifest."""
        return self.path / manifest.FILE_NAME

    @property
    def practice_path(self) -> Path:
        """Folder of the practice stimuli and their manifest."""
        return self.path / PRACTICE

    @property
    def has_database(self) -> bool:
        """Whether there may be data: the folder's own database file exists, or another database is named."""
        elsewhere = self.other_database or self.settings.server.database_url
        return bool(elsewhere) or (self.path / DATABASE).exists()

    @property
    def database_url(self) -> str:
        """URL of the study's database: the one that study.toml names, or study.db in the folder."""
        elsewhere = self.other_database or self.settings.server.database_url
        return elsewhere or f"sqlite:///{(self.path / DATABASE).resolve()}"
