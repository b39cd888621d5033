"""Images are sent exactly, in few bytes, and in lengths that tell nothing, whatever becomes of the cache."""

from __future__ import annotations

import base64
import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from browser import Launch
from made_studies import own
from participant import crops_of_trial, go_to_trials, practise_and_go_to_trials, wait_for_trial
from requests_of_a_participant import begin, pixels
from study_server.errors import StudyError
from study_server.folder.check import verify_pixels
from study_server.folder.new import make_study
from study_server.folder.study_folder import COMPRESSED, StudyFolder
from study_server.stimuli.encoding import PADDING, PNG, WEBP, encode_webp, pad, shows
from study_server.stimuli.manifest import STIMULI
from study_server.stimuli.photographs import Pixels, pixels_sha256, write_png
from study_server.stimuli.sent_images import SentImages
from study_server.tasks.shifted_pairs.pair_row import PairRow


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)), fill=st.just(0)),
    st.integers(0, 200),
)
def test_any_pixels_survive_webp_and_padding(image: Pixels, more: int) -> None:
    data = encode_webp(image)
    padded = pad(data, WEBP, len(data) + PADDING + 2 * more, b"seed")
    assert len(padded) == len(data) + PADDING + 2 * more
    for body in (data, padded):
        assert np.array_equal(pixels(body), image)
        assert shows(body, WEBP, pixels_sha256(image))
    assert int.from_bytes(padded[4:8], "little") == len(padded) - 8


def test_padding_is_noise_and_refuses_what_it_cannot_pad(tmp_path: Path) -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    write_png(image, tmp_path / "zeros.png")
    for data, mimetype in [((tmp_path / "zeros.png").read_bytes(), PNG), (encode_webp(image), WEBP)]:
        length = len(data) + 4000
        one, other = (pad(data, mimetype, length, seed) for seed in (b"1", b"2"))
        assert one != other
        assert np.array_equal(pixels(one), image)
        assert len(set(one[-2000:-1000])) > 200
        with pytest.raises(ValueError, match="too long"):
            pad(data, mimetype, len(data) + PADDING - 1, b"1")
        with pytest.raises(ValueError, match="not a"):
            pad(data + b"more", mimetype, length, b"1")


def by_series(study: StudyFolder) -> dict[tuple[Path, str], list[tuple[Path, PairRow]]]:
    parts = [(study.path, study.rows), (study.practice_path, shown_before(study))]
    series: dict[tuple[Path, str], list[tuple[Path, PairRow]]] = {}
    for root, rows in parts:
        for row in rows:
            series.setdefault((root, row.image), []).append((root / row.stimulus_file, row))
    return series


def shown_before(study: StudyFolder) -> list[PairRow]:
    """The pairs of practice and instructions."""
    assert study.example
    return [shown.row for shown in [*study.practice_trials, study.example]]


def test_all_crops_of_a_photographs_window_are_equally_long_in_either_form(study: StudyFolder) -> None:
    lengths: set[tuple[int, ...]] = set()
    for images in by_series(study).values():
        of_these = set()
        for path, row in images:
            sent = [study.sent_images.read(path, webp=webp) for webp in (True, False)]
            assert [mimetype for _, mimetype in sent] == [WEBP, PNG]
            assert all(shows(body, mimetype, row.stimulus_sha256) for body, mimetype in sent)
            of_these.add(tuple(len(body) for body, _ in sent))
        assert len(of_these) == 1
        lengths |= of_these
    assert len(lengths) > 5  # and photographs are not padded to the longest of all
    assert all(webp < png for webp, png in lengths)


@pytest.mark.parametrize("damage", ["deleted", "another", "truncated", "flipped", "empty", "a folder"])
def test_a_damaged_cache_is_mended_and_never_sent(study: StudyFolder, damage: str) -> None:
    own(study, COMPRESSED)
    row = study.rows[3]
    path, cached = study.path / row.stimulus_file, study.path / COMPRESSED / f"{row.stimulus_sha256}.webp"
    right = study.sent_images.read(path)
    whole = cached.read_bytes()
    middle = len(whole) // 2
    for images in (study.sent_images, StudyFolder(study.path).sent_images):  # found while running, and at the start
        cached.unlink()
        if damage == "another":
            shutil.copy(study.path / COMPRESSED / f"{row.reference_sha256}.webp", cached)
        elif damage == "truncated":
            cached.write_bytes(whole[:-100])
        elif damage == "flipped":
            cached.write_bytes(whole[:middle] + bytes([whole[middle] ^ 64]) + whole[middle + 1 :])
        elif damage == "empty":
            cached.touch()
        elif damage == "a folder":
            cached.mkdir()
            with pytest.raises(StudyError, match=r"compressed has changed while in use"):
                study.sent_images.read(path)
            assert StudyFolder(study.path).sent_images.read(path)[1] == PNG  # a start knows what to do without
            return
        assert images.read(path) == right
        assert cached.read_bytes() == whole


