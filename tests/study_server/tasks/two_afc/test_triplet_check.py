"""Whatever somebody or something changed in the files of a triplet is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from shift_study import Doors
from study_server.stimuli.image_sources import folder_photographs
from study_server.stimuli.photographs import Pixels, pixels_sha256, read_png, write_png
from study_server.tasks.two_afc.check import check_triplet
from study_server.tasks.two_afc.distorted_photographs import DistortedPhotographs
from study_server.tasks.two_afc.making import make_triplets
from study_server.tasks.two_afc.manifest_row import Compared, Role
from study_server.tasks.two_afc.originals import originals_of
from study_server.tasks.two_afc.ready_triplets import open_triplets
from study_server.tasks.two_afc.triplet import TripletDesign, TripletSource
from triplet_sets import noise, put_triplet, save

DISTORT = Doors().distort_photograph


class Study:
    """One triplet in three versions, and what it was made from."""

    def __init__(self, root: Path, source: TripletSource, direction: str) -> None:
        self.root, self.source = root, source.name
        design = TripletDesign(24, (0, 1, 3), direction, 0, count=1)  # type: ignore[arg-type]
        self.rows, _ = make_triplets(root, design, source)

    def faults(self, *, originals: bool = True) -> list[str]:
        found, recut = check_triplet(self.root, self.rows, originals_of(self.source, DISTORT) if originals else None)
        assert recut or not originals or found
        return found

    def put(self, version: int, role: Role, pixels: Pixels, *, agree: bool) -> None:
        """Put other pixels in the place of an image; the manifest's hash agrees with them, or does not."""
        name = self.rows[version].files[role]
        write_png(pixels, self.root / name)
        if agree:
            digest = {f"{role}_sha256": pixels_sha256(pixels)}
            self.rows = [replace(r, **digest) if r.files[role] == name else r for r in self.rows]  # type: ignore[arg-type]

    def pixels(self, version: int, role: Role) -> Pixels:
        return read_png(self.root / self.rows[version].files[role]).copy()

    def change(self, version: int, **values: object) -> None:
        self.rows[version] = replace(self.rows[version], **values)  # type: ignore[arg-type]


