"""`shift-study bapps score`: what is computed, written, refused, left out and taken up again."""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
import torch
from click.testing import Result
from PIL import Image
from torch import Tensor
from torchvision.transforms import Resize

from metric.interface import FeatureMetric, Features
from metric.loading import load_metric
from metric.registry import METRICS
from metric.scoring.journal import journal_files
from metric.triplets.crops import resized
from metric.triplets.decoding import Decoder
from metric.triplets.distances import Comparison
from metric.triplets.judged_folders import TWO_AFC, read_folders
from metric.triplets.run import TripletRun
from metric.triplets.triplet import TripletSet

Invoke = Callable[..., Result]
CATEGORIES = ["traditional", "cnn", "superres", "deblur", "color", "frameinterp"]


def rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        found: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
        return found
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return list(csv.DictReader(text.splitlines()))


def plainly(
    root: Path, distance: Callable[[Any, Any], float], size: int
) -> Iterator[tuple[str, str, float, list[float]]]:
    """The way of the paper's code: everything is read, resized and compared for every shift."""
    resize = Resize(size, Image.BICUBIC)
    for category in CATEGORIES:
        for judge in sorted((root / "2afc" / "val" / category / "judge").iterdir()):

            def image(part: str, home: Path = judge.parents[1], name: str = f"{judge.stem}.png") -> Any:
                path = home / part / name
                return np.asarray(resize(Image.open(path).convert("RGB")), np.float64) / 255

            w = size
            values = [distance(image("ref"), image(part)) for part in ("p0", "p1")]
            for k in range(4):
                for part in ("p0", "p1"):
                    values.append(distance(image("ref")[:, 0 : w - 3], image(part)[:, k : w - 3 + k]))
            yield category, judge.stem, float(np.load(judge)[0]), values


COLUMNS = ["d0", "d1", "d0_n0", "d1_n0", "d0_n1", "d1_n1", "d0_n2", "d1_n2", "d0_n3", "d1_n3"]


def test_distances_are_those_of_twenty_lines_of_numpy(made: Path, tmp_path: Path, invoke: Invoke) -> None:
    output = tmp_path / "s.csv"
    done = invoke("bapps", "score", made, "--metric", "l2", "-o", output)
    assert done.exit_code == 0, done.output
    written = rows(output)
    expected = list(plainly(made, lambda one, other: float(np.mean((one - other) ** 2)), 64))
    assert len(written) == len(expected) == 12
    for row, (category, sample, judge, values) in zip(written, expected, strict=True):
        assert (row["category"], row["sample"]) == (category, sample)
        assert float(row["judge"]) == pytest.approx(judge, abs=1e-7)
        assert [float(row[name]) for name in COLUMNS] == pytest.approx(values, rel=1e-5)
        assert (row["schema"], row["set"], row["size_px"]) == ("shift-study/triplet-scores/1", "bapps", "64")
        assert (row["votes"], row["metric"]) == ("rule: strength", "l2")
    assert len({row["reference"] for row in written}) == len(written)


