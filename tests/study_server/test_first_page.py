"""The first page stands before images are compressed, and what is sent meanwhile is what is sent later."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import requests
from click.testing import CliRunner

import shift_study
import study_server.folder.new
import study_server.web.serve
from requests_of_a_participant import begin, pixels
from study_server.folder.new import make_study
from study_server.folder.study_folder import COMPRESSED, StudyFolder
from study_server.stimuli.encoding import PNG, WEBP, shows
from study_server.stimuli.photographs import pixels_sha256
from study_server.stimuli.sent_images import SentImages
from study_server.web.app import create_app
from study_server.web.background_server import free_port


@pytest.fixture
def raw(tmp_path: Path) -> StudyFolder:
    """A study whose images are not compressed yet: 6 windows of 4 crops, 4 of practice."""
    return make_study(tmp_path / "raw", source="demo", count=6, size=32, max_shift=3, seed=5, compressed=False).folder


@pytest.fixture
def filled(raw: StudyFolder, tmp_path: Path) -> StudyFolder:
    """The same study with all its images compressed before anybody asks for one."""
    shutil.copytree(raw.path, tmp_path / "filled")
    folder = StudyFolder(tmp_path / "filled")
    folder.sent_images.fill()
    return folder


def cache(folder: StudyFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder.path / COMPRESSED).glob("*")}


def windows(folder: StudyFolder) -> dict[str, dict[str, str]]:
    """Image → file of each of its crops → hash of its pixels."""
    found: dict[str, dict[str, str]] = {}
    for row in folder.rows:
        found.setdefault(row.image, {})[row.stimulus_file] = row.stimulus_sha256
    return found


def test_a_new_study_is_compressed_unless_a_server_is_to_do_it(raw: StudyFolder, tmp_path: Path) -> None:
    assert not (raw.path / COMPRESSED).exists()
    assert not raw.sent_images.is_full
    made = make_study(tmp_path / "made", source="demo", count=6, size=32, max_shift=3, seed=5).folder
    assert made.sent_images.is_full
    assert (made.path / "manifest.csv").read_bytes() == (raw.path / "manifest.csv").read_bytes()


def test_the_demo_is_served_before_its_images_are_compressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[StudyFolder] = []

    def make_small(folder: Path, **given: Any) -> Any:
        return make_study(folder, count=6, size=32, max_shift=3, **given)

    monkeypatch.setattr(study_server.folder.new, "make_study", make_small)
    monkeypatch.setattr(study_server.web.serve, "serve", lambda folders, *_: served.extend(folders))
    done = CliRunner().invoke(shift_study.main, ["demo", str(tmp_path / "demo")])
    assert done.exit_code == 0, done.output
    (folder,) = served
    assert len(folder.rows) == 24
    assert not (folder.path / COMPRESSED).exists()


@pytest.mark.parametrize("shift", range(4))
@pytest.mark.parametrize("webp", [True, False])
def test_whichever_image_is_asked_for_first_its_window_is_made_whole(
    raw: StudyFolder, filled: StudyFolder, shift: int, webp: bool
) -> None:
    """So neither length nor form nor time says which image it was, or which of the others is alike."""
    image, crops = sorted(windows(raw).items())[2]
    raw.sent_images.read(raw.path / list(crops)[shift], webp=webp)
    assert set(cache(raw)) == {f"{digest}.webp" for digest in crops.values()}
    sent = {}
    for file in crops:
        sent[file] = raw.sent_images.read(raw.path / file, webp=webp)
        assert sent[file] == filled.sent_images.read(filled.path / file, webp=webp)
    assert {(len(body), form) for body, form in sent.values()} == {(len(sent[file][0]), WEBP if webp else PNG)}
    assert image == "00003"


@pytest.mark.parametrize("done", [1, 3, 5, 17])  # the cache as compression leaves it within and between windows
def test_what_is_sent_while_images_are_compressed_is_what_is_sent_later(
    raw: StudyFolder, filled: StudyFolder, done: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    compressing = raw.sent_images.filling()
    for _ in range(done):
        next(compressing)
    meanwhile = StudyFolder(raw.path).sent_images  # as another process sees the folder
    for row in raw.rows[::-1]:
        for webp in (True, False):
            body, form = meanwhile.read(raw.path / row.stimulus_file, webp=webp)
            assert (body, form) == filled.sent_images.read(filled.path / row.stimulus_file, webp=webp)
            assert shows(body, form, row.stimulus_sha256)
    for _ in compressing:
        pass
    assert cache(raw) == cache(filled)


def test_practice_comes_first_and_what_is_closed_compresses_no_more(
    raw: StudyFolder, filled: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert raw.example
    practice = {digest for shown in [*raw.practice_trials, raw.example] for digest in shown.row.digests.values()}
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    make, shut_down, closed = SentImages._make_if_lacking, ThreadPoolExecutor.shutdown, Event()

    def make_once_closed(images: SentImages, path: Path, digest: str) -> None:
        assert digest in practice or closed.wait(60)
        make(images, path, digest)

    def close(pool: ThreadPoolExecutor, wait: bool = True, *, cancel_futures: bool = False) -> None:
        shut_down(pool, wait=False, cancel_futures=cancel_futures)
        closed.set()
        shut_down(pool, wait)

    monkeypatch.setattr(SentImages, "_make_if_lacking", make_once_closed)
    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", close)
    compressing = raw.sent_images.filling()
    for _ in practice:
        next(compressing)
    compressing.close()
    left = cache(raw)
    assert {f"{digest}.webp" for digest in practice} <= set(left)
    assert len(left) <= len(practice) + 1  # with the one that had begun
    assert not raw.sent_images.is_full
    raw.sent_images.fill()
    assert cache(raw) == cache(filled)


def test_a_participant_gets_exact_images_of_a_study_without_any_compressed(raw: StudyFolder) -> None:
    app = create_app(raw)
    client = app.test_client()
    known = {digest for crops in windows(raw).values() for digest in crops.values()}
    for trial in begin(client):
        left, right = (client.get(trial["images"][side]) for side in ("left", "right"))
        assert (left.mimetype, len(left.data)) == (right.mimetype, len(right.data))
        assert {pixels_sha256(pixels(answer.data)) for answer in (left, right)} <= known
    app.extensions["study"].database.close()


# `shift-study serve` whose compression, by way of named pipes, says after its first image what process it is, then
# waits until it may go on, and says when it has ended.
_SERVER = """
import os, sys
from contextlib import closing
from pathlib import Path
import shift_study
from study_server.stimuli.sent_images import SentImages

