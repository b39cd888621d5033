"""MSCOCO as a source of photographs, against a server on this machine that imitates its layout and fails on demand."""

from __future__ import annotations

import csv
import hashlib
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from coco_server import (
    LICENCE,
    CocoServer,
    answers,
    archive,
    breaks_off,
    coco_server,
    info_json,
    jpeg,
    sends,
    stalls,
)
from shift_study import main
from study_server.errors import StudyError
from study_server.folder.check import check_folder
from study_server.folder.study_folder import StudyFolder
from study_server.stimuli import coco
from study_server.stimuli.coco import coco_photographs
from study_server.stimuli.coco_downloads import downloads_folder
from study_server.stimuli.crops import smallest_photograph
from study_server.stimuli.download import NotAvailable, Patience, fetch
from study_server.stimuli.photographs import PhotographSource

PATIENT = Patience(tries=4, first_pause=0, timeout=30)
HASTY = Patience(tries=1, first_pause=0, timeout=30)
ARCHIVE = "/annotations/image_info_test2017.zip"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache" / "shift-study" / "coco"


@pytest.fixture
def server() -> Iterator[CocoServer]:
    with coco_server() as running:
        yield running


@pytest.fixture
def images(server: CocoServer) -> list[dict[str, Any]]:
    """Twelve photographs that are large enough, and one that is not."""
    return [server.image(number) for number in range(1, 13)] + [server.image(13, width=40, height=40)]


@pytest.fixture
def info(images: list[dict[str, Any]], tmp_path: Path) -> Path:
    path = tmp_path / "image_info_test2017.json"
    path.write_bytes(info_json(images))
    return path


def get(info: Path | None, *, count: int = 4, seed: int = 1, size: int = 64, **options: Any) -> PhotographSource:
    least = smallest_photograph(size, 9, "right")
    return coco_photographs(
        "test2017", count=count, least=least, seed=seed, info_file=info, **{"patience": PATIENT, **options}
    )


def names(source: PhotographSource) -> list[str]:
    return [photograph.name for photograph in source.photographs]


# --- The choice -------------------------------------------------------------------------------------------------------


def test_only_the_chosen_are_asked_for(server: CocoServer, info: Path) -> None:
    source = get(info)
    assert sorted(server.paths) == sorted(f"/test2017/{name}" for name in names(source))
    assert len(set(names(source))) == 4 and source.skipped == {}
    for photograph in source.photographs:
        assert photograph.path.read_bytes() == server.files[f"/test2017/{photograph.name}"]
        assert photograph.licence == LICENCE
        assert photograph.url == f"http://flickr.example/{int(photograph.name[:12])}"
    assert not list(downloads_folder("test2017").glob("*.part"))


def test_the_seed_chooses(server: CocoServer, images: list[dict[str, Any]], info: Path) -> None:
    first = names(get(info, seed=1))
    assert names(get(info, seed=1)) == first
    info.write_bytes(info_json(images[::-1]))  # in whatever order the info lists them
    assert names(get(info, seed=1)) == first
    assert names(get(info, seed=2)) != first