def test_a_study_without_a_cache_or_a_place_for_it_works(study: StudyFolder) -> None:
    own(study, COMPRESSED)
    shutil.rmtree(study.path / COMPRESSED)
    path = study.path / study.rows[0].stimulus_file
    assert StudyFolder(study.path).sent_images.read(path)[1] == WEBP
    shutil.rmtree(study.path / COMPRESSED)
    (study.path / COMPRESSED).write_text("in the way")
    images = StudyFolder(study.path).sent_images
    assert images.read(path)[1] == PNG
    with pytest.raises(StudyError, match="compressed images cannot be kept"):
        images.fill()


def test_fill_makes_what_is_missing_and_a_moved_study_keeps_it(study: StudyFolder, tmp_path: Path) -> None:
    own(study, COMPRESSED)
    cache = study.path / COMPRESSED
    before = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    rows = [*study.rows, *shown_before(study)]
    digests = {digest for row in rows for digest in (row.reference_sha256, row.stimulus_sha256)}
    assert set(before) == {f"{d}.webp" for d in digests}
    (cache / min(before)).unlink()
    study.path.rename(tmp_path / "moved")
    moved = StudyFolder(tmp_path / "moved")
    moved.sent_images.fill()
    after = {path.name: path.stat().st_mtime_ns for path in (moved.path / COMPRESSED).iterdir()}
    assert set(after) == set(before)
    assert {name for name in before if before[name] != after[name]} == {min(before)}


def test_where_png_is_smaller_png_is_sent(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    write_png(noise, tmp_path / "noise.png")
    rows = StudyFolder(make_tiny(tmp_path)).rows[:1]
    row = PairRow(**{
        **rows[0].__dict__, "reference_file": "noise.png", "stimulus_file": "noise.png",
        "reference_sha256": pixels_sha256(noise), "stimulus_sha256": pixels_sha256(noise),
    })  # fmt: skip
    images = SentImages(tmp_path / "cache", [(tmp_path, [row])])
    body, mimetype = images.read(tmp_path / "noise.png")
    smaller = len(encode_webp(noise)) < (tmp_path / "noise.png").stat().st_size
    assert mimetype == (WEBP if smaller else PNG)
    assert shows(body, mimetype, pixels_sha256(noise))


def make_tiny(folder: Path) -> Path:
    make_study(folder / "tiny", source="demo", count=4, size=16, max_shift=4)
    return folder / "tiny"


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        (None, WEBP), ("*/*", WEBP), ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", WEBP),
        ("application/json", WEBP), ("image/png", PNG), ("image/webp;q=0, */*", PNG), ("image/png,image/jpeg", PNG),
    ],
)  # fmt: skip
def test_webp_unless_the_request_excludes_it(client: FlaskClient, accept: str | None, mimetype: str) -> None:
    trials = begin(client)
    headers = {} if accept is None else {"Accept": accept}
    for path in (trials[0]["images"]["left"], "/practice-images/1/left", "/example-images/right"):
        response = client.get(path, headers=headers)
        assert (response.mimetype, response.headers["Vary"].split(", ").count("Accept")) == (mimetype, 1)
        assert pixels(response.data).shape == (32, 32, 3)


def test_a_damaged_stimulus_is_not_shown_to_anybody(app: Flask, client: FlaskClient, study: StudyFolder) -> None:
    own(study, STIMULI)
    trials = begin(client)
    for path in (study.path / "stimuli").iterdir():
        write_png(np.zeros((32, 32, 3), np.uint8), path)
    for accept in ("*/*", "image/png"):
        answer = client.get(trials[0]["images"]["left"], headers={"Accept": accept})
        assert answer.status_code == 503  # which browsers ask again, until it is restored
        assert "cannot be shown" in answer.text


