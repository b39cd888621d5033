"""study.toml: written from the table of settings with each explained in place, and validated against it when read."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args, get_origin, get_type_hints

from study_server.errors import StudyError
from study_server.folder.private_files import make_private
from study_server.settings import (
    LANGUAGES,
    SECTION_ABOUT,
    Question,
    Settings,
    StudySettings,
    Translation,
    allowed_text,
    sections,
)
from study_server.tasks import task, task_names
from study_server.tasks.task import Task

FILE_NAME = "study.toml"

_Place = tuple[str | int, ...]
"""Keys and indices that lead to a value of the document, as in ("questions", 2, "id")."""


def read_settings(path: Path) -> Settings:
    """Settings in the file at `path`; what it leaves out has its default.

    Raises StudyError naming file, line and setting, and what is allowed.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")  # as an editor on Windows saves it
    except FileNotFoundError as error:
        raise StudyError(f"{path} is missing: make the study folder with shift-study new") from error
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} cannot be read: {error}") from error
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: an integer of thousands of digits
        raise StudyError(f"{path} is not valid TOML: {error}") from error
    return _Reader(path, text.replace("\r\n", "\n")).settings(document)


class _Reader:
    def __init__(self, path: Path, text: str) -> None:
        self.path, self.text = path, text

    def settings(self, document: dict[str, Any]) -> Settings:
        settings_type = self._task(document).settings_type
        known = sections(settings_type)
        for name in document:
            if name not in known and name not in ("questions", "translations"):
                names = ", ".join([*known, "questions", "translations"])
                self._fail((name,), f"[{name}] is not a section", f"one of {names}")
        values: dict[str, Any] = {}
        for name, kind in known.items():
            table = document.get(name, {})
            if not isinstance(table, dict):
                self._fail((name,), f"{name} is not a section", f"[{name}]")
            values[name] = self._section(kind, (name,), table)
        if "questions" in document:
            tables = document["questions"]
            if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
                self._fail(
                    ("questions",), "questions is not a list of tables", "[[questions]] sections, or questions = []"
                )
            values["questions"] = [self._section(Question, ("questions", i), t) for i, t in enumerate(tables)]
        values["translations"] = self._translations(document.get("translations", {}))
        settings = settings_type(**values)
        self._cross_checks(settings)
        return settings

    def _task(self, document: dict[str, Any]) -> Task[Any]:
        """The task that study.task names, whose settings the rest of the file has."""
        study = document.get("study")
        name = study.get("task", StudySettings().task) if isinstance(study, dict) else StudySettings().task
        if name not in task_names():
            self._fail(("study", "task"), f"study.task is {name!r}", f"one of {', '.join(task_names())}")
        return task(name)

    def _translations(self, tables: Any) -> dict[str, Translation]:
        at = "translations"
        if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
            self._fail((at,), "translations is not a table of languages", "[translations.de] sections")
        translations = {}
        for language, table in tables.items():
            if language not in LANGUAGES:
                known = ", ".join(LANGUAGES)
                self._fail((at, language), f"{language!r} is not a language of the pages", f"one of {known}")
            questions = table.get("questions", {})
            texts = list(questions.values()) if isinstance(questions, dict) else [None]
            if not all(isinstance(t, list) and t and all(type(part) is str for part in t) for t in texts):
                self._fail(
                    (at, language, "questions"), f"{at}.{language}.questions is not as it should be",
                    'id = ["the question", "its first option", …] for each question',
                )  # fmt: skip
            plain = {key: value for key, value in table.items() if key != "questions"}
            translations[language] = replace(self._section(Translation, (at, language), plain), questions=questions)
        return translations

    def _section(self, kind: type, at: _Place, table: dict[str, Any]) -> Any:
        hints = get_type_hints(kind)
        fields = {f.name: f for f in dataclasses.fields(kind)}
        for key in table:
            if key not in fields:
                self._fail((*at, key), f"{at[0]}.{key} is not a setting", f"one of {', '.join(fields)}")
        return kind(
            **{key: self._value((*at, key), hints[key], fields[key].metadata, value) for key, value in table.items()}
        )

    def _value(self, at: _Place, hint: Any, rules: Any, value: Any) -> Any:
        if get_origin(hint) is Literal:
            good = value in get_args(hint)
        elif get_origin(hint) is list:
            item = get_args(hint)[0]
            good = isinstance(value, list) and all(type(v) is item and _in_range(v, rules) for v in value)
        else:
            types = (int, float) if hint is float else (hint,)
            good = type(value) in types and _in_range(value, rules)
        if not good:
            self._fail(at, f"{at[0]}.{at[-1]} is {value!r}", allowed_text(hint, rules))
        return float(value) if hint is float else value

    def _cross_checks(self, s: Settings) -> None:
        kind = task(s.study.task)
        kind.check_settings(s, self._fail)
        if len(kind.keys(s)) < len(kind.answers):
            self._fail(("display",), "two answers have one key in [display]", "a key of its own for each answer")
        if not s.recruitment.platforms:
            self._fail(("recruitment", "platforms"), "recruitment.platforms is empty", 'at least one, such as "open"')
        sona = s.recruitment.sona_completion_url
        if sona and not re.fullmatch(r"https://\S+%SURVEY_CODE%\S*", sona):
            self._fail(
                ("recruitment", "sona_completion_url"),
                f"recruitment.sona_completion_url is {sona!r}",
                "the client-side completion URL that SONA shows, with %SURVEY_CODE% in place of XXXX",
            )
        ids = [question.id for question in s.questions]
        for language, translation in s.translations.items():
            for id, texts in translation.questions.items():
                place = ("translations", language, "questions", id)
                if id not in ids:
                    self._fail(place, f"{'.'.join(place)} is of no question", f"one of {', '.join(ids)}")
                options = s.questions[ids.index(id)].options
                if len(texts) != 1 + len(options):
                    self._fail(
                        place, f"{'.'.join(place)} has {len(texts)} texts",
                        f"{1 + len(options)}: the question and its {len(options)} options",
                    )  # fmt: skip
        for index, question in enumerate(s.questions):
            if not question.id or question.id in ids[:index]:
                self._fail(
                    ("questions", index, "id"),
                    f"questions.id is {question.id!r}",
                    "a name of its own for each question",
                )
            if not question.text.strip():
                self._fail(("questions", index, "text"), f"questions.text is {question.text!r}", "a question in quotes")

    def _fail(self, at: _Place, what: str, allowed: str) -> NoReturn:
        line = _line_of(self.text, at)
        where = f"{self.path}, line {line}" if line else str(self.path)
        raise StudyError(f"{where}: {what}; allowed is {allowed}")