@pytest.fixture(params=["photographs", "ready"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["right", "up", "down-left"])
def study(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Study:
    folder = tmp_path / "images"
    if kind == "ready":
        put_triplet(folder, "a")
        source: TripletSource = open_triplets(folder)
    else:
        save(folder / "a.png", noise(70, 60))
        source = DistortedPhotographs(folder_photographs(folder, 0), DISTORT)
    return Study(tmp_path / "study", source, request.param)


def test_a_good_triplet(study: Study) -> None:
    assert study.faults() == [] and study.faults(originals=False) == []
    assert check_triplet(study.root, study.rows[::-1], originals_of(study.source, DISTORT)) == ([], True)


@pytest.mark.parametrize("originals", [True, False])
@pytest.mark.parametrize("agree", [True, False])
@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("role", ["first", "second"])
def test_one_level_of_one_pixel(role: Compared, version: int, agree: bool, originals: bool, study: Study) -> None:
    pixels = study.pixels(version, role)
    pixels[12, 12, 1] ^= 1
    study.put(version, role, pixels, agree=agree)
    faults = study.faults(originals=originals)
    assert faults and all("00001_n-" in fault for fault in faults)


@pytest.mark.parametrize("agree", [True, False])
def test_one_level_of_one_pixel_of_the_reference(agree: bool, study: Study) -> None:
    pixels = study.pixels(0, "reference")
    pixels[12, 12, 1] ^= 1
    study.put(0, "reference", pixels, agree=agree)
    assert study.faults()
    # Nothing else shows what the reference shows, so that its hash and its original alone tell.
    assert bool(study.faults(originals=False)) is not agree


@pytest.mark.parametrize("originals", [True, False])
def test_a_rolled_crop_whose_hash_agrees(originals: bool, study: Study) -> None:
    """Where it shows what the unshifted version shows it is right; only its newly shown edge is not."""
    shift = {"right": (0, -1), "up": (1, 0), "down-left": (-1, 1)}[study.rows[1].direction]
    study.put(1, "first", np.roll(study.pixels(0, "first"), shift, (0, 1)), agree=True)
    faults = study.faults(originals=originals)
    assert faults and all("00001_n-" in fault for fault in faults)


def test_images_that_were_swapped(study: Study) -> None:
    first, second = study.pixels(1, "first"), study.pixels(1, "second")
    study.put(1, "first", second, agree=True)
    study.put(1, "second", first, agree=True)
    row = study.rows[1]
    said = [
        f"00001_n-1: its {role} image is not that of 00001_n-0 moved {row.direction} by 1 px"
        for role in ("first", "second")
    ]
    assert study.faults(originals=False)[:2] == said


def test_all_versions_of_another_image(study: Study) -> None:
    """They agree with each other, so that it takes the original to tell."""
    other = noise(40, 40, seed=77)
    base = replace(study.rows[0].window, x=8, y=8)
    for version, row in enumerate(study.rows):
        study.put(version, "second", base.cut(other, row.shift_px), agree=True)
    assert study.faults(originals=False) == []
    assert [fault.split(": ")[1][:12] for fault in study.faults()] == ["not the crop"] * 3


def test_distorted_images_with_the_same_pixels(study: Study) -> None:
    for version in range(3):
        study.put(version, "second", study.pixels(version, "first"), agree=True)
    assert study.faults(originals=False) == [
        f"00001_n-{shift}: its two distorted images have the same pixels" for shift in (0, 1, 3)
    ]


@pytest.mark.parametrize("role", ["reference", "first", "second"])
def test_files_that_are_no_plain_images_of_the_size(role: Role, study: Study) -> None:
    path = study.root / study.rows[1].files[role]
    whole = path.read_bytes()
    info = PngInfo()
    info.add_text("Shift", "1")
    Image.fromarray(study.pixels(1, role)).save(path, pnginfo=info)
    assert study.faults() == [f"{path}: carries the PNG chunk tEXt; stimuli carry pixels only"]
    write_png(study.pixels(1, role)[:, :-1], path)
    assert study.faults() == [f"{path}: 23x24 pixels where the manifest says 24x24"]
    path.write_bytes(whole[: len(whole) // 2])
    (fault,) = study.faults()
    assert fault.startswith(f"{path} is damaged: ")
    path.unlink()
    assert study.faults() == [f"{path} is missing"]


@pytest.mark.parametrize(
    "values",
    [
        {"crop_x": 0},
        {"reference_file": "stimuli/00001_n-1_first.png"},
        {"reference_sha256": "0" * 64},
        {"source_file": "b.png"},
        {"source_sha256": "0" * 64},
        {"distortion_first": "noise 1"},
        {"catch_answer": "first"},
        {"share_second": 0.5},
    ],
)
def test_versions_that_do_not_belong_together(values: dict[str, object], study: Study) -> None:
    study.change(1, **values)
    assert study.faults() == ["triplet 00001: its versions differ in reference, photograph, crop window or distortions"]


@pytest.mark.parametrize("by", [1, 100])
def test_a_window_that_was_changed_in_all_versions(by: int, study: Study) -> None:
    for version in range(3):
        study.change(version, crop_x=study.rows[version].crop_x + by)
    assert study.faults(originals=False) == []
    assert any("not the crop of" in fault or "leaves the" in fault for fault in study.faults())


@pytest.mark.parametrize("kind", ["photographs"], indirect=True)
@pytest.mark.parametrize(
    ("said", "complaint"), [("blur 0.31", "not the crop of a.png"), ("melted", "distortion 'melted' is none that can")]
)
def test_a_distortion_that_was_changed_in_all_versions(said: str, complaint: str, study: Study) -> None:
    for version in range(3):
        study.change(version, distortion_second=said)
    assert study.faults(originals=False) == []
    assert complaint in study.faults()[0]


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: save(path, noise(70, 60, seed=8))])
@pytest.mark.parametrize("kind", ["photographs"], indirect=True)
def test_a_photograph_that_is_gone_or_another_is_not_compared(spoil: Callable[[Path], object], study: Study) -> None:
    spoil(Path(study.source) / "a.png")
    assert check_triplet(study.root, study.rows, originals_of(study.source, DISTORT)) == ([], False)


def test_triplets_of_one_reference_are_told_apart(tmp_path: Path) -> None:
    images = tmp_path / "images"
    for number, name in enumerate("abc"):
        save(images / f"{name}.png", noise(seed=number))
    (images / "triplets.csv").write_text("reference,first,second\na.png,b.png,c.png\na.png,c.png,b.png\n")
    source = open_triplets(images)
    rows, _ = make_triplets(tmp_path / "study", TripletDesign(24, (0, 1), "right", 0), source)
    originals = originals_of(source.name)
    for triplet in (rows[:2], rows[2:]):
        assert check_triplet(tmp_path / "study", triplet, originals) == ([], True)
    write_png(noise(24, 24, seed=9), tmp_path / "study" / rows[0].reference_file)
    wrong = [replace(row, reference_sha256=pixels_sha256(noise(24, 24, seed=9))) for row in rows[:2]]
    assert check_triplet(tmp_path / "study", wrong, originals) == (
        [f"{tmp_path / 'study' / rows[0].reference_file}: not the crop of a.png that the manifest records"],
        True,
    )
