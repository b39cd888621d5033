"""How soon the first pair shows on a slow line, and how many bytes a whole visit takes.

    python -m benchmarks.first_trial
    python -m benchmarks.first_trial --trials 10 --visits 1 --json

A demo study is made and served here; a real headless Chromium visits it with an empty cache, its network throttled by
the browser itself (10 Mbit/s each way, 40 ms to the first byte of each reply). Times are the page's own clock: from
opening /trials, which includes the redirect to it, and from pressing Start, to the frame with the first pair. Start is
pressed as soon as it is there. Bytes are what came over the line, headers included, from the consent form to the
completion code.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from playwright.sync_api import CDPSession, Page
from sqlalchemy import create_engine, text

from metric.text_table import align
from study_server.folder import study_toml
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.web.background_server import running_server
from tests.browser import open_browser

_READY = "[data-answer=same]:enabled"
# A pair may be answered from the frame on that shows it: that is when the buttons are enabled.
_WATCH = """
const seen = window.seen = {start: null, pair: null};
document.addEventListener("click", (event) => {
  if (event.target.closest?.("#start-button")) seen.start = event.timeStamp;
}, true);
new MutationObserver(() => {
  if (seen.start !== null && document.querySelector("[data-answer=same]:enabled")) seen.pair ??= performance.now();
}).observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: ["disabled"]});
"""
_ANSWER_ALL = """
setInterval(() => { document.querySelector("[data-answer=same]:enabled")?.click(); }, 20);
"""


@dataclass(frozen=True)
class Visit:
    """One visit. `bytes_*` came over the line; `png_bytes` is the lossless size of every image shown."""

    from_opening_ms: float
    from_start_ms: float
    bytes_total: int
    bytes_images: int
    bytes_beyond_png: int
    """bytes_total less png_bytes: what pages, scripts, headers, answers cost, or what a better coding saved."""
    png_bytes: int
    requests: int


class _Line:
    """Throttles a page's network and counts what comes over it."""

    def __init__(self, page: Page, mbit_per_s: float, latency_ms: float) -> None:
        self.bytes: Counter[str] = Counter()
        self.requests = 0
        self._kinds: dict[str, str] = {}
        session: CDPSession = page.context.new_cdp_session(page)
        session.on("Network.responseReceived", self._on_response)
        session.on("Network.loadingFinished", self._on_finished)
        session.on("Network.loadingFailed", self._on_failed)
        session.send("Network.enable")
        rate = mbit_per_s * 1e6 / 8
        session.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": latency_ms, "downloadThroughput": rate, "uploadThroughput": rate},
        )

    def _on_response(self, event: dict) -> None:  # type: ignore[type-arg]
        self._kinds[event["requestId"]] = event["response"]["mimeType"].partition("/")[0]

    def _on_finished(self, event: dict) -> None:  # type: ignore[type-arg]
        self.requests += 1
        self.bytes[self._kinds.get(event["requestId"], "")] += int(event["encodedDataLength"])

    def _on_failed(self, event: dict) -> None:  # type: ignore[type-arg]
        if not event.get("canceled"):
            raise SystemExit(f"error: a request failed: {event['errorText']}")


def visit(study: StudyFolder, mbit_per_s: float, latency_ms: float) -> Visit:
    """A whole participation, the first in this study."""
    with running_server(study) as url, open_browser() as browser:
        page = browser.new_page()
        page.add_init_script(_WATCH)
        line = _Line(page, mbit_per_s, latency_ms)
        page.goto(url)
        _go_to_trials(page)
        page.click("#start-button")
        page.wait_for_selector(_READY)
        seen = page.evaluate("window.seen")
        page.evaluate(_ANSWER_ALL)
        page.wait_for_url(lambda address: not _is_trials(address), timeout=300_000)
        while not page.query_selector("#completion-code"):
            _submit(page)
        total = sum(line.bytes.values())
        png = png_bytes_shown(study)
        return Visit(
            from_opening_ms=seen["pair"],
            from_start_ms=seen["pair"] - seen["start"],
            bytes_total=total,
            bytes_images=line.bytes["image"],
            bytes_beyond_png=total - png,
            png_bytes=png,
            requests=line.requests,
        )


