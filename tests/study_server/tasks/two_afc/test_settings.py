"""Settings of a two-alternative study that make no design are refused, with what is allowed."""

from pathlib import Path

import pytest

from study_server.errors import StudyError
from study_server.folder.study_toml import read_settings, write_settings
from study_server.tasks.two_afc.settings import TwoAfcSettings, TwoAfcStimuli, TwoAfcTrials

SETTINGS = TwoAfcSettings(
    stimuli=TwoAfcStimuli(count=12, shifts=[0, 1], catches=[3, 7]),
    trials=TwoAfcTrials(triplets=8, separation=6, retests=4, catches=2),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_settings(SETTINGS, tmp_path / "study.toml")
    return tmp_path / "study.toml"


def test_what_is_written_is_read(path: Path) -> None:
    assert read_settings(path) == SETTINGS
    assert SETTINGS.stimuli.judged == [0, 1, 3, 4, 5, 7, 8, 9, 10, 11]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("shifts = [0, 1]", "shifts = [1, 2]", r"stimuli.shifts is \[1, 2\]; allowed is an ascending list .* from 0"),
        ("shifts = [0, 1]", "shifts = [0, 2, 1]", r"stimuli.shifts is \[0, 2, 1\]"),
        ("catches = [3, 7]", "catches = [7, 3]", r"stimuli.catches is \[7, 3\]; allowed is an ascending list"),
        ("catches = [3, 7]", "catches = [3, 13]", r"numbers of triplets up to 12"),
        ("\ntriplets = 8", "\ntriplets = 11", "trials.triplets is 11; allowed is at most the 10 triplets"),
        ("retests = 4", "retests = 9", "trials.retests is 9; allowed is at most one for each of the 8 triplets"),
        ("\ncatches = 2", "\ncatches = 3", "trials.catches is 3; allowed is at most the 2 catch triplets"),
        ("separation = 6", "separation = 12", r"are too few to stand so far apart; allowed is at most 9, or more"),
        ('key_right = "j"', 'key_right = "f"', "two answers have one key"),
        ("\nretests = 4", "\nper_shift = 4", "trials.per_shift is not a setting; allowed is one of"),
        ('task = "2afc"', 'task = "same-different"', "is not a setting"),
        ('task = "2afc"', 'task = "3afc"', "study.task is '3afc'; allowed is one of same-different, 2afc"),
    ],
)
def test_what_makes_no_design_is_refused(path: Path, before: str, after: str, said: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, before
    path.write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(StudyError, match=said):
        read_settings(path)
