"""The pages speak English and German, completely, and store the same in both."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from click.testing import CliRunner
from flask import Flask
from flask_babel import Babel
from sqlalchemy import select

import shift_study
import study_server.web
from participant import change_settings
from requests_of_a_participant import answer, begin, database, sign_in
from study_server import tasks
from study_server.folder.study_folder import StudyFolder
from study_server.folder.study_toml import read_settings, write_settings
from study_server.settings import DEFAULT_QUESTIONS, LANGUAGES, Question, Settings, Translation
from study_server.storage.models import Participant, QuestionAnswer
from study_server.study_texts import offered
from study_server.tasks.same_different.settings import SameDifferentSettings
from study_server.web.app import create_app
from study_server.web.languages import texts_in
from study_server.web.serve import _prepare

ROOT = Path(__file__).parents[2]
TRANSLATIONS = Path(study_server.web.__file__).parent / "translations"
PLACES = re.compile(r"%\(\w+\)s|\{\w+\}|<[^>]+>")


def source_messages() -> set[str]:
    """Every text of pages and code that is to be translated."""
    with (TRANSLATIONS / "extraction.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = set()
    for _, _, message, _, _ in extract_from_dir(
        ROOT, methods, options, keywords={"_": None, "gettext": None, "N_": None},
        directory_filter=lambda path: not Path(path).name.startswith("."),
    ):  # fmt: skip
        found.add(message if isinstance(message, str) else message[0])
    return found


def catalog(name: str, language: str) -> dict[str, str]:
    path = TRANSLATIONS / language / "LC_MESSAGES" / name
    with path.open("rb") as file:
        found = read_mo(file) if path.suffix == ".mo" else read_po(file, locale=language)
    assert not any(message.fuzzy for message in found)
    return {str(message.id): str(message.string) for message in found if message.id}


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != "en"])
def test_a_language_is_complete(language: str) -> None:
    translated, wanted = catalog("messages.po", language), source_messages()
    assert len(wanted) > 150
    assert not wanted - {message for message, text in translated.items() if text}
    assert not translated.keys() - wanted  # nothing that no page says any more
    for message, text in translated.items():
        assert sorted(PLACES.findall(message)) == sorted(PLACES.findall(text)), message


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != "en"])
def test_the_compiled_catalog_is_that_of_the_texts(language: str) -> None:
    # After a change: pybabel compile -d study_server/web/translations
    assert catalog("messages.mo", language) == catalog("messages.po", language)


def test_the_browser_or_the_link_chooses_the_language(app: Flask) -> None:
    def page(link: str = "/", accept: str = "") -> str:
        return app.test_client().get(link, headers={"Accept-Language": accept}).text

    assert 'lang="en"' in page()
    assert 'lang="en"' in page(accept="fr,en;q=0.5")
    assert 'lang="de"' in page(accept="de-AT,de;q=0.9,en;q=0.5")
    german = page("/?lang=de", accept="en")
    assert 'lang="de"' in german
    assert "Ich nehme teil" in german
    assert "Sie sind eingeladen" in german
    assert "Kleine Verschiebungen sehen" in german
    assert 'lang="en"' in page("/?lang=xx")


def test_a_chosen_language_stays_and_is_stored_and_answers_are_the_same_in_each(app: Flask) -> None:
    client = app.test_client()
    sign_in(client, "/?lang=de")
    for path in ("/consent", "/instructions", "/practice"):
        client.post(path)
    for trial in client.get("/api/trials").json["trials"]:
        answer(client, trial["id"])
    questions = client.get("/questions").text
    assert "Wie alt sind Sie?" in questions
    assert re.search(r'value="under 20">\s*unter 20', questions)
    assert client.post("/questions", data={"age": "under 20"}).status_code == 303
    assert "Ihr Abschlusscode" in client.get("/thanks").text
    with database(app).reading() as session:
        assert session.scalars(select(QuestionAnswer.answer)).all() == ["under 20"]
        assert session.scalars(select(Participant.language)).all() == ["de"]


def test_errors_speak_the_language_too(app: Flask) -> None:
    assert "Diese Seite gibt es nicht" in app.test_client().get("/nowhere?lang=de").text


OWN = Question("sight", "Do you wear glasses?", ["yes", "no"])
ASKED = Translation(question="Gleich?")
GLASSES = ["Tragen Sie eine Brille?", "ja", "nein"]


def settings_with(**changes: Any) -> Settings:
    texts = replace(SameDifferentSettings().texts, **changes.pop("texts", {}))
    return replace(SameDifferentSettings(), texts=texts, **changes)


@pytest.mark.parametrize(
    ("settings", "languages"),
    [
        (settings_with(), ["en", "de"]),
        (settings_with(texts={"question": "Same?"}), ["en"]),
        (
            settings_with(texts={"question": "Same?"}, translations={"de": Translation(question="Gleich?")}),
            ["en", "de"],
        ),
        (settings_with(questions=[OWN]), ["en"]),
        (settings_with(questions=[OWN], translations={"de": Translation(questions={"sight": GLASSES})}), ["en", "de"]),
        (settings_with(questions=[]), ["en", "de"]),
        (settings_with(study=replace(SameDifferentSettings().study, languages=["de"])), ["de"]),
        (settings_with(study=replace(SameDifferentSettings().study, languages=["de", "en"])), ["de", "en"]),
        (settings_with(study=replace(SameDifferentSettings().study, languages=[])), ["en"]),
    ],
)
def test_a_language_is_offered_only_where_all_texts_are_given_in_it(settings: Settings, languages: list[str]) -> None:
    assert offered(settings) == languages


def test_the_studys_own_texts_are_shown_in_the_participants_language(study: StudyFolder) -> None:
    translation = Translation(question="Gleich oder nicht?", questions={"sight": GLASSES})
    settings = settings_with(
        study=replace(study.settings.study), stimuli=study.settings.stimuli, trials=study.settings.trials,
        texts={"question": "Same or not?"}, questions=[OWN], translations={"de": translation},
    )  # fmt: skip
    path = study.path / "study.toml"
    write_settings(settings, path)
    assert read_settings(path) == settings
    app = create_app(StudyFolder(study.path))
    client = app.test_client()
    begin(client)
    assert "Same or not?" in client.get("/trials").text
    assert "Gleich oder nicht?" in client.get("/trials?lang=de").text
    for trial in client.get("/api/trials").json["trials"]:
        answer(client, trial["id"])
    questions = client.get("/questions").text
    assert "Tragen Sie eine Brille?" in questions
    assert re.search(r'value="no">\s*nein', questions)
    database(app).close()


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("[translations.xx]\ntitle = 'x'", r"line \d+: 'xx' is not a language of the pages; allowed is one of en, de"),
        ("[translations.de]\nbody = 'x'", r"line \d+: translations.body is not a setting"),
        ("[translations.de.questions]\nage = 'Wie alt?'", r"translations.de.questions is not as it should be"),
        (
            "[translations.de.questions]\nage = ['Wie alt?']",
            r"has 1 texts; allowed is 7: the question and its 6",
        ),
        ("[translations.de.questions]\nnone = ['?']", r"is of no question; allowed is one of age, background"),
        ("translations = 3", r"is not a table of languages"),
    ],
)
def test_a_wrong_translation_is_refused_with_what_is_allowed(tmp_path: Path, added: str, message: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(added + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_settings(path)


# --- what default texts are filled with -------------------------------------------------------------------------------


TASKS = ("same-different", "2afc", "odd-one-out")
ENOUGH = ("{time}", "Take the time you need.")
FORMERLY = {"same-different": ENOUGH, "odd-one-out": ENOUGH, "2afc": (". {time}", ", and take the time you need.")}


def shown(settings: Settings, language: str = "en", trials: int = 50) -> Any:
    """The study's texts as a participant of so many trials reads them."""
    app = Flask(__name__, root_path=str(TRANSLATIONS.parent))
    Babel(app, default_locale=language, default_translation_directories=str(TRANSLATIONS))
    with app.test_request_context():
        return texts_in(settings, language, trials)