def test_what_is_there_needs_no_network(server: CocoServer, info: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = names(get(info))
    monkeypatch.setattr(socket, "socket", None)
    assert names(get(info)) == first
    assert len(server.requests) == 4


def test_too_few_are_large_enough(server: CocoServer, info: Path) -> None:
    with pytest.raises(
        StudyError, match="12 images of at least 73x64 pixels, and 13 are needed: lower --count or --size"
    ):
        get(info, count=13)
    assert server.requests == []


# --- Image info -------------------------------------------------------------------------------------------------------


@pytest.fixture
def published(server: CocoServer, images: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The archive with the image info, on the server and with the recorded checksum."""
    content = archive("annotations/image_info_test2017.json", info_json(images))
    server.files[ARCHIVE] = content
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setitem(coco.SPLITS, "test2017", replace(coco.SPLITS["test2017"], size=len(content), sha256=digest))
    return content


def test_image_info_is_downloaded_once(server: CocoServer, published: bytes, cache: Path, info: Path) -> None:
    source = get(None, base_url=server.address)
    assert server.paths.count(ARCHIVE) == 1
    assert (cache / "image_info_test2017.zip").read_bytes() == published
    assert names(source) == names(get(info))
    get(None, base_url=server.address, seed=2)
    assert server.paths.count(ARCHIVE) == 1


def test_image_info_of_a_labelled_split(
    server: CocoServer, images: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = archive("annotations/instances_val2017.json", info_json(images))
    server.files["/annotations/annotations_trainval2017.zip"] = content
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setitem(coco.SPLITS, "val2017", replace(coco.SPLITS["val2017"], size=len(content), sha256=digest))
    source = coco_photographs("val2017", count=2, least=(73, 64), seed=0, base_url=server.address, patience=PATIENT)
    assert source.name == "coco:val2017" and len(source.photographs) == 2


def test_wrong_checksum_is_refused(server: CocoServer, published: bytes, cache: Path) -> None:
    server.files[ARCHIVE] = published[:-1] + b"x"
    with pytest.raises(StudyError, match=r"image_info_test2017\.zip: its SHA-256 is not the published one"):
        get(None, base_url=server.address)
    assert set(server.paths) == {ARCHIVE}
    assert list(cache.iterdir()) == []


def test_wrong_size_is_refused(server: CocoServer, published: bytes, cache: Path) -> None:
    server.files[ARCHIVE] = b"<html>Log in to the network</html>"
    with pytest.raises(StudyError, match=f"34 bytes came where {len(published)} were promised"):
        get(None, base_url=server.address)
    assert list(cache.iterdir()) == []


def test_damaged_copy_of_the_info_is_downloaded_anew(server: CocoServer, published: bytes, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "image_info_test2017.zip").write_bytes(published[:100])
    get(None, base_url=server.address)
    assert (cache / "image_info_test2017.zip").read_bytes() == published


def test_local_archive(images: list[dict[str, Any]], info: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.zip"
    path.write_bytes(archive("annotations/image_info_test2017.json", info_json(images)))
    assert names(get(path)) == names(get(info))


IMAGE: dict[str, Any] = {"id": 1, "file_name": "1.jpg", "width": 90, "height": 80, "coco_url": "http://127.0.0.1/1.jpg"}
IS_NOT = "is not an image-info JSON of MSCOCO"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", IS_NOT),
        (b"{", IS_NOT),
        (b"[]", IS_NOT),
        (b"3", IS_NOT),
        (b"\xff\xfe", IS_NOT),
        (b'{"images": 3}', IS_NOT),
        (b'{"images": [3]}', IS_NOT),
        (b'{"annotations": []}', IS_NOT),
        (info_json([{k: v for k, v in IMAGE.items() if k != "coco_url"}]), IS_NOT),
        (info_json([IMAGE | {"width": "90"}]), IS_NOT),
        (info_json([IMAGE | {"id": None}]), IS_NOT),
        (info_json([IMAGE | {"file_name": 7}]), IS_NOT),
        (json.dumps({"images": [IMAGE], "licenses": [{"id": 1}]}).encode(), IS_NOT),
        (archive("annotations/image_info_test2017.json", b"{"), IS_NOT),
        (archive("annotations/another.json", info_json([IMAGE])), IS_NOT),
        (archive("annotations/image_info_test2017.json", info_json([IMAGE] * 50))[:-200] + bytes(200), IS_NOT),
        (info_json([IMAGE | {"file_name": "../1.jpg"}]), "'../1.jpg' is not a plain name"),
        (info_json([IMAGE | {"file_name": ".."}]), "'..' is not a plain name"),
        (info_json([IMAGE | {"file_name": ""}]), "'' is not a plain name"),
        (info_json([IMAGE | {"file_name": "a\rb"}]), r"'a\rb' is not a plain name"),
        (info_json([IMAGE | {"coco_url": "file:///etc/passwd"}]), "'file:///etc/passwd' is not an address"),
    ],
)
def test_info_that_is_none(content: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "info.json"
    path.write_bytes(content)
    result = CliRunner().invoke(
        main, ["new", str(tmp_path / "study"), "--images", "coco:test2017", "--coco-info", str(path), "--count", "1"]
    )
    assert result.exit_code == 1
    assert str(path) in result.stderr and complaint in result.stderr
    assert not (tmp_path / "study").exists()


def test_damaged_compressed_data_in_the_archive(images: list[dict[str, Any]], tmp_path: Path) -> None:
    data = bytearray(archive("annotations/image_info_test2017.json", info_json(images)))
    data[80:90] = bytes(10)
    (tmp_path / "info.zip").write_bytes(data)
    with pytest.raises(StudyError, match=IS_NOT):
        get(tmp_path / "info.zip")


def test_missing_info(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"none\.json is missing: --coco-info names the official image-info JSON"):
        get(tmp_path / "none.json")


def test_photographs_without_licence_or_address(server: CocoServer, images: list[dict[str, Any]], info: Path) -> None:
    info.write_bytes(info_json([image | {"license": 99, "flickr_url": None} for image in images]))
    assert {(p.licence, p.url) for p in get(info).photographs} == {("", "")}


# --- Trouble on the way -----------------------------------------------------------------------------------------------


@pytest.fixture
def one(server: CocoServer, info: Path) -> str:
    """Path of the photograph that is chosen first."""
    path = f"/test2017/{names(get(info, count=1))[0]}"
    (downloads_folder("test2017") / Path(path).name).unlink()
    server.requests.clear()
    return path


def test_a_server_that_is_busy_is_asked_again(server: CocoServer, info: Path, one: str) -> None:
    server.faults[one] = [answers(503), answers(429), answers(500)]
    source = get(info, count=1)
    assert f"/test2017/{names(source)[0]}" == one and server.paths == [one] * 4


def test_a_server_that_stays_busy(server: CocoServer, info: Path, one: str, cache: Path) -> None:
    server.faults[one] = [answers(503)] * 9
    with pytest.raises(
        StudyError, match=r"answers 503 .* \(4 tries\); the same command goes on where this one stopped"
    ):
        get(info, count=1)
    assert len(server.paths) == 4


def test_what_broke_off_is_gone_on_with(server: CocoServer, info: Path, one: str) -> None:
    server.faults[one] = [breaks_off(3000), breaks_off(2000)]
    (photograph,) = get(info, count=1).photographs
    assert photograph.path.read_bytes() == server.files[one]
    assert server.requests == [(one, None), (one, "bytes=3000-"), (one, "bytes=5000-")]


def test_a_server_that_stalls_is_given_up_and_gone_on_with(server: CocoServer, info: Path, one: str) -> None:
    server.faults[one] = [stalls(3000)]
    (photograph,) = get(info, count=1, patience=replace(PATIENT, timeout=1)).photographs
    assert photograph.path.read_bytes() == server.files[one]
    assert server.requests == [(one, None), (one, "bytes=3000-")]


def test_the_next_command_goes_on_where_the_last_one_stopped(server: CocoServer, info: Path, one: str) -> None:
    server.faults[one] = [breaks_off(4321)]
    with pytest.raises(StudyError, match="the same command goes on"):
        get(info, count=1, patience=HASTY)
    part = downloads_folder("test2017") / f"{Path(one).name}.part"
    assert part.read_bytes() == server.files[one][:4321]
    (photograph,) = get(info, count=1, patience=HASTY).photographs
    assert server.requests[-1] == (one, "bytes=4321-")
    assert photograph.path.read_bytes() == server.files[one] and not part.exists()


def test_a_server_that_cannot_go_on_starts_again(server: CocoServer, info: Path, one: str) -> None:
    server.ranges = False
    server.faults[one] = [breaks_off(3000)]
    (photograph,) = get(info, count=1).photographs
    assert server.requests == [(one, None), (one, "bytes=3000-")]
    assert photograph.path.read_bytes() == server.files[one]


def test_a_whole_part_is_taken(server: CocoServer, info: Path, one: str) -> None:
    """All bytes had come, and the process ended before it could say so."""
    folder = downloads_folder("test2017")
    (folder / f"{Path(one).name}.part").write_bytes(server.files[one])
    (photograph,) = get(info, count=1).photographs
    assert photograph.path.read_bytes() == server.files[one]
    assert len(server.requests) == 1


@pytest.mark.parametrize("rest", [b"leftover of another file", b"x" * 100_000])
def test_a_part_of_something_else_is_thrown_away(rest: bytes, server: CocoServer, info: Path, one: str) -> None:
    (downloads_folder("test2017") / f"{Path(one).name}.part").write_bytes(rest)
    (photograph,) = get(info, count=1).photographs
    assert photograph.path.read_bytes() == server.files[one]


def test_wrong_bytes_once(server: CocoServer, info: Path, one: str) -> None:
    server.faults[one] = [sends(b"not a photograph"), sends(jpeg(33, 44, 1))]
    (photograph,) = get(info, count=1).photographs
    assert photograph.path.read_bytes() == server.files[one]


def test_damaged_photograph_in_the_cache_is_downloaded_anew(server: CocoServer, info: Path, one: str) -> None:
    path = downloads_folder("test2017") / Path(one).name
    path.write_bytes(server.files[one][:2000])
    get(info, count=1)
    assert path.read_bytes() == server.files[one]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "the server answers 404 Not Found"),
        (b"<html>Sorry</html>", "not an image that can be read"),
        (jpeg(90, 80, 5)[:3000], "damaged or truncated"),
        (jpeg(81, 90, 5), "81x90 pixels where the info says 90x80"),
    ],
)
def test_what_cannot_be_had_is_replaced_and_reported(
    content: bytes | None, reason: str, server: CocoServer, info: Path, one: str
) -> None:
    if content is None:
        del server.files[one]
    else:
        server.files[one] = content
    source = get(info)
    (skipped,) = source.skipped.items()
    assert skipped[0] == Path(one).name and reason in skipped[1]
    assert Path(one).name not in names(source) and len(set(names(source))) == 4
    assert not [p for p in downloads_folder("test2017").iterdir() if one[-16:] in p.name]
    if content is None:
        assert server.paths.count(one) == 1  # it will not be there on a second try either


def test_a_photograph_that_is_too_small_when_upright_is_replaced(server: CocoServer, info: Path, one: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    server.files[one] = jpeg(90, 80, 3, exif=exif)  # 80x90 when upright
    for _ in range(2):  # downloaded, and from the cache
        source = get(info, count=2, size=80)
        assert source.skipped == {Path(one).name: "80x90 pixels when upright; 89x80 are needed"}
    assert [len(get(info, count=1, size=64).skipped)] == [0]


def test_replacements_are_the_same_every_time(server: CocoServer, info: Path, one: str) -> None:
    del server.files[one]
    assert names(get(info)) == names(get(info))


def test_more_missing_than_wanted_is_an_error(server: CocoServer, info: Path) -> None:
    server.files.clear()
    with pytest.raises(StudyError, match=r"only 0 of 2 photographs could be downloaded; \d+\.jpg: .* answers 404"):
        get(info, count=2)
    assert len(server.requests) <= 4


def test_nobody_answers(info: Path, images: list[dict[str, Any]]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        info.write_bytes(info_json([image | {"coco_url": f"{address}/a.jpg"} for image in images]))
        with pytest.raises(StudyError, match=r"cannot be reached.*\(4 tries\)"):
            get(info, count=2)


def test_a_folder_that_cannot_be_written(server: CocoServer, info: Path, cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("a file is in the way")
    with pytest.raises(StudyError, match="coco"):
        get(info)


def test_fetch_tells_what_is_not_there_from_what_cannot_be_reached(server: CocoServer, tmp_path: Path) -> None:
    with pytest.raises(NotAvailable, match="answers 404"):
        fetch(f"{server.address}/none", tmp_path / "file", patience=PATIENT)
    assert list(tmp_path.glob("file*")) == []


# --- The whole path ---------------------------------------------------------------------------------------------------


def test_new_and_check(server: CocoServer, info: Path, one: str, tmp_path: Path) -> None:
    study, runner = tmp_path / "study", CliRunner()
    arguments = ["new", str(study), "--images", "coco:test2017", "--coco-info", str(info)]
    del server.files[one]
    result = runner.invoke(main, [*arguments, "--count", "4", "--size", "64", "--seed", "1", "--json"])
    assert result.exit_code == 0, result.output
    assert list(json.loads(result.stdout)["skipped"]) == [Path(one).name]
    assert Path(one).name in (study / "skipped.csv").read_text()
    with (study / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["licence"] for row in rows} == {LICENCE}
    for row in rows:
        assert row["source_url"] == f"http://flickr.example/{int(row['source_file'][:12])}"
        served = server.files[f"/test2017/{row['source_file']}"]
        assert row["source_sha256"] == hashlib.sha256(served).hexdigest()
    assert StudyFolder(study).settings.stimuli.source == "coco:test2017"
    report = json.loads(runner.invoke(main, ["check", str(study), "--json"]).stdout)
    assert report["faults"] == [] and report["images_recut_from_source"] == report["images"] == 8
    for photograph in downloads_folder("test2017").iterdir():
        photograph.unlink()
    later = check_folder(StudyFolder(study))
    assert later.faults == [] and later.images_recut_from_source == 4


def test_taken_folder_is_refused_before_any_download(server: CocoServer, info: Path, tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine").touch()
    arguments = ["new", str(tmp_path / "study"), "--images", "coco:test2017", "--coco-info", str(info)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1 and "is not empty" in result.stderr
    assert server.requests == []
