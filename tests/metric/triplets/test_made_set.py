"""`shift-study bapps make`, its distortions and votes, and `shift-study bapps jnd`."""

from __future__ import annotations

import csv
import filecmp
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from sklearn.metrics import average_precision_score

from metric.errors import MetricError
from metric.pixels import Pixels
from metric.triplets.distortions import DISTORTIONS, distort_as
from metric.triplets.judged_folders import JND, TWO_AFC, read_folders
from metric.triplets.made_set import MadeSet, votes_of
from metric.triplets.made_votes import preference_shares, same_shares
from metric.triplets.photograph_files import Photograph

Invoke = Callable[..., Result]
NAMES = [(category, name) for category, functions in DISTORTIONS.items() for name in functions]


@pytest.mark.parametrize(("category", "name"), NAMES)
def test_a_distortion_is_had_by_its_name(category: str, name: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    expected = DISTORTIONS[category][name](pixels, 0.5, np.random.default_rng(3))
    assert np.array_equal(distort_as(pixels, name, 0.5, np.random.default_rng(3)), expected)
    with pytest.raises(MetricError, match="There is no distortion 'melt'; there are blur, noise,"):
        distort_as(pixels, "melt", 0.5, np.random.default_rng(3))


def _files(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def test_the_same_seed_gives_the_same_set_and_another_another(
    made_once: Path, some_photographs: list[Photograph], tmp_path: Path
) -> None:
    MadeSet(count=2, size_px=80, seed=5).make(some_photographs, tmp_path / "again")
    MadeSet(count=2, size_px=80, seed=6).make(some_photographs, tmp_path / "other")
    files = _files(made_once)
    assert len(files) == 2 + 6 * 4 * 2 + 2 * 3 * 2
    assert filecmp.cmpfiles(made_once, tmp_path / "again", files, shallow=False)[1:] == ([], [])
    assert len(filecmp.cmpfiles(made_once, tmp_path / "other", files, shallow=False)[1]) > 50


def test_enlarged_each_pixel_is_a_block_of_the_same_patches(
    made_once: Path, some_photographs: list[Photograph], tmp_path: Path
) -> None:
    metadata = MadeSet(count=2, size_px=80, seed=5, enlarged=3).make(some_photographs, tmp_path / "shown")
    assert json.loads(metadata.read_text(encoding="utf-8"))["enlarged"] == 3
    assert "enlarged" not in json.loads((made_once / "made.json").read_text(encoding="utf-8"))
    images = list(made_once.rglob("*.png"))
    assert len(images) == 6 * 3 * 2 + 2 * 2 * 2
    for image in images:
        patch = np.asarray(Image.open(image))
        shown = np.asarray(Image.open(tmp_path / "shown" / image.relative_to(made_once)))
        assert shown.shape == (240, 240, 3)
        assert all(np.array_equal(shown[down::3, across::3], patch) for down in range(3) for across in range(3))
    for judge in made_once.rglob("*.npy"):
        assert np.array_equal(np.load(judge), np.load(tmp_path / "shown" / judge.relative_to(made_once)))


def test_a_reference_is_the_photograph_where_it_was_cut(made_once: Path, some_photographs: list[Photograph]) -> None:
    pixels = {photograph.name: photograph.read() for photograph in some_photographs}
    rows = csv.DictReader((made_once / "distortions.csv").read_text(encoding="utf-8").splitlines())
    cut = [row for row in rows if row["set"] == "2afc"]
    assert len(cut) == 6 * 2 * 2
    for row in cut:
        x, y = int(row["x"]), int(row["y"])
        (file,) = made_once.glob(f"2afc/val/{row['category']}/ref/{row['sample']}.png")
        assert np.array_equal(np.asarray(Image.open(file)), pixels[row["photograph"]][y : y + 80, x : x + 80])


@pytest.mark.parametrize(("metric", "is_the_same"), [("l2", True), ("ssim", False)])
def test_votes_of_a_metric_are_of_what_is_shown(
    metric: str, is_the_same: bool, some_photographs: list[Photograph], tmp_path: Path
) -> None:
    """A pixel's error is the same however often it stands; structure is of windows of what is shown."""
    amounts = []
    for times in (1, 2):
        home = tmp_path / str(times)
        MadeSet(count=1, size_px=48, seed=5, votes=metric, enlarged=times).make(some_photographs, home)
        rows = csv.DictReader((home / "distortions.csv").read_text(encoding="utf-8").splitlines())
        amounts.append([float(row["amount"]) for row in rows])
    assert (amounts[0] == pytest.approx(amounts[1], rel=1e-2)) == is_the_same


def test_a_set_to_train_on_has_no_photograph_of_that_to_test_with(
    made_once: Path, photographs: dict[str, Pixels], tmp_path: Path
) -> None:
    pixels = {name: photographs[name][:100, :100] for name in ("china", "rocket", "coffee", "chelsea")}
    pixels["rocket again"] = pixels["rocket"]  # is the same photograph, wherever that is
    several = [Photograph.of(name, lambda name=name: pixels[name]) for name in pixels]  # type: ignore[misc]
    held_out = set()
    for seed in range(6):
        folder = tmp_path / str(seed)
        MadeSet(count=1, size_px=40, seed=seed, hold_out=2, train_count=3).make(several, folder)
        said = json.loads((folder / "made.json").read_text())
        train, val = (set(said["splits"][split]) for split in ("train", "val"))
        assert train | val == set(pixels) == set(said["photographs"])
        assert len({said["photographs"][name] for name in val}) == 2 and not train & val
        assert len({"rocket", "rocket again"} & train) in (0, 2)
        held_out.add(frozenset(val))
        with (folder / "distortions.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["photograph"] for row in rows if row["split"] == "train"} <= train
        assert {row["photograph"] for row in rows if row["split"] == "val"} <= val
        assert {row["split"] for row in rows if row["set"] == "jnd"} == {"val"}
        for split, count in (("train", 3), ("val", 1)):
            triplets = read_folders(folder, TWO_AFC, split).triplets
            assert len(triplets) == 6 * count
            assert {(one.category, one.sample) for one in triplets} == {
                (row["category"], row["sample"]) for row in rows if (row["set"], row["split"]) == ("2afc", split)
            }
        assert read_folders(folder, JND).triplets
    assert len(held_out) > 1
    MadeSet(count=1, size_px=40, seed=0, hold_out=2, train_count=3).make(several, tmp_path / "again")
    files = _files(tmp_path / "0")
    assert filecmp.cmpfiles(tmp_path / "0", tmp_path / "again", files, shallow=False)[1:] == ([], [])
    # Without, nothing says a word of splits.
    assert "split" not in (made_once / "made.json").read_text() + (made_once / "distortions.csv").read_text()


def test_the_verb_makes_both_splits_or_says_why_not(
    tmp_path: Path, some_photographs: list[Photograph], invoke: Invoke
) -> None:
    (tmp_path / "photographs").mkdir()
    for one in some_photographs:
        Image.fromarray(one.read()).save(tmp_path / "photographs" / f"{one.name}.png")
    arguments = ("bapps", "make", tmp_path / "photographs", "-o", tmp_path / "made", "--size", 80, "--count", 1)
    done = invoke(*arguments, "--hold-out", 1)
    assert done.exit_code == 0, done.output
    assert "Made 6 triplets to train on and, of other photographs, 6 triplets and 2 pairs in " in done.stdout
    none_left = invoke(*arguments[:4], tmp_path / "m", *arguments[5:], "--hold-out", 2)
    assert "--hold-out 2 of 2 different photographs of 80 × 80 pixels leaves none to train on" in none_left.stderr
    assert not (tmp_path / "m").exists()
    small = invoke(*arguments[:4], tmp_path / "n", *arguments[5:], "--size", 16)
    assert small.exit_code == 2
    assert "Images of 16 pixels are too small; give --size or --enlarge for 32." in small.stderr
    alone = invoke(*arguments, "--train-count", 2)
    assert alone.exit_code == 2
    assert "--train-count is of the set to train on, which --hold-out makes: give both." in alone.stderr


def test_the_votes_follow_the_strengths(some_photographs: list[Photograph], tmp_path: Path) -> None:
    MadeSet(count=12, size_px=40, seed=1).make(some_photographs, tmp_path / "made")
    with (tmp_path / "made" / "distortions.csv").open(newline="") as file:
        strengths = {
            (row["set"], row["category"], row["sample"], row["image"]): float(row["strength"])
            for row in csv.DictReader(file)
        }
    triplets = read_folders(tmp_path / "made", TWO_AFC).triplets
    assert len(triplets) == 72
    weaker = [
        strengths["2afc", t.category, t.sample, "p0"] > strengths["2afc", t.category, t.sample, "p1"] for t in triplets
    ]
    judges = np.array([t.judge for t in triplets])
    assert np.corrcoef(weaker, judges)[0, 1] > 0.7
    assert set(judges) <= {0.0, 0.2, 0.4, 0.6, 0.8, 1.0}
    pairs = read_folders(tmp_path / "made", JND).triplets
    amounts = [strengths["jnd", pair.category, pair.sample, "p1"] for pair in pairs]
    assert np.corrcoef(amounts, [pair.judge for pair in pairs])[0, 1] < -0.5


@given(
    arrays(float, 6, elements=st.floats(0, 1e6, allow_subnormal=False)),
    arrays(float, 6, elements=st.floats(0, 1e6, allow_subnormal=False)),
    st.integers(0, 100),
)
def test_made_votes_are_shares_of_five_and_of_three(first: Any, second: Any, seed: int) -> None:
    shares = preference_shares(first, second, np.random.default_rng(seed))
    assert np.allclose(shares * 5, np.rint(shares * 5))
    assert shares.min() >= 0 and shares.max() <= 1
    assert (shares[(first > 0) & (second == 0)] == 1).all()
    same = same_shares(first, np.random.default_rng(seed))
    assert np.allclose(same * 3, np.rint(same * 3))
    assert (same[first == 0] == 1).all() or np.median(first) < 1e-300


def test_of_amounts_one_twice_the_other_eight_votes_of_nine_go_to_the_smaller() -> None:
    shares = preference_shares(np.full(20000, 2.0), np.full(20000, 1.0), np.random.default_rng(3))
    assert shares.mean() == pytest.approx(8 / 9, abs=0.005)


@pytest.mark.parametrize(("category", "name"), NAMES)
def test_a_distortion_grows_with_its_strength_from_next_to_nothing(
    photographs: dict[str, Pixels], category: str, name: str
) -> None:
    pixels = photographs["chelsea"][60:124, 100:172]
    kept = pixels.copy()
    errors = []
    for strength in (0.0, 0.3, 1.0):
        draws = [DISTORTIONS[category][name](pixels, strength, np.random.default_rng(seed)) for seed in range(4)]
        assert all(draw.shape == pixels.shape and draw.dtype == np.uint8 for draw in draws)
        errors.append(np.mean([np.abs(draw.astype(float) - pixels).mean() for draw in draws]))
    assert errors[0] < 3 < errors[2]
    assert errors[0] < errors[1] < errors[2]
    assert np.array_equal(pixels, kept)


def test_the_verb_makes_a_set_of_a_folder_that_says_that_nobody_looked(
    tmp_path: Path, photographs: dict[str, Pixels], invoke: Invoke
) -> None:
    source = tmp_path / "photographs"
    (source / "more").mkdir(parents=True)
    Image.fromarray(photographs["coffee"][:90, :120]).save(source / "more" / "coffee.png")
    (source / "broken.jpg").write_bytes(b"")
    output = tmp_path / "made"
    arguments = ("bapps", "make", source, "-o", output, "--count", 1, "--size", 48, "--seed", 4)
    done = invoke(*arguments, "--votes", "l2", "--json")
    assert done.exit_code == 0, done.output
    assert "Left out: " in done.stderr and "broken.jpg is not a PNG, JPEG, TIFF, BMP or WebP image" in done.stderr
    said = json.loads(done.stdout)
    assert said["votes_are_human"] is False
    assert (said["votes"], said["seed"], said["count"], said["size_px"]) == ("rule: l2", 4, 1, 48)
    assert list(said["photographs"]) == ["more/coffee.png"]
    assert json.loads((output / "made.json").read_text()) == {k: v for k, v in said.items() if k != "folder"}
    assert "made exists already; give a folder that does not, with -o." in invoke(*arguments).stderr
    larger = invoke("bapps", "make", source, "-o", tmp_path / "m", "--size", 100)
    assert "Not one of 1 photographs has 100 × 100 pixels" in larger.stderr
    psnr = invoke("bapps", "make", source, "-o", tmp_path / "m", "--size", 48, "--votes", "psnr")
    assert "votes need distances from 0 on" in psnr.stderr
    assert ". has no name of its own; give a folder" in invoke("bapps", "make", source, "-o", ".").stderr
    gone = invoke("bapps", "make", "gone", "-o", "m")
    assert 'There is no folder "gone" of photographs; name one, or demo.' in gone.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "photographs"]


@pytest.mark.parametrize(
    ("here", "data"),
    [("", "."), ("", "2afc"), ("2afc", "."), ("2afc", "val"), ("2afc/val", "."), ("jnd", "../2afc/val")],
)
def test_votes_are_known_to_be_made_from_wherever_the_set_is_named(
    made: Path, monkeypatch: pytest.MonkeyPatch, here: str, data: str
) -> None:
    monkeypatch.chdir(made / here)
    assert votes_of(Path(data)) == "rule: strength"
    (made.parent / "link").symlink_to(made / "2afc" / "val")
    assert votes_of(made.parent / "link") == "rule: strength"


def test_metadata_that_do_not_say_whose_the_votes_are_are_refused(made: Path, tmp_path: Path, invoke: Invoke) -> None:
    (made / "made.json").write_text("{}")
    refused = invoke("bapps", "score", made / "2afc" / "val", "--metric", "l2", "-o", tmp_path / "s.csv")
    assert "made.json does not say how the votes were made; make the set again." in refused.stderr


def test_jnd_map_is_the_area_of_zhang_et_al(made: Path, tmp_path: Path, invoke: Invoke) -> None:
    for pair, share in enumerate((1, 0)):  # with whole judgments it is the average precision that others compute
        np.save(made / f"jnd/val/cnn/same/00000{pair}.npy", np.array([share], np.float32))
        np.save(made / f"jnd/val/traditional/same/00000{pair}.npy", np.array([1 - share], np.float32))
    output = tmp_path / "jnd.csv"
    done = invoke("bapps", "jnd", made, "--metric", "l2", "--json", "-o", output)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["jnd"]
    assert [each["category"] for each in found] == ["traditional", "cnn", "all"]
    rows = list(csv.DictReader(output.read_text().splitlines()))
    for category, each in zip(("traditional", "cnn"), found, strict=False):
        of_category = [row for row in rows if row["category"] == category]
        same = [float(row["same"]) for row in of_category]
        expected = average_precision_score(same, [-float(row["distance"]) for row in of_category])
        assert each["jnd_map"]["expected"] == pytest.approx(expected)
        assert (each["n_pairs"], each["tied_pairs"]) == (2, 0)
    mean = (found[0]["jnd_map"]["block"] + found[1]["jnd_map"]["block"]) / 2
    assert found[2]["jnd_map"]["block"] == pytest.approx(mean)
    assert {row["schema"] for row in rows} == {"shift-study/jnd-distances/1"}
    pixels = [
        np.asarray(Image.open(made / f"jnd/val/cnn/{part}/000001.png").resize((64, 64), Image.BICUBIC)) / 255
        for part in ("p0", "p1")
    ]
    (row,) = (row for row in rows if (row["category"], row["sample"]) == ("cnn", "000001"))
    assert float(row["distance"]) == pytest.approx(np.mean((pixels[0] - pixels[1]) ** 2), rel=1e-5)


def test_rules_for_ties_stand_side_by_side(made: Path, invoke: Invoke) -> None:
    for pair in range(2):
        folder = made / "jnd/val/cnn"
        (folder / f"p1/00000{pair}.png").write_bytes((folder / f"p0/00000{pair}.png").read_bytes())
        np.save(folder / f"same/00000{pair}.npy", np.array([pair], np.float32))
    done = invoke("bapps", "jnd", made, "--metric", "l2", "--json")
    assert done.exit_code == 0, done.output
    cnn = json.loads(done.stdout)["jnd"][1]
    assert cnn["tied_pairs"] == 2
    assert cnn["jnd_map"] == {"expected": 0.75, "block": 0.5, "paper": 0.5}
    table = invoke("bapps", "jnd", made, "--metric", "l2").stdout
    assert "The votes are not human: rule: strength." in table


def test_a_folder_without_the_jnd_sets_is_told(made: Path, tmp_path: Path, invoke: Invoke) -> None:
    (made / "jnd").rename(made / "other")
    refused = invoke("bapps", "jnd", made, "--metric", "l2")
    assert "is not BAPPS's JND set: looked for jnd/val/{traditional,cnn}/{p0,p1,same}, found 2afc, " in refused.stderr