@pytest.mark.slow
def test_distances_are_those_of_the_authors_network(
    made: Path, tmp_path: Path, invoke: Invoke, published: Callable[[str], Any]
) -> None:
    output = tmp_path / "s.parquet"
    assert invoke("bapps", "score", made, "--metric", "stlpips-alex", "-o", output).exit_code == 0
    model = published("alex")

    def distance(one: Any, other: Any) -> float:
        first, second = (torch.tensor(np.transpose(each, (2, 0, 1))[None]).float() for each in (one, other))
        return float(model(first, second))

    for row, (*_, values) in zip(rows(output), plainly(made, distance, 64), strict=True):
        assert [row[name] for name in COLUMNS] == pytest.approx(values, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize(("width", "height"), [(80, 80), (100, 70), (70, 101), (64, 90)])
@pytest.mark.parametrize("filter_", ["bicubic", "bilinear"])
def test_images_are_resized_as_torchvision_does(
    photographs: dict[str, Any], width: int, height: int, filter_: str
) -> None:
    pixels = photographs["rocket"][:height, :width]
    theirs = Resize(64, getattr(Image, filter_.upper()))(Image.fromarray(pixels))
    assert np.array_equal(resized(pixels, 64, filter_), np.asarray(theirs))


def test_every_form_of_file_and_every_name_of_the_folder_gives_the_same(
    made: Path, tmp_path: Path, invoke: Invoke
) -> None:
    found = []
    for data, name in ((made, "s.parquet"), (made / "2afc", "s.csv"), (made / "2afc" / "val", "s.csv.gz")):
        done = invoke("bapps", "score", data, "--metric", "l2", "--metric", "psnr", "-o", tmp_path / name)
        assert done.exit_code == 0, done.output
        assert "The votes are not human: rule: strength." in done.stdout
        found.append([{name: str(value) for name, value in row.items()} for row in rows(tmp_path / name)])
    assert found[0] == found[1] == found[2]
    assert {row["metric"] for row in found[0]} == {"l2", "psnr"}
    metadata = pyarrow.parquet.read_schema(tmp_path / "s.parquet").metadata
    settings = json.loads(metadata[b"shift-study/triplet-scores/1"])
    assert (settings["size"], settings["filter"], settings["list of shifts"]) == ("64 px", "bicubic", "0, 1, 2, 3")
    assert settings["version of psnr"].startswith("shift-study ")


def test_similarities_are_turned_and_whole_images_alone_have_no_crops(
    made: Path, tmp_path: Path, invoke: Invoke
) -> None:
    (made / "2afc/val/color/p0/000000.png").write_bytes((made / "2afc/val/color/ref/000000.png").read_bytes())
    done = invoke(
        "bapps", "score", made, "--metric", "psnr", "--metric", "ssim", "--shifts", "none", "--size", 80, "--json",
        "-o", tmp_path / "s.csv",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["shifts"] == []
    written = {(row["metric"], row["category"], row["sample"]): row for row in rows(tmp_path / "s.csv")}
    assert float(written["psnr", "color", "000000"]["d0"]) == -120
    assert float(written["ssim", "color", "000000"]["d0"]) == 0
    assert not [name for name in written["ssim", "color", "000000"] if "_n" in name]


def test_the_unshifted_crop_is_there_whatever_the_shifts(made: Path, tmp_path: Path, invoke: Invoke) -> None:
    assert invoke("bapps", "score", made, "--metric", "l2", "--shifts", "2", "-o", tmp_path / "s.csv").exit_code == 0
    assert [name for name in rows(tmp_path / "s.csv")[0] if "_n" in name] == ["d0_n0", "d1_n0", "d0_n2", "d1_n2"]


@pytest.mark.parametrize("shifts", ["4", "1,x", "", "-1"])
def test_other_shifts_are_refused(made: Path, tmp_path: Path, invoke: Invoke, shifts: str) -> None:
    refused = invoke("bapps", "score", made, "--metric", "l2", "--shifts", shifts, "-o", tmp_path / "s.csv")
    assert refused.exit_code == 2
    assert "is not a list of shifts from 0 to 3 px" in refused.stderr


class CountingMetric(FeatureMetric):
    """The mean squared difference, and of how many images features were computed."""

    def __init__(self) -> None:
        super().__init__(replace(METRICS["l2"], deterministic=False))  # as code that is not ready for threads
        self.images = 0

    def features(self, images: Tensor) -> Features:
        self.images += len(images)
        return (images.double(),)

    def distance(self, reference: Features, images: Features) -> Tensor:
        return (reference[0] - images[0]).square().mean(dim=(1, 2, 3))


@pytest.mark.parametrize("size", [64, 200])
def test_features_of_a_reference_are_computed_once_for_each_of_its_two_sizes(made: Path, size: int) -> None:
    triplets = read_folders(made, TWO_AFC)
    counting = CountingMetric()
    scores = TripletRun(triplets, [counting], size_px=size).run()
    assert counting.images == len(triplets.triplets) * (1 + 2 + 1 + 2 * 4)
    own = TripletRun(triplets, [load_metric("l2")], size_px=size).run()
    for key, values in own.distances["l2"].items():
        assert scores.distances["l2"][key] == pytest.approx(values, rel=1e-6)


def test_threads_side_by_side_give_the_distances_of_one(made: Path) -> None:
    (made / "2afc/val/cnn/p0/000001.png").write_bytes(b"")
    metrics = [load_metric("l2"), load_metric("ssim")]
    triplets = read_folders(made, TWO_AFC).triplets

    def distances(side_by_side: int) -> list[tuple[str, dict[str, Any], str]]:
        stream = Comparison(metrics, (0, 1), side_by_side=side_by_side).stream(Decoder(64).decode(triplets))
        return [(found.triplet.key, dict(found.distances), str(found.problem)) for found in stream]

    threads = torch.get_num_threads()
    assert distances(3) == distances(1)
    assert torch.get_num_threads() == threads


@pytest.mark.slow
def test_a_distance_does_not_depend_on_what_else_is_scored(made: Path) -> None:
    all_ = read_folders(made, TWO_AFC)
    metrics = [load_metric("stlpips-alex")]
    together = TripletRun(all_, metrics).run().distances["stlpips-alex"]
    for triplet in (all_.triplets[5], all_.triplets[0]):
        alone = TripletRun(TripletSet("bapps", [triplet]), metrics).run().distances["stlpips-alex"]
        assert list(alone[triplet.key]) == list(together[triplet.key])


def _empty(folder: Path) -> None:
    shutil.rmtree(folder / "2afc")
    (folder / "notes.txt").touch()


def _write(path: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / path).write_bytes(content) and None


def _save(path: str, array: Any) -> Callable[[Path], None]:
    return lambda folder: np.save(folder / path, array)


def _enlarge(path: str) -> Callable[[Path], None]:
    """A damaged header, of an array that no memory holds."""

    def spoil(folder: Path) -> None:
        content = (folder / path).read_bytes()
        changed = content.replace(b"(1,), }" + 15 * b" ", b"(" + 16 * b"9" + b",), }")
        assert len(changed) == len(content)
        (folder / path).write_bytes(changed)

    return spoil


def _remove(path: str) -> Callable[[Path], None]:
    return lambda folder: (folder / path).unlink()


def _dangle(folder: Path) -> None:
    path = folder / IN / "p0" / "000001.png"
    path.unlink()
    path.symlink_to("gone.png")


def _other_size(folder: Path) -> None:
    Image.new("RGB", (80, 64)).save(folder / "2afc/val/deblur/p1/000001.png")


IN = "2afc/val/deblur"
BAD: list[tuple[Callable[[Path], None], str]] = [
    (_remove(f"{IN}/p1/000001.png"), "deblur/ref/000001.png has no partner in "),
    (_remove(f"{IN}/judge/000000.npy"), "deblur/judge (2 in ref, 2 in p0, 2 in p1, 1 in judge)."),
    (_remove(f"{IN}/ref/000000.png"), "deblur/p0/000000.png has no partner in "),
    (_write(f"{IN}/p0/000001.png", b"no image"), "deblur/p0/000001.png is not a PNG, JPEG, TIFF, BMP or WebP image"),
    (_write(f"{IN}/judge/000001.npy", b"no array"), "deblur/judge/000001.npy cannot be read as a NumPy file: "),
    (_write(f"{IN}/judge/000001.npy", b"PK\x03\x04"), "deblur/judge/000001.npy cannot be read as a NumPy file: "),
    (_enlarge(f"{IN}/judge/000001.npy"), "deblur/judge/000001.npy cannot be read as a NumPy file: "),
    (_write(f"{IN}/judge/000001.npy", b""), "deblur/judge/000001.npy cannot be read as a NumPy file: "),
    (_save(f"{IN}/judge/000001.npy", np.array([1.2])), "000001.npy holds 1.2; a judgment is the share of people, in "),
    (_save(f"{IN}/judge/000001.npy", np.array([np.nan])), "000001.npy holds nan; a judgment is the share"),
    (_save(f"{IN}/judge/000001.npy", np.array([0.2, 0.4])), "000001.npy does not hold one number; "),
    (_save(f"{IN}/judge/000001.npy", np.array(["x"])), "000001.npy does not hold one number; "),
    (_dangle, "deblur/p0/000001.png cannot be read: No such file or directory."),
    (_other_size, "deblur/p1/000001.png has 80 × 64 pixels and "),
]


@pytest.mark.parametrize(("spoil", "sentence"), BAD)
def test_what_is_bad_is_named_or_left_out(
    made: Path, tmp_path: Path, invoke: Invoke, spoil: Callable[[Path], None], sentence: str
) -> None:
    spoil(made)
    arguments = ("bapps", "score", made, "--metric", "l2", "-o", tmp_path / "s.csv")
    refused = invoke(*arguments)
    assert refused.exit_code == 1
    assert sentence in refused.stderr
    assert not (tmp_path / "s.csv").exists()
    done = invoke(*arguments, "--skip-bad", "--json")
    assert done.exit_code == 0, done.output
    assert sentence in done.stderr
    assert "Left out 1 of 12:" in done.stderr
    said = json.loads(done.stdout)
    assert (said["samples"], len(said["left_out"])) == (11, 1)
    assert len(rows(tmp_path / "s.csv")) == 11


def test_a_folder_of_another_layout_is_told_what_was_looked_for(made: Path, tmp_path: Path, invoke: Invoke) -> None:
    _empty(made)
    refused = invoke("bapps", "score", made, "--metric", "l2", "-o", tmp_path / "s.csv")
    assert refused.exit_code == 1
    assert "is not BAPPS's 2AFC set: looked for 2afc/val/{traditional,cnn,superres," in refused.stderr
    assert "/{ref,p0,p1,judge}, found distortions.csv, jnd, made.json, notes.txt." in refused.stderr
    gone = invoke("bapps", "score", made / "gone", "--metric", "l2", "-o", tmp_path / "s.csv")
    assert "there is no such folder" in gone.stderr


def test_a_category_without_one_of_its_folders_is_refused(made: Path, tmp_path: Path, invoke: Invoke) -> None:
    shutil.rmtree(made / IN / "judge")
    refused = invoke("bapps", "score", made, "--metric", "l2", "--skip-bad", "-o", tmp_path / "s.csv")
    assert refused.exit_code == 1
    assert "deblur has no folder judge; a category has ref, p0, p1, judge." in refused.stderr


def test_categories_that_are_missing_are_named(made: Path, tmp_path: Path, invoke: Invoke) -> None:
    shutil.rmtree(made / "2afc/val/deblur")
    done = invoke("bapps", "score", made, "--metric", "l2", "-o", tmp_path / "s.csv")
    assert done.exit_code == 0
    assert "has no deblur: means are over 5 categories." in done.stderr


def test_images_that_are_too_small_for_a_metric_are_refused(made: Path, tmp_path: Path, invoke: Invoke) -> None:
    refused = invoke("bapps", "score", made, "--metric", "ms-ssim", "-o", tmp_path / "s.csv")
    assert refused.exit_code == 1
    assert "has 61 × 64 pixels when compared, too small for ms-ssim; it needs at least " in refused.stderr
    skipped = invoke("bapps", "score", made, "--metric", "ms-ssim", "--skip-bad", "-o", tmp_path / "s.csv")
    assert skipped.exit_code == 1
    assert "Not one of the 12 triplets could be scored: traditional/000000: " in skipped.stderr


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("s.txt", "s.txt ends with none of .parquet, .csv, .csv.gz; give a name that does."),
        (".csv", "ends with none of"),
        ("gone/s.csv", "There is no folder "),
        ("kept.csv", "kept.csv exists already; give another name, or --force to replace it."),
    ],
)
def test_an_output_that_cannot_be_is_refused_first(
    made: Path, tmp_path: Path, invoke: Invoke, name: str, sentence: str
) -> None:
    (tmp_path / "kept.csv").write_text("mine")
    refused = invoke("bapps", "score", made, "--metric", "l2", "-o", tmp_path / name)
    assert refused.exit_code == 1
    assert sentence in refused.stderr
    assert (tmp_path / "kept.csv").read_text() == "mine"


