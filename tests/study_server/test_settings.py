"""study.toml: written and read back; every wrong setting is refused with file, line and what is allowed."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from shift_study import main
from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.folder.study_toml import read_settings, write_settings
from study_server.settings import Question, sections
from study_server.tasks.same_different.settings import SameDifferentSettings as Settings

# --- Round trip -------------------------------------------------------------------------------------------------------

ODD = [
    '"',
    '""',
    '"""',
    "\n",
    "\r",
    "\r\n",
    "\\",
    "\\n",
    "\t",
    "\0",
    "\x7f",
    "\x85",
    "\u2028",
    "\ufeff",
    "ä足🐾",
    "[study]\n",
    "#",
]
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",))),
    st.lists(st.sampled_from([*ODD, "count = 3\n", " "])).map("".join),
)


def values_of(hint: Any, rules: Any) -> st.SearchStrategy[Any]:
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) is list:
        return st.lists(values_of(get_args(hint)[0], rules), max_size=4)
    if hint is bool:
        return st.booleans()
    if hint is str and "|" in (rules["pattern"] or "") and "[" not in rules["pattern"]:  # words to choose from
        return st.sampled_from(rules["pattern"].split("|"))
    if hint is str:
        return st.from_regex(rules["pattern"], fullmatch=True, alphabet="azAZ09_-#f") if rules["pattern"] else TEXTS
    if hint is float:
        return st.floats(rules["low"], rules["high"])
    return st.integers(rules["low"], rules["high"])


def instances(kind: type) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{f.name: values_of(hints[f.name], f.metadata) for f in dataclasses.fields(kind)})


