"""study.toml: written from the table of settings with each explained in place, and validated against it when read."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from study_server.errors import StudyError
from study_server.settings import SECTION_ABOUT, Question, Settings, allowed_text, sections

FILE_NAME = "study.toml"


def read_settings(path: Path) -> Settings:
    """Settings in the file at `path`; what it leaves out has its default.

    Raises StudyError naming file, line and setting, and what is allowed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise StudyError(f"{path} is missing: make the study folder with shift-study new") from error
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} cannot be read: {error}") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{path}: {error}") from error
    return _Reader(path, text).settings(document)


class _Reader:
    def __init__(self, path: Path, text: str) -> None:
        self.path, self.lines = path, text.splitlines()

    def settings(self, document: dict[str, Any]) -> Settings:
        known = sections()
        for name in document:
            if name not in known and name != "questions":
                self._fail(name, None, f"[{name}] is not a section", f"one of {', '.join([*known, 'questions'])}")
        values: dict[str, Any] = {}
        for name, kind in known.items():
            table = document.get(name, {})
            if not isinstance(table, dict):
                self._fail("", name, f"{name} is not a section", f"[{name}]")
            values[name] = self._section(kind, name, table)
        if "questions" in document:
            tables = document["questions"]
            if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
                self._fail(
                    "",
                    "questions",
                    "questions is not a list of tables",
                    "[[questions]] sections, or questions = []",
                )
            values["questions"] = [self._section(Question, "questions", table) for table in tables]
        settings = Settings(**values)
        self._cross_checks(settings)
        return settings

    def _section(self, kind: type, section: str, table: dict[str, Any]) -> Any:
        hints = get_type_hints(kind)
        fields = {f.name: f for f in dataclasses.fields(kind)}
        for key in table:
            if key not in fields:
                self._fail(section, key, f"{section}.{key} is not a setting", f"one of {', '.join(fields)}")
        return kind(**{key: self._value(section, key, hints[key], fields[key].metadata, v) for key, v in table.items()})

    def _value(self, section: str, key: str, hint: Any, rules: Any, value: Any) -> Any:
        allowed = allowed_text(hint, rules)
        if hint is float and type(value) is int:
            value = float(value)
        if get_origin(hint) is Literal:
            good = value in get_args(hint)
        elif get_origin(hint) is list:
            item = get_args(hint)[0]
            good = isinstance(value, list) and all(type(v) is item and _in_range(v, rules) for v in value)
        else:
            good = type(value) is hint and _in_range(value, rules)
        if not good:
            self._fail(section, key, f"{section}.{key} is {value!r}", allowed)
        return value

    def _cross_checks(self, s: Settings) -> None:
        trials = s.trials.per_shift * (s.stimuli.max_shift + 1)
        if s.trials.per_shift > s.stimuli.count:
            self._fail(
                "trials",
                "per_shift",
                f"trials.per_shift is {s.trials.per_shift}",
                f"at most the {s.stimuli.count} images",
            )
        if s.trials.strategy == "balanced" and trials > s.stimuli.count:
            self._fail(
                "trials", "per_shift",
                f"trials.per_shift is {s.trials.per_shift}, which makes {trials} trials, but the balanced strategy shows "
                f"each of the {s.stimuli.count} images at most once",
                f"at most {s.stimuli.count // (s.stimuli.max_shift + 1)}, more images, or strategy = \"paper\"",
            )  # fmt: skip
        if s.display.key_same == s.display.key_different:
            self._fail("display", "key_different", "display.key_different is the key of «same»", "another key")
        ids = [q.id for q in s.questions]
        for question in s.questions:
            if not question.id or ids.count(question.id) > 1:
                self._fail(
                    "questions",
                    "id",
                    f"questions.id is {question.id!r}",
                    "a name of its own for each question",
                )

    def _fail(self, section: str, key: str | None, what: str, allowed: str) -> None:
        line = _line_of(self.lines, section, key)
        where = f"{self.path}, line {line}" if line else str(self.path)
        raise StudyError(f"{where}: {what}; allowed is {allowed}")


def _in_range(value: Any, rules: Any) -> bool:
    if isinstance(value, str):
        return rules["pattern"] is None or re.fullmatch(rules["pattern"], value) is not None
    low, high = rules["low"], rules["high"]
    return (low is None or value >= low) and (high is None or value <= high)


def _line_of(lines: list[str], section: str, key: str | None) -> int | None:
    """Line number (from 1) of a key in a section, or of the section's header where `key` is None."""
    current = ""
    for number, line in enumerate(lines, start=1):
        header = re.match(r"\s*\[\[?\s*([\w.-]+)\s*\]\]?", line)
        if header:
            current = header.group(1)
            if key is None and current == section:
                return number
        elif key is not None and current == section and re.match(rf"\s*['\"]?{re.escape(key)}['\"]?\s*=", line):
            return number
    return None


def write_settings(settings: Settings, path: Path) -> None:
    """Write study.toml with every setting explained above it."""
    out = [
        "# A study of Shift Study. Every setting stands here with its meaning; what you delete has its default.",
        "",
    ]
    for name, kind in sections().items():
        out += [f"# {SECTION_ABOUT[name]}", f"[{name}]", *_entries(kind, getattr(settings, name)), ""]
    out += [
        "# Questions after the trials: one [[questions]] section each. For none, delete them and write",
        "# questions = []   at the top of this file.",
        "",
    ]
    for index, question in enumerate(settings.questions):
        out += ["[[questions]]", *_entries(Question, question, explain=index == 0), ""]
    text = "\n".join(out)
    if not settings.questions:
        text = "questions = []\n" + text
    path.write_text(text, encoding="utf-8")


def _entries(kind: type, values: Any, *, explain: bool = True) -> list[str]:
    hints = get_type_hints(kind)
    lines = []
    for f in dataclasses.fields(kind):
        if explain:
            lines += [f"# {f.metadata['about']}", f"# ({allowed_text(hints[f.name], f.metadata)})"]
        lines.append(f"{f.name} = {_toml(getattr(values, f.name))}")
    return lines


def _toml(value: Any) -> str:
    if isinstance(value, str) and "\n" in value:
        return '"""\n' + value.replace("\\", "\\\\").replace('"""', '\\"\\"\\"') + '"""'
    if isinstance(value, (str, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)
