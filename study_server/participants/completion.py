"""The end of a participation: what follows from the last answer, the questions, the completion code."""

from __future__ import annotations

from datetime import UTC, datetime

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.participants import acceptance, platforms, slots
from study_server.participants.arrival import Arrival
from study_server.participants.enrolment import readable_code
from study_server.participants.known_people import add_ids
from study_server.participants.running_study import RunningStudy
from study_server.participants.typed_text import on_one_line
from study_server.storage.models import Participant, QuestionAnswer


def complete_trials(session: Session, study: RunningStudy, participant: Participant) -> None:
    """Every trial has been answered: judge whether the answers count, and close the study if they were the last."""
    row = study.locked(session)
    acceptance.judge(session, study, participant)
    participant.address = None
    if study.settings.questions:
        participant.stage = "questions"
    else:
        finish(study, participant)
    recruitment = study.settings.recruitment
    if not acceptance.has_passed(participant) and recruitment.replaces_unusable:
        slots.release(session, study, participant, "failed")
    session.flush()
    if row.state != "closed" and target_is_reached(session, study):
        row.state = "closed"
        study.note(
            session,
            "closed",
            "server",
            detail=f"every {study.task.nouns.stimulus} has {recruitment.answers_per_pair} accepted answers",
        )


def target_is_reached(session: Session, study: RunningStudy) -> bool:
    """Whether every stimulus has as many accepted answers as the study wants; never where it names no number."""
    wanted = study.settings.recruitment.answers_per_pair
    if not wanted:
        return False
    # Where one is still lacking answers nothing else needs to be counted, however many have taken part.
    if study.lacking is not None and acceptance.has_fewer_than(session, study.lacking, wanted):
        return False
    counts = acceptance.accepted_answers_per_stimulus(session, study)
    study.lacking = min(counts, key=lambda stimulus: counts[stimulus])
    return counts[study.lacking] >= wanted


def answer_questions(
    study: RunningStudy, token: str | None, answers: dict[str, str], arrival: Arrival | None = None
) -> None:
    """Store the answers to the questions (those not given may be missing) and finish the participant.

    `arrival`: from where the participant came this time, whose ids are kept beside the first ones.

    Raises NotYours, or StudyError for an answer that is not among the options. Once finished, changes nothing.
    """
    with study.database.writing() as session:
        participant = study.get(session, token, hold=True)
        if participant.stage != "questions":
            return
        add_ids(session, participant, arrival)
        for question in study.settings.questions:
            answer = answers.get(question.id, "").strip()
            if not question.options:
                answer = on_one_line(answer)
            if not answer:
                continue
            if (question.options and answer not in question.options) or len(answer) > 500:
                raise StudyError(_("This question cannot have that answer: %(question)s", question=question.text))
            session.add(QuestionAnswer(participant_id=participant.id, question=question.id, answer=answer))
        finish(study, participant)


def finish(study: RunningStudy, participant: Participant) -> None:
    """The participation is over: the participant gets the completion code."""
    code = platforms.completion_code(study, participant) or study.settings.completion.code or readable_code()
    participant.stage, participant.completion_code = "finished", code
    participant.finished_at = participant.last_seen_at = datetime.now(UTC)


def completion(study: RunningStudy, token: str | None) -> Participant | None:
    """The participant, once finished, which takes all answers to be stored; with identity."""
    with study.database.reading() as session:
        participant = study.find(session, token)
        if participant is None or participant.completion_code is None:
            return None
        _ = participant.identity  # loaded while the session is open
        return participant