def agree(s: Settings) -> Settings:
    """The same settings, where they do not fit each other made to."""
    shifts = sorted({0, *s.stimuli.shifts, s.stimuli.max_shift}) if s.stimuli.shifts else []
    return dataclasses.replace(
        s,
        study=dataclasses.replace(s.study, task="same-different"),
        stimuli=(stimuli := dataclasses.replace(s.stimuli, count=99999, shifts=shifts)),
        trials=dataclasses.replace(
            s.trials,
            at_each_shift=[min(n, 300) for n in s.trials.at_each_shift * 300][: len(stimuli.all_shifts)],
            per_shift=min(s.trials.per_shift, 90000 // (s.stimuli.max_shift + 1)),
        ),
        display=dataclasses.replace(s.display, key_same="a", key_different="0"),
        recruitment=dataclasses.replace(
            s.recruitment, platforms=s.recruitment.platforms or ["open"], sona_completion_url=""
        ),
        questions=[
            dataclasses.replace(q, id=f"q{n}", text=q.text if q.text.strip() else "Why?")
            for n, q in enumerate(s.questions)
        ],
    )


SETTINGS = st.builds(
    Settings,
    **{name: instances(kind) for name, kind in sections(Settings).items()},
    questions=st.lists(instances(Question), max_size=3),
).map(agree)


@given(settings=SETTINGS)
def test_round_trip(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "study.toml"
    write_settings(settings, path)
    assert read_settings(path) == settings


@pytest.mark.parametrize("questions", [Settings().questions, []])
def test_defaults_round_trip(questions: list[Question], tmp_path: Path) -> None:
    settings = Settings(questions=questions)
    write_settings(settings, tmp_path / "study.toml")
    assert read_settings(tmp_path / "study.toml") == settings


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    (tmp_path / "study.toml").touch()
    assert read_settings(tmp_path / "study.toml") == Settings()


ALL = [(section, f) for section, kind in sections(Settings).items() for f in dataclasses.fields(kind)]


@pytest.mark.parametrize(("section", "field"), ALL, ids=lambda v: v if isinstance(v, str) else v.name)
def test_each_setting_is_explained_where_it_stands(section: str, field: dataclasses.Field[Any], tmp_path: Path) -> None:
    write_settings(Settings(), tmp_path / "study.toml")
    lines = (tmp_path / "study.toml").read_text(encoding="utf-8").split("\n")
    at = next(n for n, line in enumerate(lines[lines.index(f"[{section}]") :]) if line.startswith(f"{field.name} = "))
    at += lines.index(f"[{section}]")
    assert lines[at - 2] == f"# {field.metadata['about']}"
    assert re.fullmatch(r"# \(.+\)", lines[at - 1])


def test_long_texts_are_readable_in_the_file(tmp_path: Path) -> None:
    text = 'Say "same" or "different".\nNo C:\\paths.'
    settings = Settings(texts=dataclasses.replace(Settings().texts, consent=text))
    write_settings(settings, tmp_path / "study.toml")
    assert 'consent = """\nSay "same" or "different".\nNo C:\\\\paths."""' in (tmp_path / "study.toml").read_text()


@pytest.mark.parametrize("change", [lambda b: b.replace(b"\n", b"\r\n"), lambda b: b"\xef\xbb\xbf" + b])
def test_as_an_editor_on_windows_saves_it(change: Any, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    write_settings(Settings(), path)
    path.write_bytes(change(path.read_bytes()))
    assert read_settings(path) == Settings()


# --- What is refused --------------------------------------------------------------------------------------------------


def refusal(text: str, tmp_path: Path) -> str:
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        read_settings(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    return message.removeprefix(str(path))


WRONG = [
    ("study", "name", '"two words"', "a text in quotes of the form"),
    ("study", "name", '""', "a text in quotes of the form"),
    ("study", "title", "3", "a text in quotes"),
    ("study", "title", '["a"]', "a text in quotes"),
    ("stimuli", "count", "0", "an integer from 1 to 99999"),
    ("stimuli", "count", '"50"', "an integer from 1 to 99999"),
    ("stimuli", "count", "50.0", "an integer from 1 to 99999"),
    ("stimuli", "count", "true", "an integer from 1 to 99999"),
    ("stimuli", "max_shift", "257", "an integer from 1 to 256"),
    ("stimuli", "size", "15", "an integer from 16 to 2048"),
    ("stimuli", "direction", '"rigth"', '"right" or "left" or "up" or "down" or "up-right"'),
    ("stimuli", "direction", "3", '"right" or "left" or "up" or "down"'),
    ("stimuli", "shifts", "[0, 2.5]", "a list of integers from 0 to 256"),
    ("trials", "at_each_shift", "[0]", "a list of integers from 1 to 1000"),
    ("stimuli", "seed", "-1", "an integer of at least 0"),
    ("trials", "strategy", '"random"', '"balanced" or "paper"'),
    ("trials", "per_shift", "0", "an integer from 1 to 1000"),
    ("trials", "slot_timeout_minutes", "0", "a number from 0.01 to"),
    ("trials", "slot_timeout_minutes", "nan", "a number from 0.01 to"),
    ("trials", "slot_timeout_minutes", "inf", "a number from 0.01 to"),
    ("trials", "slot_timeout_minutes", "1" + "0" * 400, "a number from 0.01 to"),
    ("trials", "slot_timeout_minutes", '"60"', "a number from 0.01 to"),
    ("display", "pixel_scale", "17", "an integer from 0 to 16"),
    ("display", "background", '"grey"', "a text in quotes of the form #"),
    ("display", "background", '"#80808"', "a text in quotes of the form #"),
    ("display", "key_same", '"F"', "a text in quotes of the form [a-z0-9]"),
    ("display", "key_same", '"ff"', "a text in quotes of the form [a-z0-9]"),
    ("display", "inter_trial_ms", "1979-05-27", "an integer from 0 to 60000"),
    ("practice", "shifts", "9", "a list of integers from 0 to 256"),
    ("practice", "shifts", '["9"]', "a list of integers from 0 to 256"),
    ("practice", "shifts", "[9, -1]", "a list of integers from 0 to 256"),
    ("practice", "shifts", "[9.0]", "a list of integers from 0 to 256"),
    ("completion", "code", '"with space"', "a text in quotes of the form"),
    ("server", "port", "65536", "an integer from 1 to 65535"),
    ("server", "workers", "0", "an integer from 1 to 64"),
]


@pytest.mark.parametrize(("section", "key", "value", "allowed"), WRONG)
def test_wrong_value(section: str, key: str, value: str, allowed: str, tmp_path: Path) -> None:
    write_settings(Settings(), tmp_path / "study.toml")
    lines = (tmp_path / "study.toml").read_text().split("\n")
    start = lines.index(f"[{section}]")
    at = start + next(n for n, line in enumerate(lines[start:]) if line.startswith(f"{key} = "))
    lines[at] = f"{key} = {value}"
    message = refusal("\n".join(lines), tmp_path)
    assert message.startswith(f", line {at + 1}: {section}.{key} is ")
    assert "; allowed is " + allowed in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[stimuly]\n", ", line 1: [stimuly] is not a section; allowed is one of study, stimuli, trials, "),
        ("\n\n[[stimuli]]\n", ", line 3: stimuli is not a section; allowed is [stimuli]"),
        ("display = 3", ", line 1: display is not a section; allowed is [display]"),
        ("[display]\nfoo = 1", ", line 2: display.foo is not a setting; allowed is one of pixel_scale, gap_px, "),
        ("# so\ndisplay.gap_px = -1", ", line 2: display.gap_px is -1; allowed is an integer from 0 to 1000"),
        ("\ndisplay = {gap_px = -1}", ", line 2: display.gap_px is -1"),
        ('[display]\n"gap_px" = -1', ", line 2: display.gap_px is -1"),
        # Lines that look like settings inside a text are none.
        (
            '[texts]\nconsent = """\n[display]\ngap_px = 20\n"""\n[display]\ngap_px = -1',
            ", line 7: display.gap_px is -1",
        ),
        # A value over several lines is named by its first.
        ("[practice]\n\nshifts = [\n  1,\n  # four\n  400,\n]\n", ", line 3: practice.shifts is [1, 400]"),
        ("[questions]\n", ", line 1: questions is not a list of tables; allowed is [[questions]] sections, or"),
        ("questions = [1]\n", ", line 1: questions is not a list of tables"),
        ('[[questions]]\nid = "Age"\ntext = "?"', ", line 2: questions.id is 'Age'; allowed is a text in quotes of"),
        ('[[questions]]\nid = "age"\ntext = "?"\nopt = 1', ", line 4: questions.opt is not a setting; allowed"),
        ('[[questions]]\ntext = "?"', ", line 1: questions.id is ''; allowed is a name of its own for each question"),
        ('[[questions]]\nid = "age"', ", line 1: questions.text is ''; allowed is a question in quotes"),
        (
            '[[questions]]\nid = "a"\ntext = "?"\n[[questions]]\nid = "b"\ntext = "?"\n'
            '\n[[questions]]\nid = "a"\ntext = "?"',
            ", line 9: questions.id is 'a'; allowed is a name of its own for each question",
        ),
        (
            '[[questions]]\nid = "a"\ntext = "?"\n[[questions]]\nid = "b"\ntext = "?"\noptions = "yes"',
            ", line 7: questions.options is 'yes'; allowed is a list of texts",
        ),
        (
            '[display]\nkey_different = "f"',
            ", line 2: display.key_different is the key of «same»; allowed is another key",
        ),
        (
            "[stimuli]\ncount = 40\n[trials]\nper_shift = 5",
            ", line 4: trials.per_shift is 5, which makes 50 trials, but the balanced strategy shows each of the 40 "
            'images at most once; allowed is at most 4, or strategy = "paper"',
        ),
        (
            "[stimuli]\nshifts = [0, 3, 2, 9]",
            ", line 2: stimuli.shifts is [0, 3, 2, 9]; allowed is an ascending list from 0 to the largest, which is "
            "stimuli.max_shift = 9",
        ),
        ("[stimuli]\nshifts = [2, 9]", ", line 2: stimuli.shifts is [2, 9]; allowed is an ascending list from 0"),
        ("[stimuli]\nshifts = [0, 2, 3]", ", line 2: stimuli.shifts is [0, 2, 3]; allowed is an ascending list from 0"),
        (
            "[stimuli]\nshifts = [0, 2, 9]\n[trials]\nat_each_shift = [5, 5]",
            ", line 4: trials.at_each_shift has 2 numbers; allowed is one for each of the 3 shifts",
        ),
        (
            "[stimuli]\nshifts = [0, 2, 9]\n[trials]\nat_each_shift = [5, 40, 6]",
            ", line 4: trials.at_each_shift makes 51 trials, but the balanced strategy shows each of the 50 images at "
            'most once; allowed is numbers with a sum of at most 50, or strategy = "paper"',
        ),
        (
            '[stimuli]\nshifts = [0, 9]\n[trials]\nat_each_shift = [49, 3]\nmore_catch = 2\nstrategy = "paper"',
            ", line 4: a participant would judge 51 pairs of one shift; allowed is at most the 50 images",
        ),
        (
            '[study]\nname = "a"\ntask = "3afc"',
            ", line 3: study.task is '3afc'; allowed is one of same-different, 2afc, odd-one-out",
        ),
        ("study.task = 2", ", line 1: study.task is 2; allowed is one of same-different, 2afc, odd-one-out"),
        ('study.task = ["2afc"]', ", line 1: study.task is ['2afc']; allowed is one of same-different, "),
        # What another task has is none of this one's.
        ("[trials]\nretests = 3", ", line 2: trials.retests is not a setting; allowed is one of seed, slot_timeout_m"),
        (
            '[study]\ntask = "2afc"\n[trials]\nper_shift = 3',
            ", line 4: trials.per_shift is not a setting; allowed is one of seed, slot_timeout_minutes, triplets, ",
        ),
        (
            '[study]\ntask = "odd-one-out"\n[display]\nkey_same = "f"',
            ", line 4: display.key_same is not a setting; allowed is one of pixel_scale, gap_px, background, ",
        ),
        # Left at its default, the setting has no line; its section has.
        ("[trials]\nseed = 1\n[stimuli]\ncount = 40", ", line 1: trials.per_shift is 5, which makes 50 trials"),
        ("[stimuli]\ncount = 9", ": trials.per_shift is 5, which makes 50 trials"),
        ('[trials]\nstrategy = "paper"\nper_shift = 51', ", line 3: trials.per_shift is 51; allowed is at most the 50"),
    ],
)  # fmt: skip
def test_wrong_document(text: str, message: str, tmp_path: Path) -> None:
    assert refusal(text, tmp_path).startswith(message)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[display]\ngap_px = 1\ngap_px = 2\n", 3),
        ("[display]\ngap_px = 1\n[trials]\n[display]\n", 4),
        ("[display]\ngap_px = \n", 2),
        ("[display\n", 1),
        ("[study]\ntitle = Seeing\n", 2),
        ('[study]\ntitle = "a\x01b"\n', 2),
    ],
)
def test_no_toml(text: str, line: int, tmp_path: Path) -> None:
    message = refusal(text, tmp_path)
    assert message.startswith(" is not valid TOML: ") and f"at line {line}, column" in message