@pytest.mark.parametrize(("trials", "minutes"), [(10, 4), (20, 5), (50, 10), (100, 20), (200, 35)])
@pytest.mark.parametrize("task", TASKS)
def test_the_consent_says_how_long_so_many_trials_take(task: str, trials: int, minutes: int) -> None:
    settings = tasks.task(task).settings_type()
    assert f"about {minutes} minutes" in " ".join(shown(settings, trials=trials).consent.split())
    assert f"etwa {minutes} Minuten" in " ".join(shown(settings, "de", trials).consent.split())


@pytest.mark.parametrize("task", TASKS)
def test_the_instructions_say_whether_the_pictures_disappear(task: str) -> None:
    settings = tasks.task(task).settings_type()
    limited = replace(settings, display=replace(settings.display, time_limit_ms=1500))
    assert "Take the time you need." in shown(settings).instructions
    assert "disappear" not in shown(settings).instructions
    assert "The pictures disappear after 1.5 s" in shown(limited).instructions
    assert "Take the time you need." not in shown(limited).instructions
    assert "Die Bilder verschwinden nach 1.5 s" in shown(limited, "de").instructions


def test_texts_of_ones_own_stay_as_they_are_but_for_what_they_ask_for() -> None:
    own = settings_with(texts={"consent": "It takes {minutes} minutes, {not} more. 100 %", "instructions": "Look."})
    assert shown(own).consent == "It takes 10 minutes, {not} more. 100 %"
    assert shown(own).instructions == "Look."


@pytest.mark.parametrize("task", TASKS)
def test_default_texts_and_questions_of_older_studies_keep_their_translations(task: str) -> None:
    settings = tasks.task(task).settings_type()
    older = replace(
        settings,
        texts=replace(
            settings.texts,
            consent=settings.texts.consent.replace("{minutes}", "ten"),
            instructions=settings.texts.instructions.replace(*FORMERLY[task]),
        ),
        questions=[DEFAULT_QUESTIONS[0], replace(DEFAULT_QUESTIONS[1], options=DEFAULT_QUESTIONS[1].options[:-1])],
    )  # fmt: skip
    assert offered(older) == ["en", "de"]
    german = shown(older, "de")
    assert german.consent == shown(settings, "de").consent
    assert german.questions[1].options[0] == ("arts", "Kunst")
    assert [len(question.options) for question in german.questions] == [6, 8]


def test_every_default_question_may_be_left_open() -> None:
    assert all(question.options[-1] == "I prefer not to say" for question in DEFAULT_QUESTIONS)


def test_a_language_that_is_dropped_is_named_with_what_is_missing(study: StudyFolder) -> None:
    change_settings(study, question="Same?")
    said = CliRunner().invoke(shift_study.main, ["check", str(study.path)])
    assert said.exit_code == 0
    assert "not offered the language de, for translations.de.question is not given: add it" in said.stdout
    whole = CliRunner().invoke(shift_study.main, ["check", str(study.path), "--json"])
    assert any("translations.de.question" in warning for warning in json.loads(whole.stdout)["warnings"])
    assert any("translations.de.question" in line for line in _prepare(StudyFolder(study.path))[0].splitlines())
