"""Analysis plans: dated, hashed, never replaced; and what an analysis did otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from analysis.errors import AnalysisError
from analysis.planning.plan import Plan, adherence, new_plan, read_plan, write_plan
from analysis.responses.tidy_table import from_rows

Rows = Callable[[Iterable[tuple[str, int, str]]], list[dict[str, Any]]]

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def plan() -> Plan:
    return new_plan(study="pilot", rules=("unfinished", "validation"), metrics=("ssim", "l2"), now=NOW)


FIRST_SHA256 = "1c33a9c10f6bbcf627ed08a6c1b295eaa052b6a56ed86d2144bb75e4f5f6a6a2"

USED = {
    "rules": ("unfinished", "validation"),
    "core": "log-normal",
    "d_prime_model": "differencing",
    "min_responses": 3,
    "replicates": 10_000,
    "permutations": 2_000,
    "seed": 0,
    "concordance_margin": 0.1,
    "map_margin": 0.02,
}


def test_a_plan_comes_back_from_its_file(plan: Plan, tmp_path: Path) -> None:
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == plan
    assert plan.hashed() == plan
    assert len(plan.sha256) == 64


def test_a_plan_is_never_replaced(plan: Plan, tmp_path: Path) -> None:
    write_plan(plan, tmp_path / "plan.json")
    with pytest.raises(AnalysisError, match="is not replaced"):
        write_plan(plan, tmp_path / "plan.json")


def test_a_plan_that_was_changed_is_refused(plan: Plan, tmp_path: Path) -> None:
    document = plan.to_json() | {"min_responses": 1}
    (tmp_path / "plan.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(AnalysisError, match="was changed after it was registered"):
        read_plan(tmp_path / "plan.json")


@pytest.mark.parametrize(("text", "says"), [("{", "is not JSON"), ("[]", "not an analysis plan"), ("{}", "not an an")])
def test_another_file_is_no_plan(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(text, encoding="utf-8")
    with pytest.raises(AnalysisError, match=says):
        read_plan(tmp_path / "plan.json")
    with pytest.raises(AnalysisError, match="cannot be read"):
        read_plan(tmp_path / "other.json")


def test_a_plan_of_the_first_version_is_still_followed(tmp_path: Path, make_rows: Rows) -> None:
    """As `shift-study preregister` wrote it before there were a primary outcome and margins."""
    path = tmp_path / "plan.json"
    path.write_text(
        json.dumps(
            {
                "schema": "shift-study/plan/1",
                "study": "pilot",
                "registered_at": "2026-03-01T12:00:00+00:00",
                "rules": ["unfinished", "validation"],
                "core": "log-normal",
                "d_prime_model": "differencing",
                "min_responses": 3,
                "metrics": ["ssim", "l2"],
                "replicates": 10000,
                "permutations": 2000,
                "seed": 0,
                "hypotheses": [],
                "sha256": FIRST_SHA256,
            }
        ),
        encoding="utf-8",
    )
    plan = read_plan(path)
    assert (plan.primary_outcome, plan.sha256) == ("jnd_map", FIRST_SHA256)
    responses = from_rows(make_rows([("p1", 0, "same"), ("p1", 2, "different")]))
    assert adherence(plan, settings=USED, metrics=("ssim", "l2"), responses=responses, study="pilot").followed
    path.write_text(path.read_text(encoding="utf-8").replace('"seed": 0', '"seed": 1'), encoding="utf-8")
    with pytest.raises(AnalysisError, match="was changed after it was registered"):
        read_plan(path)


def test_an_analysis_that_follows_the_plan(plan: Plan, make_rows: Rows) -> None:
    responses = from_rows(make_rows([("p1", 0, "same"), ("p1", 2, "different")]))
    found = adherence(plan, settings=USED, metrics=("ssim", "l2"), responses=responses, study="pilot")
    assert found.followed
    assert (found.deviations, found.added) == ((), ())
    assert (found.answered_before, found.responses) == (0, 2)


def test_what_was_done_otherwise_and_added_is_said(plan: Plan, make_rows: Rows) -> None:
    rows = make_rows([("p1", 0, "same"), ("p1", 2, "different")])
    rows[0]["answered_at"] = "2026-02-28T12:00:00+00:00"
    settings = USED | {"rules": (), "core": "weibull"}
    found = adherence(plan, settings=settings, metrics=("ssim", "psnr"), responses=from_rows(rows), study="other")
    assert not found.followed
    assert found.deviations == (
        "Planned exclusion rules: unfinished, validation; used: none.",
        "Planned core of the psychometric function: log-normal; used: weibull.",
        "The plan is of the study pilot, the responses are of other.",
        "The planned metric l2 was not compared.",
    )
    assert found.added == ("The metric psnr was added after the plan.",)
    assert found.answered_before == 1


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AnalysisError, match="validate"):
        new_plan(rules=("validate",))
    with pytest.raises(AnalysisError, match="probit is no core"):
        new_plan(rules=(), core="probit")
    with pytest.raises(AnalysisError, match="named twice"):
        new_plan(rules=(), metrics=("ssim", "ssim"))
