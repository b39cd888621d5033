"""A study that is quickly made and served."""

from __future__ import annotations

from pathlib import Path

from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder


def make_small_study(path: Path) -> StudyFolder:
    """A study of 30 trials with tiny images, for any number of participants."""
    folder = make_study(path, source="demo", count=30, size=16, seed=3).folder
    settings = path / "study.toml"
    text = settings.read_text(encoding="utf-8")
    for name, value in (("arrivals_per_minute", 300), ("requests_per_minute", 3000), ("unfinished_per_address", 50)):
        assert f"{name} = {value}" in text
        text = text.replace(f"{name} = {value}", f"{name} = 0")
    settings.write_text(text, encoding="utf-8")
    folder.sent_images.fill()
    return StudyFolder(path)
