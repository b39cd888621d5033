"""The images of opinion scores under metrics: what is written, what goes on, and what the scores make of it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import shift_study


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(one) for one in arguments])


@pytest.fixture
def rated(tmp_path: Path) -> Path:
    """Scores of noisy images of three references, in folders below, one in another case; the noisier the worse."""
    generator = np.random.default_rng(0)
    lines = ["reference,image,score"]
    for name in ("a", "b", "c"):
        clean = generator.integers(60, 190, (24, 24, 3))
        (tmp_path / "references").mkdir(exist_ok=True)
        (tmp_path / "images").mkdir(exist_ok=True)
        Image.fromarray(clean.astype(np.uint8)).save(tmp_path / "references" / f"{name.upper()}.png")
        for level in (1, 2, 3):
            noisy = np.clip(clean + generator.normal(0, 10 * level, clean.shape), 0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(tmp_path / "images" / f"{name}{level}.png")
            lines.append(f"{name}.png,{name}{level}.png,{5 - level}")
    (tmp_path / "scores.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return tmp_path / "scores.csv"


def test_the_distances_are_those_of_distance_and_opinions_reads_them(rated: Path, tmp_path: Path) -> None:
    output = tmp_path / "distances.csv"
    result = run("score-images", rated, "--metric", "l2", "--metric", "psnr", "-o", output, "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "9 images under 2 metrics" in result.stdout
    with output.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["metric"], row["reference"], row["image"]) for row in rows[:2]] == [
        ("l2", "a.png", "a1.png"),
        ("l2", "a.png", "a2.png"),
    ]
    for row, sign in ((rows[4], 1), (rows[13], -1)):
        reference = rated.parent / "references" / f"{row['reference'][0].upper()}.png"
        image = rated.parent / "images" / row["image"]
        alone = run("distance", reference, image, "--metric", row["metric"], "--device", "cpu", "--json")
        assert float(row["distance"]) == pytest.approx(sign * json.loads(alone.stdout)["distance"])
    found = json.loads(run("opinions", rated, "--distances", output, "--json", "--replicates", 100).stdout)
    assert [one["name"] for one in found["metrics"]] == ["l2", "psnr"]
    assert found["metrics"][0]["krcc"]["estimate"] == pytest.approx(np.sqrt(0.75))  # as far as ties among scores let it


def test_a_file_is_not_replaced_and_a_broken_run_goes_on(rated: Path, tmp_path: Path) -> None:
    output = tmp_path / "l2.csv"
    arguments = ("score-images", rated, "--metric", "l2", "-o", output, "--device", "cpu")
    broken = rated.parent / "images" / "c2.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:100])
    stopped = run(*arguments)
    assert stopped.exit_code == 1
    assert "c2.png cannot be read as an image" in stopped.output
    assert not output.exists()
    broken.write_bytes(whole)
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["images"] == 9
    assert found["computed"] < 9
    assert run(*arguments).exit_code == 1
    assert run(*arguments, "--force").exit_code == 0


def test_images_of_other_sizes_and_missing_ones_are_named(rated: Path, tmp_path: Path) -> None:
    arguments = ("score-images", rated, "--metric", "l2", "-o", tmp_path / "l2.csv", "--device", "cpu")
    image = rated.parent / "images" / "b1.png"
    Image.new("RGB", (20, 24)).save(image)
    assert "b1.png has 20 × 24 pixels" in run(*arguments).output
    image.unlink()
    assert "There is no image b1.png in" in run(*arguments).output
    (rated.parent / "references" / "A.png").unlink()
    assert "There is no reference a.png in" in run(*arguments).output