def test_force_replaces(made: Path, tmp_path: Path, invoke: Invoke) -> None:
    (tmp_path / "s.csv").write_text("mine")
    assert invoke("bapps", "score", made, "--metric", "l2", "-o", tmp_path / "s.csv", "--force").exit_code == 0
    assert len(rows(tmp_path / "s.csv")) == 12


def _break_off(made: Path, output: Path, invoke: Invoke, *metrics: str) -> bytes:
    """A run that fails at the image before the last; the image is then whole again."""
    image = made / "2afc/val/frameinterp/p1/000000.png"
    whole, times = image.read_bytes(), image.stat()
    image.write_bytes(b"")
    arguments = [argument for metric in metrics for argument in ("--metric", metric)]
    assert invoke("bapps", "score", made, *arguments, "-o", output).exit_code == 1
    image.write_bytes(whole)
    os.utime(image, ns=(times.st_atime_ns, times.st_mtime_ns))
    return whole


def test_a_run_goes_on_where_it_failed(made: Path, tmp_path: Path, invoke: Invoke) -> None:
    output = tmp_path / "s.csv"
    _break_off(made, output, invoke, "l2", "ssim")
    assert len((tmp_path / "s.csv.partial").read_text().splitlines()) == 1 + 10
    other = invoke("bapps", "score", made, "--metric", "l2", "-o", output)
    assert "is of a run with another list of metrics (l2, ssim instead of l2)" in other.stderr
    arguments = ("bapps", "score", made, "--metric", "l2", "--metric", "ssim", "-o")
    assert "another size (64 px instead of 80 px)" in invoke(*arguments, output, "--size", 80).stderr
    assert "another list of shifts (0, 1, 2, 3 instead of 0, 1)" in invoke(*arguments, output, "--shifts", "1").stderr
    again = invoke(*arguments, output)
    assert again.exit_code == 0, again.stderr
    assert "10 of 12 triplets are scored already; going on." in again.stderr
    assert invoke(*arguments, tmp_path / "t.csv").exit_code == 0
    assert output.read_bytes() == (tmp_path / "t.csv").read_bytes()
    assert journal_files(output) == []


