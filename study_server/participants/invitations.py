"""Personal links: each admits one person, and leads them back from any browser."""

from __future__ import annotations

import csv
import io
import secrets
from datetime import UTC, datetime
from urllib.parse import urlsplit

from sqlalchemy import insert, select

from study_server.csv_cells import guarded
from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.progress_bar import progress
from study_server.storage.database import Database
from study_server.storage.models import Invitation
from study_server.storage.registration import register

COLUMNS = ("label", "link")


def invite(folder: StudyFolder, database: Database, count: int, label: str, base_url: str) -> list[tuple[str, str]]:
    """Make `count` personal links to the study at `base_url`; (label, link) of each.

    Labels are `label-1`, `label-2` and so on, after those that the study has already.
    Raises StudyError where the study does not admit personal links, or the address is none.
    """
    if "link" not in folder.settings.recruitment.platforms:
        raise StudyError(
            f'{folder.path} does not admit personal links: add "link" to recruitment.platforms in its study.toml'
        )
    address = urlsplit(base_url)
    if address.scheme not in ("http", "https") or not address.netloc or address.query or address.fragment:
        raise StudyError(f"{base_url!r} is no address of a study: give one as https://example.org/ with --base-url")
    if not label.strip() or len(label) > 80:
        raise StudyError(f"{label!r} is no label: give 1 to 80 characters")
    study_id, now = register(folder, database), datetime.now(UTC)
    tokens = [secrets.token_urlsafe(18) for _ in progress(range(count), "Making links", unit="link", total=count)]
    with database.writing() as session:
        same = Invitation.label.startswith(f"{label}-", autoescape=True)
        taken = session.scalars(select(Invitation.label).where(Invitation.study_id == study_id, same))
        numbers = [name.removeprefix(f"{label}-") for name in taken]
        # Not their count: who withdraws takes the label along.
        last = max((int(number) for number in numbers if number.isdecimal()), default=0)
        labelled = [(f"{label}-{last + n}", token) for n, token in enumerate(tokens, 1)]
        rows = [{"token": token, "study_id": study_id, "label": name, "created_at": now} for name, token in labelled]
        if rows:
            session.execute(insert(Invitation), rows)
    return [(name, f"{base_url.rstrip('/')}/?token={token}") for name, token in labelled]


def to_csv(links: list[tuple[str, str]]) -> str:
    """The links as CSV with the columns `label` and `link`."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([COLUMNS, *((guarded(label), link) for label, link in links)])
    return out.getvalue()