def test_integer_of_thousands_of_digits(tmp_path: Path) -> None:
    assert "is not valid TOML" in refusal("[stimuli]\nseed = 1" + "0" * 5000, tmp_path)


def test_no_text_at_all(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_bytes(b"\xff\xfe[\0s\0")
    with pytest.raises(StudyError, match=r"study\.toml cannot be read"):
        read_settings(tmp_path / "study.toml")
    with pytest.raises(StudyError, match=r"other\.toml is missing: make the study folder"):
        read_settings(tmp_path / "other.toml")


def test_line_numbers_with_windows_line_ends(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_bytes(b"[study]\r\n\r\ntitle = 3\r\n")
    with pytest.raises(StudyError, match=r"study\.toml, line 3: study\.title is 3"):
        read_settings(tmp_path / "study.toml")


@example(text=["\r", "\r\n"])
@given(
    text=st.lists(
        st.sampled_from([*ODD, "[study]\n", "[[questions]]\n", "id", " = ", "1", '"x"', "{", "}", "[", "]", "."])
    )
)
def test_any_text_is_read_or_refused(text: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text("".join(text), encoding="utf-8", newline="")
    try:
        read_settings(path)
    except StudyError as error:
        assert str(path) in str(error)
    else:
        tomllib.loads(path.read_bytes().decode("utf-8-sig"))


def test_the_command_line_says_it_in_one_sentence(study: StudyFolder) -> None:
    toml = study.path / "study.toml"
    toml.write_text(toml.read_text().replace("gap_px = 20", 'gap_px = "wide"'))
    line = 1 + toml.read_text().split("\n").index('gap_px = "wide"')
    result = CliRunner().invoke(main, ["check", str(study.path)])
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {toml}, line {line}: display.gap_px is 'wide'; allowed is an integer from 0 to 1000\n"
    )
