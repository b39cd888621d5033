"""The rules that a study's settings may name are those of the analysis, and the verbs follow them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import analysis.responses.sources
from analysis.exclusions.marking import DEFAULT_RULES, RULES
from analysis.verbs.options import rules_for
from shift_study import Doors
from study_server.errors import StudyError
from study_server.folder.study_toml import write_settings
from study_server.settings import AnalysisSettings
from study_server.tasks.same_different.settings import SameDifferentSettings


def folder_with(path: Path, exclusions: list[str]) -> str:
    write_settings(
        dataclasses.replace(SameDifferentSettings(), analysis=AnalysisSettings(exclusions)), path / "study.toml"
    )
    return str(path)


def test_the_settings_know_the_rules_of_the_analysis_and_no_others() -> None:
    (field,) = dataclasses.fields(AnalysisSettings)
    assert field.metadata["pattern"].split("|") == list(RULES)
    assert tuple(AnalysisSettings().exclusions) == DEFAULT_RULES


@pytest.mark.parametrize("exclusions", [[], ["too_fast", "validation"], list(RULES)])
def test_the_analysis_follows_the_settings_of_a_study(tmp_path: Path, exclusions: list[str]) -> None:
    source = folder_with(tmp_path, exclusions)
    assert rules_for(Doors(), source) == tuple(exclusions)
    assert rules_for(Doors(), source, "one_sided") == ("one_sided",)


def test_other_sources_have_the_default_rules() -> None:
    for source in ("ghildyal2022", "responses.csv", "sqlite:///study.db"):
        assert Doors().study_rules(source) is None
        assert rules_for(Doors(), source) == DEFAULT_RULES


def test_a_rule_that_there_is_not_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"line \d+: analysis\.exclusions is \['sleepy'\]; allowed is .*too_fast"):
        rules_for(Doors(), folder_with(tmp_path, ["sleepy"]))


def test_the_judgments_that_metrics_are_scored_with_follow_them_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def read(source: str, study_rows: Any, rules: tuple[str, ...]) -> Any:
        asked.append(rules)
        return analysis.responses.sources.published_judgments()

    monkeypatch.setattr(analysis.responses.sources, "read_responses", read)
    Doors().judgments(folder_with(tmp_path, ["one_sided"]))
    assert asked == [("one_sided",)]
