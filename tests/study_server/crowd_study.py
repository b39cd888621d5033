"""A study for crowds: ten trials of the smallest crops, and no limit on who comes from one address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from study_server.folder import study_toml
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder


def make_crowd_study(path: Path) -> StudyFolder:
    """10 images at shifts 0–9: ten participants are a round."""
    made = make_study(path, source="demo", count=10, size=16, seed=3, name="study").folder
    server = replace(made.settings.server, arrivals_per_minute=0, requests_per_minute=0)
    recruitment = replace(made.settings.recruitment, unfinished_per_address=0)
    changed = replace(made.settings, server=server, recruitment=recruitment)
    study_toml.write_settings(changed, path / study_toml.FILE_NAME)
    return StudyFolder(path)
