"""The trials of a participant, made when they first ask for them: many consent at once, but read at their own pace.

Which they are depends on the study's seed, the slot and the participant's number alone, and so not on when this is.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.participants.running_study import RunningStudy
from study_server.storage.bulk_insert import insert_rows
from study_server.storage.group_commit import GroupCommit, Waiting
from study_server.storage.models import Participant, Study, Trial
from study_server.tasks.task import PlannedTrial

_MOST_AT_ONCE = 50  # of who share a transaction


@dataclass(eq=False)
class _Asking(Waiting[bool]):
    """Who waits for their trials."""

    participant_id: int
    planned: Sequence[PlannedTrial]


class GivenTrials:
    """Where the requests of this process bring who has no trials yet: many who ask at once share a transaction."""

    def __init__(self, study: RunningStudy) -> None:
        self._study = study
        self._commits = GroupCommit[Session, _Asking, bool](
            study.database.waiting, study.database.writing, self._give, most_at_once=_MOST_AT_ONCE
        )

    def give(self, token: str | None) -> None:
        """Make the participant's trials, where they have none yet.

        Raises NotYours for an unknown secret, and Conflict where another process has changed the study.
        """
        study = self._study
        with study.database.reading() as session:
            participant = study.get(session, token)
            id, slot, number = participant.id, _slot(participant), participant.number
        # Before anything is held: where there are many images, planning a round of slots takes seconds.
        self._commits.settle(_Asking(id, study.task.plan_trials(study.settings, slot, number)))

    def _give(self, session: Session, asking: list[_Asking]) -> list[tuple[_Asking, bool]]:
        study = self._study
        study.refuse_changed(session.get_one(Study, study.id))
        # Who asked in two tabs has been given theirs, or is here twice.
        of_them = Trial.participant_id.in_([each.participant_id for each in asking])
        have = {*session.scalars(select(Trial.participant_id).where(of_them, Trial.position == 1))}
        without = {each.participant_id: each.planned for each in asking if each.participant_id not in have}
        stimuli = study.stimulus_ids(session)
        names = _random_names(2 * sum(map(len, without.values())))
        rows: list[dict[str, int | str]] = [
            {
                "study_id": study.id, "participant_id": id, "position": position,
                "stimulus_id": stimuli[study.groups[trial.group], trial.stratum],
                "repetition": trial.repetition, "arrangement": " ".join(trial.arrangement),
                "token": next(names), "images_token": next(names),
            }
            for id, planned in without.items()
            for position, trial in enumerate(planned, 1)
        ]  # fmt: skip
        insert_rows(session, Trial.__table__, rows)
        return [(each, True) for each in asking]


def has_trials(session: Session, participant: Participant) -> bool:
    """Whether they were given theirs."""
    of_them = select(Trial.id).where(Trial.participant_id == participant.id)
    return session.scalar(of_them.limit(1)) is not None


def _slot(participant: Participant) -> int:
    """The one that they hold or held. Who gave theirs back before there were such trials has had them since."""
    slot = participant.slot if participant.slot is not None else participant.given_back
    assert slot is not None
    return slot


def _random_names(count: int) -> Iterator[str]:
    """Names that nobody guesses, of 28 characters that a path can have.

    They begin with the time, so that those that are made together stand together in the indexes, and a database has
    few pages to write; 120 bits of each are random.
    """
    begin = f"{int(time.time()):08x}"
    drawn = base64.urlsafe_b64encode(secrets.token_bytes(15 * count)).decode()
    return (begin + drawn[place : place + 20] for place in range(0, len(drawn), 20))
