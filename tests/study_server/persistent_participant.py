"""Participants at a real server who repeat every request until it is acknowledged, as the trial page does."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from requests_of_a_participant import ANSWER
from study_server.participants.receipts import HEADER

_TRIES = 3000
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


class PersistentParticipant:
    """One browser. `addresses` are the servers of the study; each request goes to the next of them."""

    def __init__(self, *addresses: str, on_unavailable: Callable[[], None] = lambda: None) -> None:
        self._addresses = list(addresses)
        self._on_unavailable = on_unavailable
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Accept"] = "text/html, application/json"
        self._images: dict[str, dict[str, str]] = {}
        self._receipts: dict[str, dict[str, str]] = {}
        self.repeated = 0
        """Requests that had to be sent again."""

    def __enter__(self) -> PersistentParticipant:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the browser's connections."""
        self._session.close()

    def begin(self) -> list[str]:
        """Consent, skip instructions and practice; the names of the trials that are left."""
        self.consent()
        for path in ("/instructions", "/practice"):
            self.ask("POST", path)
        trials = self.ask("GET", "/api/trials").json()["trials"]
        self._images = {trial["id"]: trial["images"] for trial in trials}
        return list(self._images)

    def consent(self) -> requests.Response:
        """Open the first page and consent; the page after that."""
        form = _CSRF.search(self.ask("GET", "/").text)
        if form:
            self._session.headers["X-CSRFToken"] = form.group(1)
        return self.ask("POST", "/consent")

    def answer(self, trial: str) -> str:
        """Ask for the images of a trial and answer it; the idempotency key of the answer that was acknowledged."""
        path, body = self._answer_to(trial)
        self.ask("PUT", path, body)
        key: str = body["idempotency_key"]
        return key

    def try_to_answer(self, trial: str) -> requests.Response:
        """Send an answer once; what the server says."""
        path, body = self._answer_to(trial)
        return self._session.put(self._addresses[0] + path, json=body, timeout=60)

    def look_at(self, trial: str) -> None:
        """Ask for the images of a trial, unless that has been done."""
        if trial not in self._receipts:
            images = self._images[trial].items()
            self._receipts[trial] = {place: self.ask("GET", path).headers[HEADER] for place, path in images}

    def _answer_to(self, trial: str) -> tuple[str, dict[str, Any]]:
        self.look_at(trial)
        key = {"idempotency_key": f"key-of-{trial}".replace("_", "x")}
        return f"/api/trials/{trial}/response", ANSWER | key | {"sent": self._receipts[trial]}

    def take_part(self, on_acknowledged: Callable[[str], None]) -> None:
        """From consent to the completion code; `on_acknowledged` hears the idempotency key of each answer."""
        for trial in self.begin():
            on_acknowledged(self.answer(trial))
        self.ask("POST", "/questions")
        assert 'id="completion-code"' in self.ask("GET", "/thanks").text

    def ask(self, method: str, path: str, body: object = None) -> requests.Response:
        """One request, repeated while nobody answers or the server cannot; anything else that is no success fails."""
        for attempt in range(_TRIES):
            address = self._addresses[0]
            self._addresses = [*self._addresses[1:], address]
            if attempt:
                self.repeated += 1
                time.sleep(0.1)
            try:
                answer = self._session.request(method, address + path, json=body, timeout=60)
            except requests.RequestException:
                continue
            if answer.status_code < 400:
                return answer
            assert answer.status_code == 503, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
            assert int(answer.headers["Retry-After"]) > 0
            self._on_unavailable()
        raise AssertionError(f"{method} {path} was never acknowledged")


class Load:
    """Participants who take part one after the other, several at once, until it is enough.

    with Load(url) as load: …    They finish what they have begun at the end.
    """

    def __init__(self, url: str, *, at_once: int = 8) -> None:
        self.url, self.at_once = url, at_once
        self.acknowledged: set[str] = set()
        """Idempotency keys."""
        self.repeated = self.unavailable = self.participants = 0
        self._enough = False
        self._changed = threading.Condition()

    def __enter__(self) -> Load:
        self._pool = ThreadPoolExecutor(self.at_once)
        self._work = [self._pool.submit(self._take_part_again_and_again) for _ in range(self.at_once)]
        return self

    def __exit__(self, *_: object) -> None:
        self._enough = True
        with self._pool:
            for task in self._work:
                task.result()

    def wait_for(self, more: int) -> set[str]:
        """Wait until so many more answers have been acknowledged; all that have been."""
        with self._changed:
            goal = len(self.acknowledged) + more
            self._wait(lambda: len(self.acknowledged) >= goal)
            return set(self.acknowledged)

    def wait_until_unavailable(self) -> None:
        """Wait until the server answers 503 to somebody else than before."""
        with self._changed:
            before = self.unavailable
            self._wait(lambda: self.unavailable > before)

    def _wait(self, until: Callable[[], bool]) -> None:
        while not self._changed.wait_for(until, timeout=5):
            for task in self._work:
                if task.done():
                    task.result()  # raises what has ended it

    def _take_part_again_and_again(self) -> None:
        while not self._enough:
            with PersistentParticipant(self.url, on_unavailable=self._on_unavailable) as participant:
                participant.take_part(self._on_acknowledged)
            with self._changed:
                self.repeated += participant.repeated
                self.participants += 1

    def _on_acknowledged(self, key: str) -> None:
        with self._changed:
            assert key not in self.acknowledged
            self.acknowledged.add(key)
            self._changed.notify_all()

    def _on_unavailable(self) -> None:
        with self._changed:
            self.unavailable += 1
            self._changed.notify_all()
