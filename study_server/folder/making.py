"""Making a study folder: whole, or nothing of it."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from study_server.csv_cells import guarded
from study_server.errors import StudyError
from study_server.folder import study_toml
from study_server.folder.private_files import make_folder_private
from study_server.folder.study_folder import StudyFolder
from study_server.tasks.task import Plan, Task

SKIPPED = "skipped.csv"


@dataclass(frozen=True)
class MadeStudy:
    """What `create` made, which photographs it could not use (name → reason), and what is odd about those it used."""

    folder: StudyFolder
    n_stimuli: int
    photographs_used: int
    skipped: dict[str, str]
    remarks: Mapping[str, Sequence[str]]


def refuse_taken(path: Path) -> None:
    """Raise StudyError where there is something at `path` already; an empty folder is fine."""
    if path.is_symlink() and not path.exists():
        raise StudyError(f"{path} is a link to nothing: name a new folder")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise StudyError(f"{path} exists and is not empty: name a new folder")


def create(path: Path, task: Task[Any], plan: Plan[Any], *, compressed: bool = True) -> MadeStudy:
    """Make a study folder at `path`; nothing is left behind where it fails.

    compressed: whether to compress its images, too, which a server does otherwise.
    Raises StudyError where `path` is taken or its stimuli cannot be made.
    """
    refuse_taken(path)
    with _building(path) as root:
        make_folder_private(root, plan.settings.server.group)
        study_toml.write_settings(plan.settings, root / study_toml.FILE_NAME)
        study_toml.read_settings(root / study_toml.FILE_NAME)  # before any work: a bad setting
        made = plan.make(root)
        if made.settings is not None:
            settings = replace(made.settings, study=plan.settings.study)
            study_toml.write_settings(settings, root / study_toml.FILE_NAME)
        if made.skipped:
            with (root / SKIPPED).open("w", newline="", encoding="utf-8") as file:
                rows_of_text = [("source_file", "reason"), *made.skipped.items()]
                csv.writer(file, lineterminator="\n").writerows(map(guarded, row) for row in rows_of_text)
        folder = StudyFolder(root)
        _ = folder.rows, folder.practice_trials  # what was written must be readable
        if compressed:
            folder.sent_images.fill()
    plan.finish()
    return MadeStudy(StudyFolder(path), len(made.rows), made.used, made.skipped, made.remarks)


@contextmanager
def _building(path: Path) -> Iterator[Path]:
    """A folder to build in. It becomes `path` if all goes well; if not, nothing is left behind."""
    new_parents = [parent for parent in path.parents if not parent.exists()]
    # An empty folder that is there already is filled, not replaced: somebody may stand in it or have mounted it.
    fill = path.is_dir()
    home = path if fill else path.parent
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-study-", dir=home) as temporary:
            root = Path(temporary) / "study"
            root.mkdir()
            yield root
            if fill:
                for part in list(root.iterdir()):
                    part.rename(path / part.name)
            else:
                root.rename(path)
    except BaseException as error:
        for parent in new_parents:
            with suppress(OSError):
                parent.rmdir()
        if isinstance(error, OSError):
            raise StudyError(f"{path} cannot be made: {error}") from error
        raise