def test_what_changed_after_it_was_verified_is_looked_at_again(study: StudyFolder) -> None:
    own(study, STIMULI)
    verify_pixels(study)
    path = study.path / study.rows[0].files["reference"]
    assert study.sent_images.read(path, webp=False)
    write_png(np.zeros((32, 32, 3), np.uint8), path)
    with pytest.raises(StudyError, match="its pixels are not those that the manifest records"):
        StudyFolder(study.path).sent_images.read(path, webp=False)
    with pytest.raises(StudyError, match="its pixels are not those that the manifest records"):
        study.sent_images.read(path, webp=False)


def test_what_changes_while_it_is_verified_is_not_trusted(study: StudyFolder) -> None:
    own(study, STIMULI)
    images, path = study.sent_images, study.path / study.rows[0].files["reference"]
    before = images.png_digests()
    write_png(np.zeros((32, 32, 3), np.uint8), path)
    images.trust_pngs(before)
    with pytest.raises(StudyError, match="its pixels are not those that the manifest records"):
        images.read(path, webp=False)


_DECODE = """async (url) => {
    const answer = await fetch(url);
    const asItIs = {colorSpaceConversion: "none", premultiplyAlpha: "none"};
    const bitmap = await createImageBitmap(await answer.blob(), asItIs);
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const {data} = context.getImageData(0, 0, bitmap.width, bitmap.height);
    let text = "";
    for (let at = 0; at < data.length; at += 4096) text += String.fromCharCode(...data.subarray(at, at + 4096));
    return [answer.headers.get("Content-Type"), bitmap.width, bitmap.height, btoa(text)];
}"""


@pytest.mark.slow
def test_chromium_decodes_every_image_of_a_study_to_the_manifests_pixels(
    browse: Launch, study: StudyFolder, tmp_path: Path
) -> None:
    few = make_study(tmp_path / "few", source="demo", count=4, max_shift=3).folder
    with browse() as page:
        bodies = {}
        page.route("**/sent/*", lambda route: route.fulfill(**bodies[route.request.url.rsplit("/", 1)[1]]))
        expected = {}
        for (path, row), webp in itertools.product(itertools.chain(*by_series(few).values()), (True, False)):
            body, mimetype = few.sent_images.read(path, webp=webp)
            name = str(len(bodies))
            bodies[name] = {"body": body, "content_type": mimetype}
            expected[name] = (mimetype, row.stimulus_sha256)
        for name, (mimetype, digest) in expected.items():
            kind, width, height, data = page.evaluate(_DECODE, f"/sent/{name}")
            rgba = np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)
            assert kind == mimetype
            assert pixels_sha256(rgba[..., :3]) == digest
            assert (rgba[..., 3] == 255).all()
        assert len(expected) == 2 * (4 * 4 + 5)
        # And by way of the server, the images of the trials.
        go_to_trials(page)
        trials = page.evaluate("fetch('/api/trials').then((answer) => answer.json())")["trials"]
        for position, trial in enumerate(trials, start=1):
            for side, crop in zip(("left", "right"), crops_of_trial(study, position), strict=True):
                kind, width, height, data = page.evaluate(_DECODE, trial["images"][side])
                assert kind == WEBP
                rgba = np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)
                assert np.array_equal(rgba[..., :3], crop)


@pytest.mark.slow
def test_a_whole_visit_transfers_less_than_its_images_as_png_and_100_kb(browse: Launch, study: StudyFolder) -> None:
    received: list[float] = []
    with browse() as page:
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
        page.reload()
        practise_and_go_to_trials(page)
        for position in range(1, 11):
            wait_for_trial(page, position)
            page.keyboard.press("j")
        page.wait_for_url("**/questions")
        page.click("button[type=submit], main button")
        page.wait_for_selector("#completion-code")
    rows = shown_before(study)
    files = [study.practice_path / name for row in rows for name in (row.reference_file, row.stimulus_file)]
    lossless = sum(path.stat().st_size for path in files)
    for position in range(1, 11):
        for crop in crops_of_trial(study, position):
            write_png(crop, study.path / "crop.png")
            lossless += (study.path / "crop.png").stat().st_size
    assert len(received) > 40
    assert sum(received) < lossless + 100_000, f"{sum(received) / 1000:.0f} kB for images of {lossless / 1000:.0f} kB"
    print(f"{sum(received) / 1000:.0f} kB received; the images as PNG are {lossless / 1000:.0f} kB")
