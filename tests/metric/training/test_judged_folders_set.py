"""Sets of folders that are read to be trained on: splits, categories, weights, and what tells sets apart."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metric.errors import MetricError
from metric.training.configuration import DataPart
from metric.training.judged_folders_set import read_judged_folders
from metric.training.judged_set import JudgedSet

PART = DataPart(size_px=32)
TRAIN = "2afc/train"


def test_the_triplets_of_a_split_are_read_in_the_order_of_their_names(noise_set: Path) -> None:
    seen: dict[str, list[int | None]] = {}

    @contextmanager
    def progress(what: str, total: int | None) -> Iterator[Callable[[], object]]:
        seen[what] = [total]
        yield lambda: seen[what].append(1)

    judged = read_judged_folders(noise_set, PART, progress=progress)
    assert [one.key for one in judged.triplets] == [
        f"{category}/00000{sample}" for category in ("traditional", "cnn") for sample in range(3)
    ]
    assert [one.judge for one in judged.triplets] == [0, 0.2, 0.4] * 2
    assert (judged.origin, judged.votes, list(judged.weights)) == (str(noise_set), "human", [1.0] * 6)
    assert all("train" in one.reference.parts for one in judged.triplets)
    assert seen == {"Reading judgments": [None, *[1] * 6], "Looking at images": [6, *[1] * 6]}
    val = read_judged_folders(noise_set, PART, split="val")
    assert all("val" in one.reference.parts for one in val.triplets)
    assert val.sha256 != judged.sha256


def test_categories_restrict_and_an_unknown_one_names_those_there(noise_set: Path) -> None:
    (noise_set / TRAIN / "traditional" / "judge" / "000000.npy").unlink()  # of no concern to the other
    judged = read_judged_folders(noise_set, DataPart(32, categories=("cnn",)))
    assert {one.category for one in judged.triplets} == {"cnn"}
    with pytest.raises(MetricError, match=r'train has no category "warp"; there are traditional, cnn.'):
        read_judged_folders(noise_set, DataPart(32, categories=("cnn", "warp")))


def test_a_set_without_the_split_says_what_to_do(noise_set: Path) -> None:
    shutil.rmtree(noise_set / TRAIN)
    for named in (noise_set, noise_set / "2afc"):
        with pytest.raises(MetricError, match=r"has no split train, only val: --split val trains on it; .*--hold-out"):
            read_judged_folders(named, PART)
    assert len(read_judged_folders(noise_set, PART, split="val").triplets) == 6
    (noted,) = read_judged_folders(noise_set / "2afc" / "val", PART).notes
    assert noted == f"{noise_set / '2afc' / 'val'} is the split val, and is what is trained on."
    with pytest.raises(MetricError, match=r"is not BAPPS's 2AFC set"):
        read_judged_folders(noise_set.parent, PART)


def _digest(data: Path, part: DataPart = PART) -> str:
    return read_judged_folders(data, part).sha256


def test_a_copy_elsewhere_with_other_times_is_the_same_set(noise_set: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(noise_set, tmp_path / "other" / "copy"))
    for path in copy.rglob("*.*"):
        os.utime(path, (10**9, 10**9))
    assert _digest(copy) == _digest(noise_set)


def test_another_pixel_judgment_order_or_weight_makes_another_set(noise_set: Path) -> None:
    found = {_digest(noise_set)}
    home = noise_set / TRAIN / "cnn"
    for part in ("ref", "p0", "p1"):
        pixels = np.array(Image.open(home / part / "000002.png"))
        pixels[-1, -1, -1] ^= 1
        Image.fromarray(pixels).save(home / part / "000002.png")
        found.add(_digest(noise_set))
    np.save(home / "judge" / "000001.npy", np.array([1], np.float32))
    found.add(_digest(noise_set))
    for part, suffix in (("ref", "png"), ("p0", "png"), ("p1", "png"), ("judge", "npy")):  # 1, 2, 0 instead of 0, 1, 2
        (home / part / f"000000.{suffix}").rename(home / part / f"000003.{suffix}")
    found.add(_digest(noise_set))
    (noise_set.parent / "answers.csv").write_text(
        "folder,name,answers\n" + "".join(f"noise,00000{sample},{3 + sample}\n" for sample in range(4))
    )
    found.add(_digest(noise_set))
    assert len(found) == 7


def _with_answers(data: Path, rows: str, header: str = "folder,name,stimulus,answers") -> JudgedSet:
    (data.parent / "answers.csv").write_text(f"{header}\n{rows}")
    return read_judged_folders(data / "2afc", DataPart(32, categories=("cnn",)))


def test_weights_are_numbers_of_answers_over_their_mean(noise_set: Path) -> None:
    judged = _with_answers(noise_set, "noise,000002,c,6\nother,000000,x,9\nnoise,000000,a,1\nnoise,000001,b,2\n")
    assert list(judged.weights) == pytest.approx([1 / 3, 2 / 3, 2])
    assert judged.notes == ()
    other = _with_answers(noise_set, "other,000000,x,9\n")
    assert (list(other.weights), len(other.notes)) == ([1, 1, 1], 1)
    assert "answers.csv has no rows of noise: all triplets weigh the same." in other.notes[0]
    foreign = _with_answers(noise_set, "a.png,b.png,c.png,1\n", "O,A,B,answer")
    assert "answers.csv has no columns folder, name, answers: all triplets weigh the same." in foreign.notes[0]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("noise,000000,a,1\nnoise,000001,b,2\n", "answers.csv has no row of 000002 in noise, though it is judged"),
        ("noise,000000,a,many\n", 'answers.csv, line 2: answers is "many", not a whole number from 0 on; correct it.'),
        ("noise,000000,a,-1\n", 'line 2: answers is "-1", not a whole number'),
        ("".join(f"noise,00000{n},a,0\n" for n in range(3)), "not one of 3 triplets has an answer.*nothing to learn"),
        ("".join(f"noise,00000{n},a,{n // 2}\n" for n in range(3)), "has 1 judged triplet: there is nothing to learn"),
        ('noise,"000000', "answers.csv cannot be read as a CSV file in UTF-8"),
    ],
)
def test_answers_that_do_not_fit_are_refused(noise_set: Path, rows: str, said: str) -> None:
    with pytest.raises(MetricError, match=said):
        _with_answers(noise_set, rows)


def test_where_all_judgments_are_alike_there_is_nothing_to_learn(noise_set: Path) -> None:
    for path in (noise_set / TRAIN).rglob("*.npy"):
        np.save(path, np.array([0.4], np.float32))
    with pytest.raises(MetricError, match=r"judgments of all 6 triplets are 0.4, so that there is nothing to learn"):
        read_judged_folders(noise_set, PART)
    np.save(path, np.array([0.2], np.float32))
    read_judged_folders(noise_set, PART)
    # One that differs, but that nobody judged, teaches nothing.
    (noise_set.parent / "answers.csv").write_text(
        "folder,name,answers\nnoise,000000,5\nnoise,000001,5\nnoise,000002,0\n"
    )
    np.save(path, np.array([0.4], np.float32))
    for category in ("traditional", "cnn"):
        np.save(noise_set / TRAIN / category / "judge" / "000002.npy", np.array([0.2], np.float32))
    with pytest.raises(MetricError, match=r"judgments of all 4 triplets are 0.4, so that there is nothing to learn"):
        read_judged_folders(noise_set, PART)


def test_a_judgment_that_is_no_number_is_refused_by_name(noise_set: Path) -> None:
    path = noise_set / TRAIN / "cnn" / "judge" / "000001.npy"
    np.save(path, np.array([np.nan], np.float32))
    with pytest.raises(MetricError, match=r"000001.npy holds nan; a judgment is the share of people"):
        read_judged_folders(noise_set, PART)


def test_files_that_cannot_be_trained_on_are_named(noise_set: Path) -> None:
    home = noise_set / TRAIN / "cnn"
    path = home / "p1" / "000001.png"
    kept = path.read_bytes()
    path.write_text("nothing")
    with pytest.raises(MetricError, match=r"cnn/p1/000001.png is not a PNG, JPEG, TIFF, BMP or WebP image"):
        read_judged_folders(noise_set, PART)
    Image.new("RGB", (40, 41)).save(path)
    with pytest.raises(MetricError, match=r"p1/000001.png has 40 × 41 pixels and .*ref/000001.png 40 × 40; images"):
        read_judged_folders(noise_set, PART)
    path.write_bytes(kept)
    for part in ("ref", "p0", "p1"):
        Image.new("RGB", (80, 40)).save(home / part / "000001.png")
    with pytest.raises(MetricError, match=r"images of cnn/000001 have 64 × 32 pixels when resized and those of trad"):
        read_judged_folders(noise_set, PART)
    for part in ("ref", "p0", "p1"):  # another size that becomes the same
        Image.new("RGB", (80, 80)).save(home / part / "000001.png")
    assert len(read_judged_folders(noise_set, PART).triplets) == 6


def test_an_exported_set_lies_beside_its_answers(noise_set: Path) -> None:
    """From wherever the set is named."""
    rows = "".join(f"noise,00000{sample},{sample + 1}\n" for sample in range(3))
    (noise_set.parent / "answers.csv").write_text(f"folder,name,answers\n{rows}")
    for named in (noise_set, noise_set / "2afc", noise_set / TRAIN):
        assert list(read_judged_folders(named, PART).weights) == pytest.approx([0.5, 1, 1.5] * 2)