def test_an_image_that_has_changed_meanwhile_is_computed_again(made: Path, tmp_path: Path, invoke: Invoke) -> None:
    output = tmp_path / "s.csv"
    _break_off(made, output, invoke, "l2")
    shutil.copy(made / "2afc/val/cnn/ref/000001.png", made / "2afc/val/cnn/p0/000001.png")
    os.utime(made / "2afc/val/color/p1/000000.png", ns=(0, 0))  # an image of the same size in its place
    again = invoke("bapps", "score", made, "--metric", "l2", "-o", output)
    assert "8 of 12 triplets are scored already; going on." in again.stderr
    assert [row["d0"] for row in rows(output) if (row["category"], row["sample"]) == ("cnn", "000001")] == ["0.0"]


FIVE = ("l2", "ssim", "psnr", "held_metric:distance", "dssim")
_HELD = """
import pathlib, time

asked = 0

def distance(reference, images):
    global asked
    asked += 1
    hold = pathlib.Path(__file__).with_name("hold")
    if asked == 9 and hold.exists():
        hold.with_name("held").touch()
        time.sleep(600)
    return (reference - images).square().mean(dim=(1, 2, 3))
"""


@pytest.mark.slow
def test_a_run_of_five_metrics_that_was_killed_is_taken_up(
    made: Path, tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "held_metric.py").write_text(_HELD)
    (tmp_path / "hold").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "held_metric", raising=False)
    output = tmp_path / "s.parquet"
    arguments = ["bapps", "score", str(made), *(part for name in FIVE for part in ("--metric", name)), "-o"]
    command = [sys.executable, "-m", "shift_study", *arguments, str(output)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment) as running:
        try:
            while running.poll() is None and not (tmp_path / "held").exists():
                time.sleep(0.02)
            second = invoke(*arguments, output)
        finally:
            running.kill()
    assert running.returncode == -signal.SIGKILL
    assert second.exit_code == 1
    assert "Another run is writing" in second.stderr
    (tmp_path / "hold").unlink()
    kept = len((tmp_path / "s.parquet.partial").read_bytes().splitlines()) - 1
    assert 0 < kept < 12
    again = invoke(*arguments, output)
    assert again.exit_code == 0, again.stderr
    assert f"{kept} of 12 triplets are scored already; going on." in again.stderr
    assert invoke(*arguments, tmp_path / "whole.parquet").exit_code == 0
    assert rows(output) == rows(tmp_path / "whole.parquet")
    assert [row["metric"] for row in rows(output)][::12] == list(FIVE)


@pytest.mark.long
@pytest.mark.slow
def test_two_processes_write_what_one_does(made: Path, tmp_path: Path, invoke: Invoke) -> None:
    (made / IN / "p0/000001.png").write_bytes(b"")
    arguments = ["bapps", "score", str(made), "--metric", "l2", "--metric", "ssim", "--skip-bad", "-o"]
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "shift_study"]
    done = subprocess.run(
        [sys.executable, *torchrun, *arguments, str(tmp_path / "two.csv")],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.stderr.count("deblur/p0/000001.png is not a PNG, JPEG, TIFF, BMP or WebP image") == 1
    assert invoke(*arguments, tmp_path / "one.csv").exit_code == 0
    assert (tmp_path / "two.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()
    assert journal_files(tmp_path / "two.csv") == []
