"""What is needed to make a report again: data, settings, versions."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.responses.cells import format_text
from analysis.responses.columns import COMMON
from analysis.tasks.registry import task_of
from analysis.tasks.same_different import SAME_DIFFERENT

_JOINED = [column.name for column in COMMON if column.joined]
_PACKAGES = ("shift-study", "numpy", "scipy", "pandas", "statsmodels", "matplotlib")


def data_sha256(responses: pd.DataFrame) -> str:
    """SHA-256 of a tidy response table without its marks: that of its rows as CSV, in their order.

    The same responses have the same hash whatever file they came from, and whatever rules marked them; those of
    same–different the one that they had before tables named their task, and answers of people the one that they had
    before tables said so.
    """
    task = task_of(responses)
    raw = responses.drop(columns=["excluded", "exclusion_reason"])
    silent = [name for name in raw.columns.intersection(_JOINED) if raw[name].isna().all()]
    if "simulated" in raw and not raw["simulated"].fillna(False).any():
        silent.append("simulated")
    if task is SAME_DIFFERENT:
        silent.append("task")
    raw = raw.drop(columns=silent, errors="ignore")
    digest = hashlib.sha256()
    digest.update((",".join(raw.columns) + "\n").encode("utf-8"))
    plain = [column.astype(object).where(column.notna(), None) for _, column in raw.items()]
    for row in zip(*plain, strict=True):
        digest.update(json.dumps([format_text(value) for value in row], ensure_ascii=False).encode("utf-8") + b"\n")
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def footer(
    responses: pd.DataFrame, *, source: str, settings: Mapping[str, Any], files: Mapping[str, Path], command: str
) -> tuple[tuple[str, str], ...]:
    """Headings and texts: the source and its hash, further files and theirs, settings, versions, the command."""
    return (
        ("Source", f"{source}: {len(responses):,} responses, SHA-256 of their content {data_sha256(responses)}"),
        *((name, f"{path.name}, SHA-256 {file_sha256(path)}") for name, path in files.items()),
        ("Settings", "; ".join(f"{name} {_text(value)}" for name, value in settings.items())),
        ("Versions", versions()),
        ("Command", command),
    )


def title_block(responses: pd.DataFrame, investigators: str = "") -> tuple[tuple[str, str], ...]:
    """Headings and texts: the study, who answers for it, when people answered, when the report was made and with what.

    The report is made today, or at the moment in $SOURCE_DATE_EPOCH (seconds), for those who make it again.
    """
    answered = responses["answered_at"].dropna().str.slice(0, 10)
    period = " to ".join(dict.fromkeys((answered.min(), answered.max()))) if len(answered) else ""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    made = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else datetime.now(UTC)
    block = {
        "Study": ", ".join(responses["study"].unique().tolist()),
        "Investigators": investigators,
        "Answers given": period,
        "Report made": made.strftime("%Y-%m-%d"),
        "Software": _version("shift-study").replace("shift-study", "Shift Study"),
    }
    return tuple((heading, text) for heading, text in block.items() if text)


def versions() -> str:
    """Those of Python and of the packages that compute."""
    return ", ".join([f"Python {platform.python_version()}", *map(_version, _PACKAGES)])


def without_password(text: str) -> str:
    """The text with the passwords of database URLs struck out, for a report is passed on."""
    return re.sub(r"(://[^:@/\s]*):[^@/\s]*@", r"\1:…@", text)


def _text(value: Any) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, tuple | list) else str(value)


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} (not installed)"
