"""A study folder: study.toml, manifest.csv, stimuli/, practice/ — making one and opening one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study_server.errors import StudyError
from study_server.folder import study_toml
from study_server.settings import Settings
from study_server.stimuli import manifest
from study_server.stimuli.manifest import PRACTICE, ManifestRow
from study_server.stimuli.published import FILE_NAME as PUBLISHED
from study_server.stimuli.published import Published, copy_of, published_of
from study_server.tasks import task
from study_server.tasks.task import Example, PracticeTrial, Task

if TYPE_CHECKING:
    from study_server.stimuli.sent_images import SentImages

DATABASE = "study.db"
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

    @property
    def task(self) -> Task[Any]:
        """What participants are asked."""
        return task(self.settings.study.task)

    @cached_property
    def rows(self) -> list[ManifestRow]:
        """The manifest's rows; they must be the complete set that study.toml speaks of."""
        rows = manifest.read_manifest(self.manifest_path, self.task.row_type)
        self.task.check_rows(rows, self.settings, self.manifest_path)
        return rows

    @cached_property
    def _by_name(self) -> dict[str, ManifestRow]:
        return {row.name: row for row in self.rows}

    def row(self, name: str) -> ManifestRow:
        """The row of the stimulus with this name."""
        return self._by_name[name]

    @cached_property
    def practice_trials(self) -> list[PracticeTrial]:
        """The practice, in order; empty where the study has none."""
        return self.task.practice(self.settings, self.practice_rows) if self.has_practice else []

    @property
    def has_practice(self) -> bool:
        """Whether participants practise."""
        return self.task.has_practice(self.settings)

    @cached_property
    def practice_rows(self) -> list[ManifestRow]:
        """All rows of the practice manifest; none where the study was made without practice."""
        path = self.practice_path / manifest.FILE_NAME
        return manifest.read_manifest(path, self.task.row_type) if self.has_practice or path.exists() else []

    @property
    def example(self) -> Example | None:
        """What the instructions show."""
        return self.task.example(self.practice_rows)

    @cached_property
    def copies(self) -> tuple[str, ...]:
        """The images of a stimulus where each place needs a file of its own: one of a role that stands at two, twice.

        They are called as `published.copy_of` says.
        """
        row = self.rows[0]
        most = dict.fromkeys(row.files, 0)
        for arrangement in self.task.arrangements(row):
            for role in most:
                most[role] = max(most[role], arrangement.count(role))
        return tuple(copy_of(role, number) for role, count in most.items() for number in range(count))

    def stimulus_path(self, file: str) -> Path:
        """Where an image is that the manifest names so; the same object each time."""
        return self._stimulus_paths.get(file) or self.path / file

    @cached_property
    def _stimulus_paths(self) -> dict[str, Path]:
        return {file: self.path / file for row in self.rows for file in row.files.values()}

    @cached_property
    def sent_images(self) -> SentImages:
        """The images of stimuli, practice and example in the form in which browsers get them."""
        from study_server.stimuli.sent_images import SentImages  # loads what reads images

        practice = [trial.row for trial in self.practice_trials]
        practice += [self.example.row] if self.example else []
        # In the order in which a participant sees them, which is that in which they are compressed.
        return SentImages(self.path / COMPRESSED, [(self.practice_path, practice), (self.path, self.rows)])

    @cached_property
    def published(self) -> Published | None:
        """The names of the stimuli elsewhere, where server.stimuli_url says that browsers get them there."""
        if not self.settings.server.stimuli_url:
            return None
        try:
            return published_of(
                self.path / PUBLISHED,
                manifest.manifest_sha256(self.manifest_path),
                [row.name for row in self.rows],
                self.copies,
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
