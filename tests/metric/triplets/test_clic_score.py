"""`shift-study clic score`: CLIC's file of triplets, and images of any size."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from metric.loading import load_metric
from metric.triplets.clic_file import read_clic
from metric.triplets.decoding import Decoder
from metric.triplets.distances import Comparison
from metric.triplets.run import TripletRun
from tests.metric.triplets.test_bapps_score import COLUMNS, CountingMetric

Invoke = Callable[..., Result]


def test_distances_are_those_of_plain_numpy(clic: Path, tmp_path: Path, invoke: Invoke) -> None:
    output = tmp_path / "s.csv"
    done = invoke("clic", "score", clic, "--images", clic / "crops", "--metric", "l2", "-o", output)
    assert done.exit_code == 0, done.output
    assert "Left out 2 of 6 rows, which do not ask about two images." in done.stderr
    written = list(csv.DictReader(output.read_text().splitlines()))
    assert [(row["sample"], row["reference"], float(row["judge"])) for row in written] == [
        ("000001", "astronaut.png", 1),
        ("000005", "astronaut.png", 0),
        ("000002", "china.png", 1),
        ("000006", "china.png", 0),
    ]
    asked = {row[0]: row for row in enumerate(csv.reader((clic / "answers.csv").read_text().splitlines()), 1)}

    def pixels(name: str) -> Any:
        folder = clic / "crops" / ("codecs" if name.count("_") else "")
        return np.asarray(Image.open(folder / Path(name).name), np.float64) / 255

    for row in written:
        original, *others = (pixels(name) for name in asked[int(row["sample"])][1][:3])
        width = original.shape[1]
        values = [np.mean((original - other) ** 2) for other in others]
        values += [
            np.mean((original[:, : width - 3] - other[:, shift : width + shift - 3]) ** 2)
            for shift in range(4)
            for other in others
        ]
        assert [float(row[name]) for name in COLUMNS] == pytest.approx(values, rel=1e-5)
        assert (row["set"], row["category"], row["votes"], row["size_px"]) == ("clic", "clic", "human", "")


def test_features_of_an_original_are_computed_once_for_all_its_triplets(clic: Path) -> None:
    counting = CountingMetric()
    TripletRun(read_clic(clic, clic / "crops"), [counting], size_px=None).run()
    assert counting.images == 2 * 2 + 4 * (2 + 8)


@pytest.mark.parametrize("at_once", [2, 3, 32])
def test_many_triplets_at_once_have_the_distances_of_each(clic: Path, at_once: int) -> None:
    codec = clic / "crops" / "codecs" / "china_c.png"
    codec.write_bytes((clic / "crops" / "china.png").read_bytes())
    triplets = read_clic(clic, clic / "crops").triplets
    metrics = [load_metric("l2"), load_metric("ssim"), load_metric("psnr")]

    def distances(at_once: int) -> dict[str, dict[str, Any]]:
        stream = Comparison(metrics, (0, 3), at_once=at_once).stream(Decoder().decode(triplets))
        return {found.triplet.key: dict(found.distances) for found in stream}

    one_by_one, together = distances(1), distances(at_once)
    assert list(together) == list(one_by_one)
    for key, by_metric in one_by_one.items():
        for metric, values in by_metric.items():
            assert together[key][metric] == pytest.approx(values, rel=1e-6, abs=1e-9)
    assert together["clic/000006"]["psnr"][0] == -120


def test_images_may_be_resized(clic: Path, tmp_path: Path, invoke: Invoke) -> None:
    arguments = ("clic", "score", clic / "answers.csv", "--images", clic / "crops", "--metric", "l2", "--size", 32)
    done = invoke(*arguments, "--shifts", "none", "-o", tmp_path / "s.csv")
    assert done.exit_code == 0, done.output
    (first, *_) = csv.DictReader((tmp_path / "s.csv").read_text().splitlines())
    assert first["size_px"] == "32"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("a.png,b.png,c.png", "line 7, has 3 cells instead of four: original, image A, image B, answer."),
        ("a.png,b.png,c.png,2", 'line 7: the answer is "2"; it is 0 for image A and 1 for image B.'),
        ("a.png,b.png,c.png,A", 'line 7: the answer is "A"; it is 0 for image A and 1 for image B.'),
        ("a.png,b.png,c.png,1", "line 7: There is no image a.png in "),
        ("../answers.csv,b.png,c.png,1", "line 7: There is no image ../answers.csv in "),
    ],
)
def test_what_is_bad_is_named(clic: Path, tmp_path: Path, invoke: Invoke, line: str, sentence: str) -> None:
    with (clic / "answers.csv").open("a") as file:
        print(line, file=file)
    arguments = ("clic", "score", clic, "--images", clic / "crops", "--metric", "l2", "-o", tmp_path / "s.csv")
    refused = invoke(*arguments)
    assert refused.exit_code == 1
    assert sentence in refused.stderr
    skipped = invoke(*arguments, "--skip-bad")
    assert skipped.exit_code == (0 if "no image" in sentence else 1)


def test_images_of_one_name_are_told_apart_by_their_folders_or_refused(
    clic: Path, tmp_path: Path, invoke: Invoke
) -> None:
    deeper = clic / "crops" / "deeper"
    for folder in ("original", "codec-1", "codec-2"):
        (deeper / folder).mkdir(parents=True)
        Image.new("RGB", (20, 20)).save(deeper / folder / "one.png")
    rows = clic / "answers.csv"
    rows.write_text("original/one.png,codec-1/one.png,codec-2/one.png,1\n")
    (triplet,) = read_clic(clic).triplets
    found = [triplet.reference, *triplet.compared]
    assert [path.parent.name for path in found] == ["original", "codec-1", "codec-2"]
    rows.write_text("one.png,codec-1/one.png,codec-2/one.png,1\n")
    arguments = ("clic", "score", clic, "--metric", "l2", "-o", tmp_path / "s.csv")
    assert "line 1: one.png may be " in invoke(*arguments).stderr
    rows.write_text("original/one.png,codec-1/one.png,codec-2/one.png,1\n")
    (deeper / "codec-1" / "one.png").unlink()
    (deeper / "original" / "one.png").unlink()
    assert "are one file; is one missing?" in invoke(*arguments).stderr


def test_rows_that_have_changed_places_are_not_taken_for_each_other(clic: Path) -> None:
    for path in clic.glob("crops/**/*.png"):  # as an archive may leave uncompressed images: of one size and time
        Image.new("RGB", (20, 20)).save(path.with_suffix(".bmp"))
        os.utime(path.with_suffix(".bmp"), ns=(0, 0))
    rows = ["china.bmp,codecs/china_a.bmp,codecs/china_b.bmp,1", "china.bmp,codecs/china_c.bmp,codecs/china_a.bmp,0"]
    (clic / "answers.csv").write_text("\n".join(rows))
    before = read_clic(clic, clic / "crops").triplets
    (clic / "answers.csv").write_text("\n".join(reversed(rows)))
    after = read_clic(clic, clic / "crops").triplets
    assert [triplet.key for triplet in before] == [triplet.key for triplet in after]
    assert [triplet.images for triplet in before] == [triplet.images for triplet in reversed(after)]
    assert before[0].images != after[0].images


def test_a_header_is_read_over_and_a_folder_without_one_file_is_refused(
    clic: Path, tmp_path: Path, invoke: Invoke
) -> None:
    rows = (clic / "answers.csv").read_text()
    (clic / "answers.csv").write_text("O,A,B,answer\n" + rows)
    assert len(read_clic(clic, clic / "crops").triplets) == 4
    (clic / "more.csv").write_text(rows)
    refused = invoke("clic", "score", clic, "--metric", "l2", "-o", tmp_path / "s.csv")
    assert "CLIC's one CSV file of triplets (O,A,B,answer); found answers.csv, more.csv: name it." in refused.stderr
    gone = invoke("clic", "score", clic / "gone.csv", "--metric", "l2", "-o", tmp_path / "s.csv")
    assert "There is no file " in gone.stderr
