"""Stimuli in another place: nothing there tells the answer, and browsers show them as exactly."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import fsspec
import pytest
from click.testing import CliRunner, Result
from fsspec.implementations.memory import MemoryFileSystem

import shift_study
from browser import open_browser
from made_studies import linked
from participant import crops_of_trial, find_exactly, go_to_trials, screenshot, wait_for_trial
from requests_of_a_participant import begin, pixels
from served import served
from study_server.errors import StudyError
from study_server.folder.study_folder import PUBLISHED, StudyFolder
from study_server.stimuli.photographs import pixels_sha256
from study_server.web.app import create_app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(a) for a in arguments])


def publish(study: StudyFolder, target: object) -> dict[str, Any]:
    done = run("publish", study.path, target, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def published_rows(study: StudyFolder) -> list[dict[str, str]]:
    with (study.path / PUBLISHED).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def use(study: StudyFolder, url: str) -> StudyFolder:
    """The study with server.stimuli_url set."""
    path = study.path / "study.toml"
    text = re.sub(r"(?m)^#? ?stimuli_url = .*\n", "", path.read_text(encoding="utf-8"))
    path.write_text(text.replace("[server]\n", f'[server]\nstimuli_url = "{url}"\n'), encoding="utf-8")
    return StudyFolder(study.path)


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    yield fsspec.filesystem("memory")
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


def test_names_bytes_and_sizes_tell_nothing(study: StudyFolder, tmp_path: Path) -> None:
    figures = publish(study, tmp_path / "bucket")
    files = {path.name: path.read_bytes() for path in (tmp_path / "bucket").iterdir()}
    assert figures["files"] == figures["written"] == len(files) == 2 * len(study.rows)
    assert figures["bytes"] == sum(map(len, files.values()))
    rows = {row.name: row for row in study.rows}
    lengths = defaultdict(set)
    for line in published_rows(study):
        row = rows.pop(line["stimulus"])
        reference, shifted = files.pop(line["reference"]), files.pop(line["shifted"])
        assert pixels_sha256(pixels(reference)) == row.reference_sha256
        assert pixels_sha256(pixels(shifted)) == row.stimulus_sha256
        assert reference != shifted
        assert reference[-32:] != shifted[-32:]  # also of a 0-pixel pair
        lengths[row.image] |= {len(reference), len(shifted)}
        assert all(re.fullmatch(r"[0-9a-f]{32}\.webp", line[role]) for role in ("reference", "shifted"))
    assert not rows
    assert not files
    assert all(len(of_an_image) == 1 for of_an_image in lengths.values())


def test_no_two_files_are_alike(study: StudyFolder, tmp_path: Path) -> None:
    publish(study, tmp_path / "bucket")
    digests = Counter(hashlib.md5(path.read_bytes()).digest() for path in (tmp_path / "bucket").iterdir())
    assert set(digests.values()) == {1}  # so no two ETags are, either


def test_files_are_written_in_an_order_that_tells_nothing(study: StudyFolder, memory: MemoryFileSystem) -> None:
    publish(study, "memory://bucket")
    entries = sorted(memory.ls("/bucket"), key=lambda entry: entry["created"])
    place = {Path(entry["name"]).name: position for position, entry in enumerate(entries)}
    apart = [abs(place[row["reference"]] - place[row["shifted"]]) for row in published_rows(study)]
    assert sum(distance <= 10 for distance in apart) < 40  # of 100; about 10 are by chance


def test_a_broken_run_goes_on_where_it_was(study: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.implementations.local import LocalFileSystem

    whole, count = LocalFileSystem.pipe_file, iter(range(10_000))

    def breaking(self: LocalFileSystem, path: str, value: bytes, **options: Any) -> None:
        if next(count) == 50:
            whole(self, path, value[: len(value) // 2])
            raise OSError("the network is gone")
        whole(self, path, value, **options)

    monkeypatch.setattr(LocalFileSystem, "pipe_file", breaking)
    broken = run("publish", study.path, tmp_path / "bucket")
    assert broken.exit_code == 1
    assert broken.output.rstrip().endswith(f"Error: {tmp_path / 'bucket'} cannot be written: the network is gone")
    assert not (study.path / PUBLISHED).exists()
    there = {path.name for path in (tmp_path / "bucket").iterdir()}
    figures = publish(study, tmp_path / "bucket")
    assert figures["written"] == 1 + 200 - len(there)  # one was broken off in the middle
    assert there <= {path.name for path in (tmp_path / "bucket").iterdir()}
    assert not [path for path in study.path.iterdir() if "unfinished" in path.name]
    # Once more: nothing to do. And to another place, under the same names.
    assert publish(study, tmp_path / "bucket")["written"] == 0
    before = published_rows(study)
    assert publish(study, tmp_path / "other")["written"] == 200
    assert published_rows(study) == before


def test_what_does_not_come_back_as_it_was_written_is_noticed(
    study: StudyFolder, memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryFileSystem, "cat_file", lambda self, path, *_: b"something else")
    refused = run("publish", study.path, "memory://bucket")
    assert refused.exit_code == 1
    assert re.search(r"memory://bucket cannot be written: \w+\.webp is not what was written there", refused.output)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nosuch://bucket/x", "nosuch://bucket/x cannot be used: Protocol not known: nosuch"),
        ("ftp://me:secret@127.0.0.1:9/x", "ftp://127.0.0.1:9/x cannot be used: "),
        ("{tmp}/file/x", "cannot be used: "),
    ],
)
def test_a_target_that_cannot_be_used_is_named_without_its_password(
    study: StudyFolder, tmp_path: Path, target: str, message: str
) -> None:
    (tmp_path / "file").touch()
    refused = run("publish", study.path, target.format(tmp=tmp_path))
    assert refused.exit_code == 1
    assert message in refused.output
    assert "secret" not in refused.output
    assert not (study.path / PUBLISHED).exists()


def test_the_server_refuses_what_is_not_published(study: StudyFolder, tmp_path: Path) -> None:
    study = use(study, "https://cdn.example/study")
    missing = run("serve", study.path)
    assert missing.exit_code == 1
    assert re.search(r"stimuli_url is set, but .*published\.csv is missing: .*shift-study publish", missing.output)
    publish(study, tmp_path / "bucket")
    assert StudyFolder(study.path).published
    path = study.path / PUBLISHED
    for text in ("", "nonsense\n", path.read_text().replace("published/2", "published/9"), path.read_text()[:500]):
        other = StudyFolder(linked(study.path, tmp_path / f"copy{len(list(tmp_path.iterdir()))}"))
        (other.path / PUBLISHED).write_text(text)
        with pytest.raises(StudyError, match=r"published\.csv (is damaged|does not belong)"):
            _ = other.published
    with study.manifest_path.open("a", encoding="utf-8") as file:
        file.write("\n")  # another manifest, if only just
    foreign = run("serve", study.path)
    assert foreign.exit_code == 1
    assert re.search(r"does not belong to the manifest of this study: publish the stimuli anew", foreign.output)


@pytest.mark.parametrize("url", ["cdn.example", "ftp://cdn.example", "https://a; script-src *", "https://a/?x=1"])
def test_an_address_that_is_none_is_refused(study: StudyFolder, url: str) -> None:
    with pytest.raises(StudyError, match=r"stimuli_url"):
        _ = use(study, url).settings


def test_trials_point_to_where_the_stimuli_are(study: StudyFolder, tmp_path: Path) -> None:
    publish(study, tmp_path / "bucket")
    app = create_app(use(study, "https://cdn.example:8443/study/"))
    client = app.test_client()
    shown = Counter()
    digests = {(row.reference_sha256, row.stimulus_sha256) for row in study.rows}
    for trial in begin(client):
        found = []
        for side in ("left", "right"):
            base, name = trial["images"][side].rsplit("/", 1)
            assert base == "https://cdn.example:8443/study"
            found.append(pixels_sha256(pixels((tmp_path / "bucket" / name).read_bytes())))
        assert trial["images"]["left"] != trial["images"]["right"]
        assert tuple(found) in digests or tuple(found[::-1]) in digests
        shown[tuple(found) in digests] += 1
    assert len(shown) == 2  # references on either side
    policy = client.get("/").headers["Content-Security-Policy"]
    assert re.search(r"connect-src 'self' https://cdn\.example:8443(;|$)", policy)
    app.extensions["study"].database.close()


class _Cdn(SimpleHTTPRequestHandler):
    """A folder for all origins, as a bucket with a CORS rule would serve it, and one that knows no types."""

    extensions_map = {"": "application/octet-stream"}  # noqa: RUF012

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def do_GET(self) -> None:
        self.server.asked.append(dict(self.headers))  # type: ignore[attr-defined]
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@contextmanager
def cdn(folder: Path) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Its address, and the headers of each request."""
    with ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: _Cdn(*a, directory=str(folder))) as server:  # type: ignore[arg-type]
        server.asked = []  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", server.asked  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_a_browser_shows_pairs_from_elsewhere_exactly(study: StudyFolder, tmp_path: Path) -> None:
    publish(study, tmp_path / "bucket")
    with (
        cdn(tmp_path / "bucket") as (address, asked),
        served(use(study, address)) as url,
        open_browser() as browser,
    ):
        page = browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(url)
        go_to_trials(page)
        for position in range(1, 11):
            wait_for_trial(page, position)
            screen = screenshot(page)
            left, right = (find_exactly(screen, crop, 1) for crop in crops_of_trial(study, position))
            assert any(b.x - a.x == 256 + 20 and b.y == a.y for a in left for b in right)
            page.keyboard.press("j")
        page.wait_for_url("**/questions")
        assert not complaints
    assert len(asked) == 20
    assert not any({"Cookie", "Referer"} & set(headers) for headers in asked)


@pytest.mark.slow
def test_simulated_observers_look_there_and_keep_the_key_to_themselves(study: StudyFolder, tmp_path: Path) -> None:
    publish(study, tmp_path / "bucket")
    with cdn(tmp_path / "bucket") as (address, asked):
        folder = use(study, address)
        with served(folder) as url:
            done = run("simulate", folder.path, "--participants", "2", "--url", url, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["stored"] == 20
    assert len(asked) == 40
    assert not any("Simulation" in name or name == "Cookie" for headers in asked for name in headers)
