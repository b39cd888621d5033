"""A participant at a real server who repeats every request until it is acknowledged, as the trial page does."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import requests

from requests_of_a_participant import ANSWER

_TRIES = 1500
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


class PersistentParticipant:
    """One browser. `addresses` are the servers of the study; each request goes to the next of them."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = list(addresses)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Accept"] = "text/html, application/json"
        self.repeated = 0
        """Requests that had to be sent again."""
        self.unavailable = 0
        """How many of them were answered 503."""

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
        return [trial["id"] for trial in self.ask("GET", "/api/trials").json()["trials"]]

    def consent(self) -> requests.Response:
        """Open the first page and consent; the page after that."""
        form = _CSRF.search(self.ask("GET", "/").text)
        if form:
            self._session.headers["X-CSRFToken"] = form.group(1)
        return self.ask("POST", "/consent")

    def answer(self, trial: str) -> str:
        """Answer a trial; the idempotency key of the answer that was acknowledged."""
        key = f"key-of-{trial}".replace("_", "x")
        self.ask("PUT", f"/api/trials/{trial}/response", ANSWER | {"idempotency_key": key})
        return key

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
            self.unavailable += 1
        raise AssertionError(f"{method} {path} was never acknowledged")
