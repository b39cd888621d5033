"""When a two-alternative study has what it wants: of people, not of answers that one of them gives twice."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from made_studies import linked, made_once
from recruiting import changed
from shift_study import Doors
from study_server.dashboard.answer_counts import count_stimuli
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.participants.acceptance import accepted_answers_per_stimulus
from study_server.participants.running_study import RunningStudy
from study_server.simulate import simulate_study
from study_server.storage.database import Database
from study_server.storage.models import Response, Stimulus, Study, Trial


@pytest.fixture
def folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    """Ten triplets, of which one is a catch triplet; a participant judges three, one version of each twice."""
    make = partial(
        make_study, task_name="2afc", source="demo", count=10, size=32, seed=3, distort=Doors().distort_photograph
    )
    study = StudyFolder(linked(made_once(tmp_path_factory, "closing", make), tmp_path / "study"))
    trials = {"triplets": 3, "retests": 3, "separation": 2, "catches": 0}
    return changed(study, trials=trials, recruitment={"answers_per_pair": 2}, acceptance={"fastest_ms": 0.0})


def test_a_study_without_catch_trials_closes_once_all_that_is_judged_has_its_answers(folder: StudyFolder) -> None:
    done = simulate_study(folder, folder.task.observer(), participants=6, seed=1, at_once=2)
    assert done.finished == 6
    database = Database(folder.database_url)
    study = RunningStudy(folder, database)
    catch = {row.name for row in folder.rows if row.catch_answer}  # type: ignore[attr-defined]
    assert len(catch) == 2
    with database.reading() as session:
        counts = accepted_answers_per_stimulus(session, study)
        listed = count_stimuli(session, study)
        names = {id: name for id, name in session.execute(select(Stimulus.id, Stimulus.name))}  # noqa: C416
        again = session.scalar(select(func.count()).select_from(Response).join(Trial).where(Trial.repetition == 2))
        state = session.scalar(select(Study.state))
    database.close()
    assert again == 18
    assert {names[id] for id in counts} == {row.name for row in folder.rows} - catch
    assert set(counts.values()) == {2}
    assert {each.stimulus: each.n_used for each in listed} == {names[id]: 2 for id in counts}
    assert state == "closed"