begun, on, ended = (Path(sys.argv[1]) / name for name in ("begun", "on", "ended"))
filling = SentImages.filling

def held(images):
    with closing(filling(images)) as compressing:
        yield next(compressing)
        begun.write_text(f"{os.getpid()} {os.nice(0)}")
        on.read_text()
        yield from compressing
    ended.write_text("ended")

SentImages.filling = held
shift_study.main(["serve", *sys.argv[2:]])
"""


@dataclass
class HeldServer:
    """A server whose compression waits."""

    process: subprocess.Popen[str]
    url: str
    pipes: Path

    def hear(self, pipe: str) -> str:
        """Wait until something is said into a pipe."""
        return (self.pipes / pipe).read_text()

    def go_on(self) -> None:
        (self.pipes / "on").write_text("on")


@contextmanager
def held_server(folder: StudyFolder) -> Iterator[HeldServer]:
    pipes = folder.path.parent
    for name in ("begun", "on", "ended"):
        os.mkfifo(pipes / name)
    command = [sys.executable, "-c", _SERVER, pipes, "--port", str(free_port()), "--workers", "1", folder.path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            said = ""
            while "Stop with" not in said and (line := process.stdout.readline()):  # type: ignore[union-attr]
                said += line
            found = re.search(r"Take part at (\S+)/\n", said)
            assert found, said
            yield HeldServer(process, found.group(1), pipes)
        finally:
            process.terminate()


@pytest.mark.slow
def test_the_first_page_stands_while_images_are_compressed_in_a_process_that_yields(
    raw: StudyFolder, filled: StudyFolder
) -> None:
    right = filled.sent_images.read(filled.practice_path / filled.practice_trials[0].row.files["shifted"])
    with held_server(raw) as server:
        process, niceness = map(int, server.hear("begun").split())
        assert (process != server.process.pid, niceness) == (True, 19)
        assert requests.get(server.url, timeout=30).status_code == 200
        meanwhile = requests.get(f"{server.url}/practice-images/1/right", timeout=30)
        assert (meanwhile.content, meanwhile.headers["Content-Type"]) == right
        server.go_on()
        assert server.hear("ended") == "ended"
        assert cache(raw) == cache(filled)
        assert requests.get(f"{server.url}/practice-images/1/right", timeout=30).content == meanwhile.content


@pytest.mark.slow
@pytest.mark.parametrize("way", ["terminate", "kill"])
def test_compression_ends_with_its_server(raw: StudyFolder, way: str) -> None:
    with held_server(raw) as server:
        server.hear("begun")
        if way == "kill":
            server.process.kill()
            server.process.wait()
            server.go_on()  # and sees that the server is gone
        else:
            server.process.terminate()
        # Until no process of the server can say anything any more; one that got to the end would wait for us.
        server.process.communicate(timeout=60)
        assert all(name.endswith(".webp") for name in cache(raw))


@pytest.mark.slow
def test_a_server_that_can_keep_no_compressed_images_says_so_and_sends_png(raw: StudyFolder) -> None:
    (raw.path / COMPRESSED).write_text("in the way")
    command = [sys.executable, "-m", "shift_study", "serve", raw.path, "--port", str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = process.stderr.readline()  # type: ignore[union-attr]
            assert "compressed images cannot be kept in" in said
            assert "Images are sent as PNG, which takes longer." in said
            url = re.search(r"Take part at (\S+)/\n", process.stdout.readline())  # type: ignore[union-attr]
            assert url
            sent = requests.get(f"{url.group(1)}/practice-images/1/left", timeout=30)
            assert (sent.status_code, sent.headers["Content-Type"]) == (200, PNG)
        finally:
            process.terminate()
