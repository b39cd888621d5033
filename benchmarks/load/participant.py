"""How a participant talks to our server, from the consent form to the completion code."""

from __future__ import annotations

import json
import random
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.load.driver import Ask, Failed, Script
from benchmarks.load.forms import attribute, form_to_go_on
from benchmarks.load.http import Browser, Reply
from study_server.participants.receipts import receipt

SIMULATION_HEADER = "X-Shift-Study-Simulation"
SCREEN: dict[str, Any] = {
    "refresh_rate_hz": 60.0, "screen_width": 1920, "screen_height": 1080, "device_pixel_ratio": 1.25,
    "color_depth": 24, "touch_points": 0, "language": "en",
}  # fmt: skip
ANSWER: dict[str, Any] = {
    "response": "same", "reaction_time_ms": 812.5, "device_pixel_ratio": 1.25, "pixel_scale": 1,
    "viewport_width": 1280, "viewport_height": 720, "hidden": False, "exactness": "reported", "page_altered": False,
    "window_changes": 0, "refresh_rate_hz": 60.0,
    "sent_after_ms": 3.5,
}  # fmt: skip


@dataclass(frozen=True)
class Site:
    """A served study."""

    host: str
    port: int
    simulation_key: str
    secret_key: str
    """Signs the receipts that answers bring back, so that the images need not be asked for."""

    def browser(self) -> Browser:
        """A new observer's browser."""
        return Browser(self.host, self.port, {SIMULATION_HEADER: self.simulation_key})


@dataclass(frozen=True)
class Enrolled:
    """A participant who is at the trials: the cookies they send, and what their answers need."""

    cookies: dict[str, str]
    trials_path: str
    trials: list[dict[str, Any]]
    visit: int


@dataclass(frozen=True)
class Habits:
    """How a participant behaves. think_s: median of the pause before each answer and each page; 0: none."""

    think_s: float = 0.0
    images: bool = False
    """Whether both images of a trial are fetched before it is answered."""

    def pause(self, rng: random.Random) -> float:
        """Seconds of thinking, log-normal (sigma 0.4, as reaction times have it)."""
        return self.think_s * rng.lognormvariate(0, 0.4)


def _visit(browser: Browser, path: str, kind: str = "page") -> Generator[Ask, Reply, Reply]:
    """The page at `path`, redirects followed."""
    return (yield from _follow(browser, kind, browser.request("GET", path)))


def _follow(browser: Browser, kind: str, request: bytes) -> Generator[Ask, Reply, Reply]:
    for _ in range(6):
        reply = yield Ask(kind, request)
        browser.note(reply)
        if reply.status >= 400:
            raise Failed(f"was refused: {reply.text[:200]}")
        location = reply.header("location")
        if reply.status not in (301, 302, 303, 307, 308) or location is None:
            return reply
        request = browser.request("GET", location)
    raise Failed("was redirected in a circle")


def _json(browser: Browser, kind: str, method: str, path: str, body: Any = None) -> Generator[Ask, Reply, Any]:
    content = None if body is None else json.dumps(body, separators=(",", ":")).encode()
    reply = yield Ask(kind, browser.request(method, path, content, "application/json" if content else ""))
    browser.note(reply)
    if reply.status >= 400:
        raise Failed(f"{kind} was refused: {reply.text[:200]}")
    return json.loads(reply.body)


def _to_the_trials(browser: Browser, rng: random.Random, habits: Habits) -> Script:
    """From the first page to the trial page; the page's HTML."""
    page = (yield from _visit(browser, "/")).text
    while True:
        trials = attribute(page, "data-trials")
        if trials is not None and "practice" not in trials:
            return page
        page = yield from _go_on(browser, page, rng, habits)


def _go_on(browser: Browser, page: str, rng: random.Random, habits: Habits) -> Script:
    """Fill in the page's form; the next page."""
    form = form_to_go_on(page)
    if form is None:
        raise Failed(f"came to a page that leads nowhere: {page[:200]}")
    if habits.think_s:
        yield habits.pause(rng)
    return (yield from _follow(browser, "page", browser.form(form.action, form.fill(rng.choice)))).text


def _sit_down(browser: Browser, page: str) -> Script:
    """What the trial page's script does first: tell of the device, ask for the trials."""
    path = attribute(page, "data-trials")
    assert path is not None
    found = yield from _json(browser, "trials", "GET", path)
    begun = yield from _json(browser, "visit", "POST", f"{path.rpartition('/')[0]}/visits", SCREEN)
    return Enrolled(dict(browser.cookies), path, found["trials"], begun["visit"])