def _is_trials(address: str) -> bool:
    return urlsplit(address).path.endswith("/trials")


def _go_to_trials(page: Page) -> None:
    """Through whatever pages come before the trials."""
    while not _is_trials(page.url):
        page.wait_for_load_state()
        if page.query_selector("#start-button"):
            page.click("#start-button")
            while True:
                page.wait_for_selector(f"{_READY}, #next:visible, #leave:visible")
                if page.is_visible("#leave"):
                    break
                page.click("#next" if page.is_visible("#next") else _READY)
            with page.expect_navigation():
                page.click("#leave button")
        else:
            _submit(page)
    page.wait_for_selector("#start-button:visible")


def _submit(page: Page) -> None:
    """Send the form that leads on, as it is."""
    with page.expect_navigation():
        page.click("main form.actions [type=submit], main form [type=submit].primary")


def png_bytes_shown(study: StudyFolder) -> int:
    """Lossless size of all images that the only participant was shown: trials, practice, example."""
    engine = create_engine(study.database_url)
    with engine.connect() as connection:
        question = "SELECT stimulus.name FROM trial JOIN stimulus ON stimulus.id = trial.stimulus_id"
        names = connection.execute(text(question)).scalars().all()
        shown = [study.path / file for name in names for file in study.row(name).files.values()]
    engine.dispose()
    example = study.example
    for row in [*(trial.row for trial in study.practice_trials), *([example.row] if example else [])]:
        shown += [study.practice_path / file for file in row.files.values()]
    return sum(path.stat().st_size for path in shown)


def make_demo_study(path: Path, trials: int, size: int) -> StudyFolder:
    """The demo study with so many trials. Raises SystemExit where that cannot be."""
    folder = make_study(path, source="demo", size=size, name="first-trial").folder
    s = folder.settings
    if trials % (s.stimuli.max_shift + 1) or not 0 < trials <= s.stimuli.count:
        raise SystemExit(f"error: --trials must be a multiple of {s.stimuli.max_shift + 1} up to {s.stimuli.count}")
    per_shift = trials // (s.stimuli.max_shift + 1)
    study_toml.write_settings(replace(s, trials=replace(s.trials, per_shift=per_shift)), path / study_toml.FILE_NAME)
    return StudyFolder(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the figures of each visit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=50, metavar="N", help="of the visit (50)")
    parser.add_argument("--visits", type=int, default=3, metavar="N", help="each with an empty cache (3)")
    parser.add_argument("--size", type=int, default=256, metavar="PX", help="of a crop (256)")
    parser.add_argument("--mbit", type=float, default=10.0, metavar="M", help="Mbit/s of the line (10)")
    parser.add_argument("--latency", type=float, default=40.0, metavar="MS", help="of the line (40)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    visits = []
    with tempfile.TemporaryDirectory(prefix="shift-study-benchmark-") as home:
        made = make_demo_study(Path(home) / "study", options.trials, options.size)
        for number in range(options.visits):
            copy = Path(shutil.copytree(made.path, Path(home) / f"visit-{number}"))
            visits.append(visit(StudyFolder(copy), options.mbit, options.latency))
            shutil.rmtree(copy)
    figures = {
        "line": {"mbit_per_s": options.mbit, "latency_ms": options.latency},
        "trials": options.trials,
        "first_pair_from_opening_ms": round(median(one.from_opening_ms for one in visits), 1),
        "first_pair_from_start_ms": round(median(one.from_start_ms for one in visits), 1),
        "visits": [asdict(one) for one in visits],
    }
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    rows = [("first pair, from opening", "from Start", "visit, bytes", "images", "PNG", "beyond PNG", "requests")]
    for one in visits:
        rows.append(
            (
                f"{one.from_opening_ms:.0f} ms", f"{one.from_start_ms:.0f} ms", f"{one.bytes_total:,}",
                f"{one.bytes_images:,}", f"{one.png_bytes:,}", f"{one.bytes_beyond_png:+,}", str(one.requests),
            )
        )  # fmt: skip
    print(align(rows))


if __name__ == "__main__":
    main()
