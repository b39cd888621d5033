"""What the built-in tasks have participants read: complete, with the numbers that belong there, and in order."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest

from study_server.tasks import BUILT_IN, task
from study_server.tasks.task import Task
from study_server.tasks.words import Words

NUMBERS = {
    "consent_total": ["total"], "then_trials": ["total"], "trials_start": ["total"], "haste": ["seconds"],
    "welcome_back": ["left", "total"], "practice_first": ["practice"], "practice_start": ["total"],
}  # fmt: skip


@pytest.fixture(params=BUILT_IN)
def kind(request: pytest.FixtureRequest) -> Task[Any]:
    return task(request.param)


def test_every_answer_has_its_words_in_the_order_of_the_buttons(kind: Task[Any]) -> None:
    words = kind.words
    for by_answer in (words.answers, words.keys, words.right, words.wrong):
        assert tuple(by_answer) == kind.answers
        assert all(by_answer.values())
        assert len(set(by_answer.values())) == len(by_answer)
    assert list(kind.keys(kind.settings_type()).values()) == list(kind.answers)
    assert not set(words.right.values()) & set(words.wrong.values())


def test_texts_have_the_numbers_that_the_pages_fill_in_and_no_others(kind: Task[Any]) -> None:
    for field in fields(Words):
        text = getattr(kind.words, field.name)
        if isinstance(text, str):
            assert sorted(re.findall(r"%\((\w+)\)s", text)) == NUMBERS.get(field.name, []), field.name


def test_the_words_of_three_images_do_not_speak_of_pairs() -> None:
    for name in BUILT_IN:
        words = task(name).words
        shown = [text for field in fields(Words) if isinstance(text := getattr(words, field.name), str)]
        assert any(re.search(r"\bpairs?\b", text) for text in shown) == (len(task(name).places) == 2)
