"""Triplets that are ready: every layout, every kind of image, and every fault by name."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from metric.triplets.judged_folders import read_judgment
from study_server.errors import StudyError
from study_server.stimuli.photographs import read_pixels, read_png
from study_server.tasks.two_afc.judgments import read_share
from study_server.tasks.two_afc.making import make_triplets
from study_server.tasks.two_afc.manifest_row import TripletRow
from study_server.tasks.two_afc.originals import originals_of
from study_server.tasks.two_afc.ready_triplets import open_triplets
from study_server.tasks.two_afc.triplet import TripletDesign
from study_server.tasks.two_afc.triplet_files import has_triplets
from triplet_sets import noise, put_share, put_triplet, save

DESIGN = TripletDesign(size=24, shifts=(0, 1), direction="right", seed=0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "triplets"


def make(folder: Path, design: TripletDesign = DESIGN) -> tuple[list[TripletRow], dict[str, str]]:
    return make_triplets(folder.parent / "study", design, open_triplets(folder))


def reason(folder: Path, name: str, design: TripletDesign = DESIGN) -> str:
    """Why a triplet is left out, beside one that is not."""
    put_triplet(folder, "good", seed=99)
    rows, skipped = make(folder, design)
    assert len(rows) == len(design.shifts) and list(skipped) == [name]
    return skipped[name]


@pytest.mark.parametrize("direction", ["right", "left", "up", "down-left"])
@pytest.mark.parametrize("names", [("first", "second"), ("p0", "p1")])
def test_crops_are_the_middle_of_the_images(names: tuple[str, str], direction: str, folder: Path) -> None:
    """40 x 32 pixels, crops of 24 with shifts to 3: cut by Pillow."""
    images = put_triplet(folder, "a", names=names)
    rows, skipped = make(folder, replace(DESIGN, shifts=(0, 1, 3), direction=direction))  # type: ignore[arg-type]
    assert skipped == {} and [row.stimulus for row in rows] == ["00001_n-0", "00001_n-1", "00001_n-3"]
    step = {"right": (1, 0), "left": (-1, 0), "up": (0, -1), "down-left": (-1, 1)}[direction]
    corner = {"right": (6, 4), "left": (9, 4), "up": (8, 5), "down-left": (9, 2)}[direction]
    for row in rows:
        assert (row.crop_x, row.crop_y, row.size) == (*corner, 24)
        for role, pixels in images.items():
            moved = 0 if role == "reference" else row.shift_px
            x, y = corner[0] + step[0] * moved, corner[1] + step[1] * moved
            expected = Image.fromarray(pixels).crop((x, y, x + 24, y + 24))
            assert np.array_equal(read_png(folder.parent / "study" / row.files[role]), np.asarray(expected))  # type: ignore[index]


def test_crops_of_the_largest_size_are_those_of_equation_1(folder: Path) -> None:
    """`I[0 : h, k : w + k - 3]` of images w wide and h high, where the square takes all that a shift of 3 leaves."""
    images = put_triplet(folder, "a", size=(35, 32))
    size = open_triplets(folder).largest_size((0, 1, 2, 3), "right")
    rows, _ = make(folder, replace(DESIGN, size=size, shifts=(0, 1, 2, 3)))
    for k, row in enumerate(rows):
        assert np.array_equal(read_png(folder.parent / "study" / row.first_file), images["first"][0:32, k : 35 + k - 3])
        assert np.array_equal(read_png(folder.parent / "study" / row.reference_file), images["reference"][:, : 35 - 3])


def test_what_a_folder_does_not_say_stays_empty(folder: Path) -> None:
    put_triplet(folder, "a")
    (row, _), _ = make(folder)
    assert (row.distortion_first, row.distortion_second, row.catch_answer, row.licence) == ("", "", "", "")
    assert row.share_second is None and row.source_file == "ref/a.png"


@pytest.mark.parametrize("below", ["", "2afc/val"])
def test_a_folder_of_bapps(below: str, folder: Path) -> None:
    for category, count in (("traditional", 5), ("cnn", 2)):
        for number in range(count):
            home = folder / below / category
            put_triplet(home, f"{number:06d}", seed=10 * count + number, names=("p0", "p1"))
            put_share(home, f"{number:06d}", np.array([number / 5], np.float32))
    rows, skipped = make(folder)
    assert skipped == {} and len(rows) == 14
    prefix = f"{below}/" if below else ""
    for row in rows:
        category, part, file = row.source_file.removeprefix(prefix).split("/")
        assert part == "ref" and row.distortion_first == row.distortion_second == category
        assert row.share_second == int(file.removesuffix(".png")) / 5
    # Categories take turns, so that a small study has as many of each as there are.
    few, _ = make_triplets(folder.parent / "few", replace(DESIGN, count=4), open_triplets(folder))
    assert sorted(Counter(row.distortion_first for row in few).values()) == [4, 4]


def test_the_same_three_images_twice_are_one_triplet(folder: Path) -> None:
    for name in ("one", "two"):
        images = put_triplet(folder, name)
    for role, pixels in zip(("ref", "second", "first"), images.values(), strict=True):
        save(folder / role / "other sides.png", pixels)
    rows, skipped = make(folder)
    assert len(rows) == 2 * len(DESIGN.shifts)
    ((name, reason),) = skipped.items()
    other = {"one": "two", "two": "one"}[name]
    assert reason == f"the same three images as {other}: one triplet counts once"


def test_the_seed_draws_which_triplets_are_taken(folder: Path) -> None:
    for number in range(12):
        put_triplet(folder, f"{number:02d}", seed=number)

    def taken(root: str, seed: int, what: str = "stimuli") -> list[str]:
        design = replace(DESIGN, count=6, seed=seed)
        rows, _ = make_triplets(folder.parent / root, design, open_triplets(folder), what)
        return [row.source_file for row in rows[::2]]

    once = taken("once", 1)
    assert len(set(once)) == 6 and once != sorted(once)
    assert taken("again", 1) == once != taken("other", 2)
    assert taken("practice", 1, "practice") != once


def test_mixed_directions_take_turns(folder: Path) -> None:
    for number in range(8):
        put_triplet(folder, f"{number}", seed=number)
    rows, _ = make(folder, replace(DESIGN, direction="mixed"))
    assert set(Counter(row.direction for row in rows).values()) == {2}


def test_a_table_of_triplets(folder: Path) -> None:
    put_triplet(folder, "a")
    (folder / "triplets.csv").write_bytes(
        b"\xef\xbb\xbfsecond,reference,first,distortion_first,distortion_second,catch_answer,licence\r\n"
        b'second/a.png,ref/a.png,./first//a.png,blur 2,"jpeg, strong",first,CC0\r\n'
        b"first/a.png,ref/a.png,second/a.png,,,,\r\n"
    )
    for path in (folder, folder / "triplets.csv"):
        assert has_triplets(path)
        source = open_triplets(path)
        assert source.name == f"triplets:{path}"
        root = folder.parent / f"study of {path.name}"
        rows, skipped = make_triplets(root, DESIGN, source)
        assert skipped == {} and len(rows) == 4
        (said,) = {r.triplet: r for r in rows if r.licence}.values()
        assert (said.distortion_first, said.distortion_second) == ("blur 2", "jpeg, strong")
        assert (said.catch_answer, said.licence, said.source_file) == ("first", "CC0", "ref/a.png")
        (other,) = {r.triplet: r for r in rows if not r.licence}.values()
        assert (said.first_sha256, said.second_sha256) == (other.second_sha256, other.first_sha256)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("reference,first,second,note\n", "there is no column 'note'; there are reference, first, second and"),
        ("reference,first\n", "column second is missing; reference, first, second name the images"),
        ("", "column reference is missing"),
        ("reference,first,second,first\n", "two columns are called first; rename or remove one of them"),
        ("reference,first,second\n", "lists no triplets: write a line"),
        ("reference,first,second\na,b,c\na,b,c\n", "line 3: it names the same images as line 2; remove one"),
        ("reference,first,second\na,b\n", "line 2: second is ''; allowed is a path inside the folder of triplets.csv"),
        ("reference,first,second\na,../b,c\n", "line 2: first is '../b'; allowed is a path inside the folder"),
        ("reference,first,second\n/a,b,c\n", "line 2: reference is '/a'; allowed is a path inside the folder"),
        ("reference,first,second\na,b,c,d\n", "line 2: it has more values than there are columns; put quotes"),
        ('reference,first,second\n"a\nb",b,c\n', "first line is"),
        ("reference,first,second,catch_answer\na,b,c,left\n", "line 2: catch_answer is 'left'; allowed is first, sec"),
        ("reference,first,second,licence\na,b,c,\x07\n", r"line 2: licence is '\x07'; control characters are not"),
        ('reference,first,second\n"never', "line 2: unexpected end of data"),
    ],
)
def test_a_bad_table(text: str, complaint: str, folder: Path) -> None:
    folder.mkdir()
    (folder / "triplets.csv").write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        open_triplets(folder)
    if complaint == "first line is":  # a line end in a name
        complaint = r"line 3: reference is 'a\nb'; allowed is a path inside the folder"
    assert str(caught.value).startswith(str(folder / "triplets.csv")) and complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_no_text(folder: Path) -> None:
    folder.mkdir()
    (folder / "triplets.csv").write_bytes(b"\xff\xfe\0")
    with pytest.raises(StudyError, match=r"triplets\.csv cannot be read"):
        open_triplets(folder)


# --- images -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["reference", "first", "second"])
def test_a_table_names_an_image_that_is_missing(role: str, folder: Path) -> None:
    put_triplet(folder, "a")
    names = {"reference": "ref/a.png", "first": "first/a.png", "second": "second/a.png"}
    other = names | {role: f"gone/{role}.png"}
    lines = [",".join(names), ",".join(names.values()), ",".join(other.values())]
    (folder / "triplets.csv").write_text("\n".join(lines) + "\n")
    rows, skipped = make(folder)
    assert len(rows) == 2 and skipped == {"line 3": f"gone/{role}.png is missing; add it"}


@pytest.mark.parametrize("part", ["ref", "first", "second"])
def test_a_folder_lacks_an_image(part: str, folder: Path) -> None:
    put_triplet(folder, "a")
    (folder / part / "a.png").unlink()
    assert reason(folder, "a") == f"there is no a in {part}; add it"


def test_images_of_a_triplet_differ_in_size(folder: Path) -> None:
    put_triplet(folder, "a")
    save(folder / "second" / "a.png", noise(32, 40))
    assert reason(folder, "a") == "second/a.png has 32x40 pixels and ref/a.png 40x32: bring all three to one size"


@pytest.mark.parametrize("part", ["ref", "first", "second"])
def test_an_image_that_cannot_be_read(part: str, folder: Path) -> None:
    put_triplet(folder, "a")
    whole = (folder / part / "a.png").read_bytes()
    (folder / part / "a.png").write_bytes(whole[: len(whole) // 2])
    assert reason(folder, "a").startswith(f"{part}/a.png: damaged or truncated (")


def test_distorted_images_with_the_same_pixels(folder: Path) -> None:
    pixels = put_triplet(folder, "a")["first"]
    (folder / "second" / "a.png").unlink()
    save(folder / "second" / "a.bmp", pixels)  # in another file
    assert reason(folder, "a").startswith("its two distorted images have the same pixels, so that neither is more")


def test_a_distorted_image_in_which_no_shift_can_be_seen(folder: Path) -> None:
    put_triplet(folder, "a")
    save(folder / "first" / "a.png", np.full((32, 40, 3), 9, np.uint8))
    assert reason(folder, "a") == "so uniform that a shift cannot be seen in it"


def test_a_triplet_that_is_too_small_for_the_size_and_the_shifts(folder: Path) -> None:
    put_triplet(folder, "a", size=(26, 32))
    put_triplet(folder, "b", size=(27, 24), seed=1)
    design = replace(DESIGN, shifts=(0, 3))
    rows, skipped = make(folder, design)
    assert len(rows) == 2  # triplets may differ in size, as long as the crop fits
    assert skipped == {"a": "26x32 pixels; a crop of 24 px with shifts to 3 px needs 27x24"}


def test_images_of_every_kind_are_read_as_photographs_are(folder: Path) -> None:
    """An animation as its first frame, 16-bit grey as 8-bit, transparency over white, turned as EXIF says."""
    pixels = noise(40, 32)
    frames = [Image.fromarray(noise(40, 32, seed=n)).quantize() for n in (5, 6)]
    (folder / "ref").mkdir(parents=True)
    frames[0].save(folder / "ref" / "a.gif", save_all=True, append_images=frames[1:])
    deep = np.random.default_rng(1).integers(0, 65536, (32, 40)).astype(np.uint16)
    (folder / "first").mkdir()
    Image.fromarray(deep).save(folder / "first" / "a.png")
    (folder / "second").mkdir()
    alpha = np.dstack([pixels, np.random.default_rng(2).integers(0, 256, (32, 40, 1), dtype=np.uint8)])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(np.rot90(alpha))).save(folder / "second" / "a.png", exif=exif)
    (row, _), skipped = make(folder)
    assert skipped == {}
    window = (slice(row.crop_y, row.crop_y + 24), slice(row.crop_x, row.crop_x + 24))
    for role, file in (("reference", "ref/a.gif"), ("first", "first/a.png"), ("second", "second/a.png")):
        crop = read_png(folder.parent / "study" / row.files[role])  # type: ignore[index]
        assert np.array_equal(crop, read_pixels(folder / file)[window])
    assert np.array_equal(
        read_png(folder.parent / "study" / row.reference_file), np.asarray(frames[0].convert("RGB"))[window]
    )
    first = read_png(folder.parent / "study" / row.first_file)
    assert np.abs(first.astype(float) - (deep[window] / 257)[..., None]).max() <= 0.5 + 1e-9
    over_white = alpha[..., :3] * (alpha[..., 3:] / 255) + 255 * (1 - alpha[..., 3:] / 255)
    second = read_png(folder.parent / "study" / row.second_file)
    assert np.abs(second - over_white[window]).max() <= 1


# --- judgments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ([0.2, 0.4], "judge/a.npy holds an array float64 of shape (2,): one number is expected, the share of people"),
        ([], "judge/a.npy holds an array float64 of shape (0,): one number is expected"),
        ("0.2", "judge/a.npy holds an array <U3 of shape (): one number is expected"),
        ([1.2], "judge/a.npy holds 1.2: a share of people from 0 to 1 is expected"),
        ([-1], "judge/a.npy holds -1: a share of people from 0 to 1 is expected"),
        ([float("nan")], "judge/a.npy holds nan: a share of people from 0 to 1 is expected"),
    ],
)
def test_a_judgment_that_is_no_share(value: object, complaint: str, folder: Path) -> None:
    put_triplet(folder, "a")
    put_share(folder, "a", value)
    put_share(folder, "good", [0.4])
    assert reason(folder, "a").startswith(complaint)


def test_a_judgment_that_is_missing_or_no_array(folder: Path) -> None:
    put_triplet(folder, "a")
    put_triplet(folder, "b", seed=1)
    put_triplet(folder, "c", seed=2)
    put_share(folder, "good", [0.4])
    (folder / "judge" / "b.npy").write_bytes(b"0.2")
    np.save(folder / "judge" / "c.npy", np.array([{"code": "that would run"}]), allow_pickle=True)
    put_triplet(folder, "good", seed=99)
    rows, skipped = make(folder)
    assert len(rows) == 2 and rows[0].share_second == 0.4
    assert skipped["a"] == "there is no a in judge; add it"
    for name in ("b", "c"):
        assert skipped[name].startswith(f"judge/{name}.npy cannot be read as a NumPy file (")


@given(
    share=st.floats(0, 1), kind=st.sampled_from(["<f2", "<f4", ">f4", "<f8"]), shape=st.sampled_from([(), (1,), (1, 1)])
)
def test_shares_are_those_that_the_metrics_read(
    share: float, kind: str, shape: tuple[int, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = put_share(tmp_path_factory.getbasetemp(), "share", np.full(shape, share, kind))
    assert read_share(path) == read_judgment(path)


def test_a_share_in_single_precision_is_the_decimal_number_that_was_meant(tmp_path: Path) -> None:
    assert [read_share(put_share(tmp_path, "a", np.array([n / 5], np.float32))) for n in range(6)] == [
        0.0, 0.2, 0.4, 0.6, 0.8, 1.0,
    ]  # fmt: skip
    assert read_share(put_share(tmp_path, "a", np.array([1]))) == 1.0


# --- folders ----------------------------------------------------------------------------------------------------------


def test_two_images_of_one_name(folder: Path) -> None:
    put_triplet(folder, "a")
    save(folder / "first" / "a.bmp", noise())
    with pytest.raises(StudyError, match=r"first/a\.png and a\.bmp have one name; remove or rename one of them"):
        open_triplets(folder)


@pytest.mark.parametrize("part", ["first", "second"])
def test_a_folder_of_images_is_missing(part: str, folder: Path) -> None:
    put_triplet(folder, "a")
    (folder / part).rename(folder / "elsewhere")
    with pytest.raises(
        StudyError, match=f"{folder} has no folder {part}: triplets lie in ref, first, second, or in ref"
    ):
        open_triplets(folder)


def test_a_folder_without_triplets(folder: Path) -> None:
    folder.mkdir()
    assert not has_triplets(folder)
    with pytest.raises(StudyError, match=f"{folder} contains no triplets: put images of one name in its folders ref,"):
        open_triplets(folder)
    for part in ("ref", "first", "second"):
        (folder / part).mkdir()
    with pytest.raises(StudyError, match="contains no triplets"):
        open_triplets(folder)
    save(folder / "ref" / "a.png", noise())
    with pytest.raises(StudyError, match=r"contains no triplets.*\n  a: there is no a in first; add it"):
        open_triplets(folder)


def test_no_such_folder(tmp_path: Path) -> None:
    assert not has_triplets(tmp_path / "none")
    with pytest.raises(StudyError, match="none is neither a folder of triplets nor a CSV file that lists them"):
        open_triplets(tmp_path / "none")


def test_no_triplet_can_be_used(folder: Path) -> None:
    put_triplet(folder, "a", size=(20, 20))
    with pytest.raises(StudyError) as caught:
        make(folder)
    assert str(caught.value) == (
        f"1 triplets are needed for stimuli, and 0 could be made of the 1 triplets in triplets:{folder}: add some, or "
        "lower --count or --size\n  a: 20x20 pixels; a crop of 24 px with shifts to 1 px needs 25x24"
    )


def test_a_name_that_no_manifest_can_hold_is_skipped(folder: Path) -> None:
    put_triplet(folder, "a\nb")
    assert reason(folder, "'a\\nb'") == "its name is not UTF-8 or has control characters; rename it"


def test_hidden_files_and_folders_are_no_images(folder: Path) -> None:
    put_triplet(folder, "a")
    (folder / "ref" / "._a.png").write_bytes(b"left by a file system")
    (folder / "ref" / "b.png").mkdir()
    rows, skipped = make(folder)
    assert len(rows) == 2 and skipped == {}


# --- the largest size -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("direction", "size"), [("right", 32), ("up", 31), ("down-left", 31), ("mixed", 31)])
def test_the_largest_size_leaves_room_in_every_triplet(direction: str, size: int, folder: Path) -> None:
    put_triplet(folder, "a", size=(40, 32))
    put_triplet(folder, "b", size=(90, 80), seed=1)
    put_triplet(folder, "c", size=(33, 70), seed=2)
    assert open_triplets(folder).largest_size((0, 1), direction) == size  # type: ignore[arg-type]
    design = replace(DESIGN, size=size, direction=direction)  # type: ignore[arg-type]
    assert len(make(folder, design)[0]) == 6
    larger = replace(design, size=size + 1)
    assert len(make_triplets(folder.parent / "larger", larger, open_triplets(folder))[1]) >= 1


def test_the_largest_size_is_of_upright_images(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for place, part in enumerate(("ref", "first", "second")):
        (folder / part).mkdir(parents=True)
        Image.fromarray(noise(40, 32, seed=place)).save(folder / part / "a.jpg", exif=exif)
    assert open_triplets(folder).largest_size((0, 8), "right") == 24


def test_the_largest_size_of_what_telephones_write(folder: Path) -> None:
    """In a process that has read no photograph yet."""
    from pillow_heif import from_pillow

    for place, part in enumerate(("ref", "first", "second")):
        (folder / part).mkdir(parents=True)
        from_pillow(Image.fromarray(noise(64, 48, seed=place))).save(folder / part / "a.heic")
    program = (
        "from pathlib import Path; from study_server.tasks.two_afc.ready_triplets import open_triplets; "
        f"print(open_triplets(Path({str(folder)!r})).largest_size((0, 8), 'right'))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "48"


def test_no_size_that_fits(folder: Path) -> None:
    put_triplet(folder, "a", size=(19, 60))
    put_triplet(folder, "b", seed=1)
    with pytest.raises(StudyError) as caught:
        open_triplets(folder).largest_size((0, 4), "right")
    assert str(caught.value) == (
        "ref/a.png leaves 15 px for a crop with shifts to 4 px, and 16 are needed: take its triplet out, or give a "
        "size that the others have room for"
    )


@pytest.mark.parametrize("listed", [True, False])
def test_originals_that_are_gone_are_none(listed: bool, folder: Path) -> None:
    put_triplet(folder, "a")
    put_triplet(folder, "b", seed=1)
    if listed:
        lines = (f"ref/{name}.png,first/{name}.png,second/{name}.png\n" for name in "ab")
        (folder / "triplets.csv").write_text("reference,first,second\n" + "".join(lines))
    source = open_triplets(folder)
    rows, _ = make(folder)
    mine = [row for row in rows if row.source_file == "ref/a.png"]

    def found() -> int:
        return len(list(originals_of(source.name)(mine)))

    assert found() == 1
    (folder / "second" / "a.png").rename(folder / "kept.png")
    assert found() == 0
    (folder / "kept.png").rename(folder / "second" / "a.png")
    assert found() == 1
    save(folder / "ref" / "a.png", noise(seed=5))
    assert found() == 0
    put_triplet(folder, "a")
    assert found() == 1
    (folder / "triplets.csv").write_text("of another kind\n")
    assert found() == 0
    folder.rename(folder.with_name("moved"))
    assert found() == 0


def test_an_unreadable_header_is_passed_over_when_sizes_are_measured(folder: Path) -> None:
    put_triplet(folder, "a")
    put_triplet(folder, "b", size=(20, 20))
    (folder / "ref" / "b.png").write_bytes(b"not an image")
    assert open_triplets(folder).largest_size((0, 1), "right") == 32