def _in_range(value: Any, rules: Any) -> bool:
    if isinstance(value, str):
        return rules["pattern"] is None or re.fullmatch(rules["pattern"], value) is not None
    low, high = rules["low"], rules["high"]
    return (low is None or value >= low) and (high is None or value <= high)


def _line_of(text: str, at: _Place) -> int | None:
    """Line number (from 1) where the value at this place of a TOML document begins, or else what it would stand in.

    tomllib does not tell, so the document is read again line by line until the value is there: that holds for dotted
    keys, inline tables and multi-line strings too.
    """
    lines = text.split("\n")
    for depth in range(len(at), 0, -1):
        begin = 1
        for number in range(1, len(lines) + 1):
            try:
                document = tomllib.loads("\n".join(lines[:number]))
            except tomllib.TOMLDecodeError:
                continue  # in the middle of a value
            if _holds(document, at[:depth]):
                return begin
            begin = number + 1
    return None


def _holds(document: Any, at: _Place) -> bool:
    for step in at:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def write_settings(settings: Settings, path: Path) -> None:
    """Write study.toml with every setting explained above it."""
    out = [
        "# A study of Shift Study. Every setting stands here with its meaning; what you delete has its default.",
        "",
    ]
    for name, kind in sections(type(settings)).items():
        out += [f"# {SECTION_ABOUT[name]}", f"[{name}]", *_entries(kind, getattr(settings, name)), ""]
    out += [
        "# Questions after the trials: one [[questions]] section each. For none, delete them and write",
        "# questions = []   at the top of this file.",
        "",
    ]
    for index, question in enumerate(settings.questions):
        out += ["[[questions]]", *_entries(Question, question, explain=index == 0), ""]
    out += [
        "# The texts of this study in another language: [translations.de] with title, consent, instructions, question,",
        "# thanks, and [translations.de.questions] with id = [question, option, option, …]. Default texts have theirs.",
        "",
    ]
    for language, translation in settings.translations.items():
        out += [f"[translations.{language}]", *_entries(Translation, translation, explain=False)]
        out += [f"[translations.{language}.questions]"]
        out += [f"{id} = {_toml(texts)}" for id, texts in translation.questions.items()] + [""]
    text = "\n".join(out)
    if not settings.questions:
        text = "questions = []\n" + text
    make_private(path, settings.server.group)  # there may be passwords and keys in it
    path.write_text(text, encoding="utf-8")


def _entries(kind: type, values: Any, *, explain: bool = True) -> list[str]:
    hints = get_type_hints(kind)
    lines = []
    for f in dataclasses.fields(kind):
        if not f.metadata:
            continue  # a table of its own
        if explain:
            lines += [f"# {f.metadata['about']}", f"# ({allowed_text(hints[f.name], f.metadata)})"]
        lines.append(f"{f.name} = {_toml(getattr(values, f.name))}")
    return lines


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_quoted(v) if isinstance(v, str) else _toml(v) for v in value)}]"
    if isinstance(value, str) and "\n" in value:
        # Quotes stay readable where TOML lets them stand.
        text = "\n".join('"'.join(_quoted(part)[1:-1] for part in line.split('"')) for line in value.split("\n"))
        return '"""\n' + re.sub('"{3,}', lambda run: r"\"" * len(run.group()), text) + '"""'
    if isinstance(value, str):
        return _quoted(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(text: str) -> str:
    """A TOML string: the same as JSON's, but TOML wants DEL escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
