"""What a researcher should know of a study folder before or while people take part: warnings, in sentences."""

from __future__ import annotations

from sqlalchemy import func, select

from study_server.folder.study_folder import StudyFolder
from study_server.storage.database import Database
from study_server.storage.models import Participant, Study
from study_server.study_texts import dropped

_BRING_IDS = ("prolific", "mturk", "sona")


def precautions(folder: StudyFolder) -> list[str]:
    """What could be taken advantage of or is otherwise than meant, each with its mend; none where there is nothing."""
    settings, recruitment = folder.settings, folder.settings.recruitment
    found = dropped(settings)
    people = _real_participants(folder)
    if settings.trials.seed == 0 and people:
        found.append(
            f"trials.seed is 0 and there are {people} real participants: from a seed that everybody knows, all "
            "trials follow, and what stands where in them. Make the next study with shift-study new without --seed"
        )
    if not recruitment.link_key:
        open_to_guessing = [
            name
            for name in _BRING_IDS
            if name in recruitment.platforms and not (name == "prolific" and recruitment.prolific_keys)
        ]
        if open_to_guessing:
            found.append(
                f"whoever knows or guesses an id of {', '.join(open_to_guessing)} can take part under it: set "
                "recruitment.link_key, and give the link that the dashboard shows then"
                + (", or recruitment.prolific_keys" if "prolific" in open_to_guessing else "")
            )
    return found


def _real_participants(folder: StudyFolder) -> int:
    if not folder.has_database:
        return 0
    database = Database(folder.database_url)
    try:
        with database.reading() as session:
            count = (
                select(func.count())
                .select_from(Participant)
                .join(Study, Study.id == Participant.study_id)
                .where(Study.name == folder.settings.study.name, Participant.simulated.is_(False))
            )
            return session.scalar(count) or 0
    finally:
        database.close()
