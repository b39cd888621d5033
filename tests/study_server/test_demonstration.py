"""A study filled at once: a state that the server could have come to, on both databases."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

import shift_study
from experimenter import events, try_password
from made_studies import linked
from requests_of_a_participant import sign_in
from stored_state import assert_consistent, spread_of_pairs
from study_server.demonstration import DAYS, fill, is_filled
from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.participants.enrolment import enrol
from study_server.storage.models import Participant, Response
from study_server.web import serve
from study_server.web.app import create_app

NOW = datetime(2026, 5, 4, 13, 5, 30, tzinfo=UTC)


def test_a_filled_study_is_one_that_the_server_could_have_filled(small_study: StudyFolder) -> None:
    assert not is_filled(small_study)
    answers = fill(small_study, 45, seed=1, now=NOW)
    assert is_filled(small_study)
    app = create_app(small_study)
    study = app.extensions["study"]
    assert_consistent(study)
    assert spread_of_pairs(study) <= 2  # but for slots that are free at the moment
    with study.database.reading() as session:
        people = session.scalars(select(Participant).order_by(Participant.number)).all()
        assert session.scalar(select(func.count()).select_from(Response)) == answers
    assert [p.label for p in people] == [f"s{n:04d}" for n in range(1, 46)]
    assert all(NOW - timedelta(days=DAYS) <= p.consented_at <= p.last_seen_at <= NOW for p in people)
    # The next observer gets a slot and ids that nobody has.
    token = enrol(study, "t" * 43, simulation_key=study.simulation_key).token
    with study.database.reading() as session:
        assert session.scalars(select(Participant.number).where(Participant.token == token)).one() == 46
    assert_consistent(study)
    client = app.test_client()
    sign_in(client)
    assert client.post("/consent").status_code in (403, 409)
    assert "simulated answers" in client.get("/").text
    study.database.close()
    with pytest.raises(StudyError, match="has participants already"):
        fill(small_study, 1)


def test_of_fifty_and_more_one_is_excluded_and_one_withdraws(small_study: StudyFolder) -> None:
    fill(small_study, 50, now=NOW)
    app = create_app(small_study)
    kinds = [(kind, label) for kind, _, label, _ in events(app, "excluded", "withdrawn")]
    assert kinds == [("excluded", "s0030"), ("withdrawn", "s0020")]
    app.extensions["study"].database.close()


def test_the_same_seed_fills_alike(made_small_study: Path, tmp_path: Path) -> None:
    def answers(name: str) -> list[Any]:
        folder = StudyFolder(linked(made_small_study, tmp_path / name))
        fill(folder, 12, seed=5, now=NOW)
        app = create_app(folder)
        with app.extensions["study"].database.reading() as session:
            rows = session.execute(
                select(Response.response, Response.reaction_time_ms, Response.answered_at).order_by(Response.trial_id)
            )
            found = [tuple(row) for row in rows]
        app.extensions["study"].database.close()
        return found

    assert answers("one") == answers("two")


def test_the_demo_has_a_password_that_is_shown_once(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    served: list[Any] = []

    def remember(folders: Any, server: Any, on_ready: Any, fit_psychometric: Any) -> None:
        served.append((folders, fit_psychometric))
        on_ready(["ready"] * len(folders))

    monkeypatch.setattr(serve, "serve", remember)
    first = CliRunner().invoke(shift_study.main, ["demo", str(study.path), "--filled"])
    assert first.exit_code == 0, first.output
    assert "Dashboard at http://localhost:8000/dashboard/" in first.output
    assert "100 simulated observers" in first.output
    found = re.search(r"password: ([a-z0-9-]{19})\n", first.output)
    assert found
    second = CliRunner().invoke(shift_study.main, ["demo", str(study.path), "--filled"])
    assert second.exit_code == 0, second.output
    assert found[1] not in second.output
    assert "shift-study password" in second.output
    (folder,), fit = served[0]
    assert fit(range(4), [0, 2, 8, 10], [10] * 4).threshold_px > 0
    app = create_app(folder)
    assert try_password(app.test_client(), found[1]).status_code == 303
    app.extensions["study"].database.close()
