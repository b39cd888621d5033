"""A study that is in a database and ready for participants: what all the modules of this package work on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from flask_babel import gettext as _
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from study_server.errors import Conflict, NotYours
from study_server.folder.study_folder import StudyFolder
from study_server.participants.signed_links import SignedLinks
from study_server.settings import Settings
from study_server.stimuli.manifest import manifest_sha256
from study_server.storage.database import Database
from study_server.storage.models import Event, Participant, Stimulus, StimulusGroup, Study
from study_server.storage.registration import register

Actor = Literal["participant", "researcher", "platform", "server"]

# Made once: whatever a participant does begins with it.
_FIND = select(Participant).where(Participant.token == bindparam("token"), Participant.study_id == bindparam("study"))
_FIND_TO_HOLD = _FIND.with_for_update(key_share=True)


class RunningStudy:
    """One study folder and its database. Several processes, on several hosts, may have one each on the same database.

    Nothing about participants is kept in it: all state is in the database.
    Raises StudyError where the folder is not the one that participants have begun with.
    """

    def __init__(self, folder: StudyFolder, database: Database) -> None:
        self.folder, self.database = folder, database
        self.settings: Settings = folder.settings
        self.task = folder.task
        self.published = folder.published
        keys = folder.settings.recruitment.prolific_keys
        self.prolific_keys = SignedLinks(folder.path / keys) if keys else None
        self.id = register(folder, database)
        self._identity = (self.settings.frozen_json(), manifest_sha256(folder.manifest_path))
        self.groups = list(dict.fromkeys(row.group for row in folder.rows))
        self.judged = frozenset(row.name for row in folder.rows if self.task.is_judged(row, self.settings))
        self.n_trials = self.task.design(self.settings).n_trials
        self._stimulus_ids: dict[tuple[str, int], int] | None = None
        self.lacking: int | None = None
        """The stimulus that had fewest answers when all were counted last: it is looked at first, to see how many."""
        with database.reading() as session:
            row = session.get_one(Study, self.id)
            self.secret_key, self.simulation_key = row.secret_key, row.simulation_key

    def locked(self, session: Session) -> Study:
        """The study's row, held until the transaction ends, so that arrivals and slots are decided one at a time.

        Who needs a participant held as well takes the participant first, so that no two wait for each other.
        """
        return session.get_one(Study, self.id, with_for_update={"key_share": True})

    def refuse_changed(self, row: Study) -> None:
        """Raise Conflict where another process has changed the study since this one read it."""
        if (row.settings, row.manifest_sha256) != self._identity:
            raise Conflict("the study has been changed since this server started: restart the server")

    def stimulus_ids(self, session: Session) -> dict[tuple[str, int], int]:
        """(group, stratum) → the stimulus's id, once there are participants: until then they may be entered anew."""
        if self._stimulus_ids is None:
            found = session.execute(
                select(StimulusGroup.name, Stimulus.stratum, Stimulus.id)
                .join(StimulusGroup.stimuli)
                .where(Stimulus.study_id == self.id)
            )
            self._stimulus_ids = {(group, stratum): id for group, stratum, id in found}
        return self._stimulus_ids

    def find(self, session: Session, token: str | None, *, hold: bool = False) -> Participant | None:
        """The participant with this secret; `hold`: until the transaction ends nobody else changes their row."""
        if not token:
            return None
        return session.scalar(_FIND_TO_HOLD if hold else _FIND, {"token": token, "study": self.id})

    def get(self, session: Session, token: str | None, *, hold: bool = False) -> Participant:
        """As `find`. Raises NotYours where there is none."""
        participant = self.find(session, token, hold=hold)
        if participant is None:
            raise NotYours(_("Nobody is signed in here. Please begin at the first page."))
        return participant

    def note(
        self, session: Session, kind: str, actor: Actor, participant: Participant | None = None, detail: str = ""
    ) -> None:
        """Add a line to the audit trail. `detail` must name no person."""
        session.add(
            Event(
                study_id=self.id, participant_id=participant.id if participant else None, at=datetime.now(UTC),
                kind=kind, actor=actor, detail=detail[:500],
            )
        )  # fmt: skip