def _answer(site: Site, enrolled: Enrolled, trial: dict[str, Any], rng: random.Random) -> tuple[str, dict[str, Any]]:
    """Where the answer to a trial is put, and the answer."""
    body = ANSWER | {"visit": enrolled.visit, "idempotency_key": f"{rng.getrandbits(128):032x}"}
    now = datetime.now(UTC)
    images = trial["images"].items()
    body |= {"sent": {place: receipt(site.secret_key, path.rpartition("/")[2], now) for place, path in images}}
    return f"{enrolled.trials_path}/{trial['id']}/response", body


def _look(browser: Browser, trial: dict[str, Any]) -> Script:
    for path in trial["images"].values():
        if (yield Ask("image", browser.request("GET", path))).status >= 400:
            raise Failed("was not given an image")


def _enrol(site: Site, seed: int) -> Script:
    browser = site.browser()
    page = yield from _to_the_trials(browser, random.Random(seed), Habits())
    return (yield from _sit_down(browser, page))


def _answer_all(site: Site, enrolled: Enrolled, seed: int, habits: Habits) -> Script:
    """All requests are built before the first is sent."""
    rng = random.Random(seed)
    browser = site.browser()
    browser.cookies = dict(enrolled.cookies)
    steps: list[Ask | float] = []
    for trial in enrolled.trials:
        if habits.images:
            steps += [Ask("image", browser.request("GET", path)) for path in trial["images"].values()]
        if habits.think_s:
            steps.append(habits.pause(rng))
        path, body = _answer(site, enrolled, trial, rng)
        content = json.dumps(body, separators=(",", ":")).encode()
        steps.append(Ask("answer", browser.request("PUT", path, content, "application/json")))
    return _take(steps)


def _take(steps: Sequence[Ask | float]) -> Script:
    for step in steps:  # noqa: UP028 - a list, to which `yield from` would pass the replies, takes none
        yield step


def _take_part(site: Site, seed: int, habits: Habits) -> Script:
    """One whole participation; the completion code."""
    rng = random.Random(seed)
    browser = site.browser()
    page = yield from _to_the_trials(browser, rng, habits)
    enrolled = yield from _sit_down(browser, page)
    outcome: dict[str, Any] = {}
    for trial in enrolled.trials:
        if habits.images:
            yield from _look(browser, trial)
        if habits.think_s:
            yield habits.pause(rng)
        path, body = _answer(site, enrolled, trial, rng)
        outcome = yield from _json(browser, "answer", "PUT", path, body)
    if not outcome.get("next"):
        raise Failed("answered every trial and was not led on")
    page = (yield from _visit(browser, outcome["next"])).text
    while 'id="completion-code"' not in page:
        page = yield from _go_on(browser, page, rng, habits)
    return True


def _to_the_form(site: Site, seed: int) -> Script:
    """The request by which a participant consents, who has the consent form before them."""
    browser = site.browser()
    page = (yield from _visit(browser, "/")).text
    form = form_to_go_on(page)
    if form is None:
        raise Failed(f"came to a page that leads nowhere: {page[:200]}")
    return browser.form(form.action, form.fill(random.Random(seed).choice))


def _consent(request: bytes) -> Script:
    reply = yield Ask("consent", request)
    if reply.status != 303 or not str(reply.header("location")).endswith("/instructions"):
        raise Failed(f"was not taken in: {reply.status} {reply.text[:200]}")
    return True


# What the driver's process is told to run: it makes the generators itself, since they cannot be sent there.


def enrolments(site: Site, seeds: Sequence[int]) -> list[Script]:
    """Participants who go to their trials and stay there; each gives an `Enrolled`."""
    return [_enrol(site, seed) for seed in seeds]


def forms(site: Site, seeds: Sequence[int]) -> list[Script]:
    """Participants who look at the consent form; each gives the request by which they would consent."""
    return [_to_the_form(site, seed) for seed in seeds]


def consents(requests: Sequence[bytes]) -> list[Script]:
    """Participants who consent."""
    return [_consent(request) for request in requests]


def answers(site: Site, enrolled: Sequence[Enrolled], seed: int, habits: Habits) -> list[Script]:
    """Participants who answer all the trials they have."""
    return [_answer_all(site, one, seed * 1_000_003 + n, habits) for n, one in enumerate(enrolled)]


def participations(site: Site, seeds: Sequence[int], habits: Habits) -> list[Script]:
    """Participants from the consent form to the completion code; each that finishes gives True."""
    return [_take_part(site, seed, habits) for seed in seeds]
