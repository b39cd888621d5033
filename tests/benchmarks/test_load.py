"""The load benchmark parses what servers say, and counts right."""

from __future__ import annotations

import json
import random
from functools import partial

import pytest
from flask.testing import FlaskClient

from benchmarks import server_speed as server
from benchmarks.load import subjects
from benchmarks.load.arrivals import poisson_starts
from benchmarks.load.bare_flask import REPLY, app
from benchmarks.load.driver import Outcome
from benchmarks.load.forms import form_to_go_on
from benchmarks.load.http import Browser, Reply, ReplyParser
from benchmarks.load.measured import Measured, figure_round, percentile, ratios
from benchmarks.load.participant import ANSWER
from requests_of_a_participant import answer, begin
from study_server.folder.new import make_study


@pytest.mark.parametrize(
    ("sent", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
        (b"HTTP/1.1 204 No Content\r\nserver: x\r\n\r\n", 204, b""),
        (b"HTTP/1.1 307 T\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 307, b"abcde"),
        (b"HTTP/1.1 302 F\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 302, b""),
    ],
)
def test_replies_are_put_together_however_they_arrive(sent: bytes, status: int, body: bytes) -> None:
    for step in (1, 7, len(sent)):
        parser = ReplyParser()
        replies = [parser.feed(sent[at : at + step]) for at in range(0, len(sent), step)]
        assert replies[:-1] == [None] * (len(replies) - 1)
        assert replies[-1] is not None
        assert (replies[-1].status, replies[-1].body) == (status, body)
        assert parser.is_empty


def test_browser_keeps_cookies_and_sends_them() -> None:
    browser = Browser("127.0.0.1", 8000)
    browser.note(Reply(200, b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=x=y; HttpOnly", b""))
    assert b"\r\nCookie: a=1; b=x=y\r\n" in browser.request("GET", "http://127.0.0.1:8000/there?q=1")
    assert browser.request("GET", "http://127.0.0.1:8000/there?q=1").startswith(b"GET /there?q=1 HTTP/1.1\r\n")


def test_form_that_leads_on() -> None:
    form = form_to_go_on(
        '<form method="post" action="/withdraw"><input type="hidden" name="csrf_token" value="no"></form>'
        '<form method="post" action="/questions"><input type="hidden" name="csrf_token" value="t&amp;1">'
        '<input type="radio" name="age" value="20"><input type="radio" name="age" value="30">'
        '<input type="text" name="remark"><button type="submit">Finish</button></form>'
    )
    assert form is not None
    assert form.action == "/questions"
    assert form.fill(lambda values: values[-1]) == {"csrf_token": "t&1", "age": "30", "remark": ""}


def test_percentiles_and_rates() -> None:
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile(range(1, 101), 0.99) == 99
    outcome = Outcome(seconds=2.0, latencies_s={"answer": [0.01, 0.03]})
    outcome.in_window["answer"], outcome.acknowledged["answer"] = 10, 12
    figures = figure_round(outcome, "answer", server_cpu_s=0.006)
    assert (figures.per_s, figures.p50_ms, figures.p99_ms) == (5.0, 10.0, 30.0)
    assert figures.server_cpu_us == pytest.approx(500)


def test_ratios_are_of_the_same_round() -> None:
    def rounds(name: str, *rates: float) -> Measured:
        outcomes = [Outcome(seconds=1.0) for _ in rates]
        for outcome, rate in zip(outcomes, rates, strict=True):
            outcome.in_window["answer"] = int(rate)
        return Measured(name, "answer", 1, [figure_round(one, "answer", 0.0) for one in outcomes])

    # The machine slows down from round to round: within each, one half.
    assert ratios([rounds("sqlite", 100, 50, 10), rounds("bare_flask", 200, 100, 20)]) == {"ratio_bare_flask": 0.5}


def test_arrivals_come_at_the_rate() -> None:
    starts = poisson_starts(5000, 20.0, random.Random(1))
    assert starts == sorted(starts)
    assert starts[-1] == pytest.approx(250, rel=0.05)


def test_bare_route_takes_and_gives_what_ours_does(client: FlaskClient) -> None:
    trial = begin(client)[0]["id"]
    sent = {name: value for name, value in ANSWER.items() if name != "response"}
    ours = answer(client, trial, **sent)
    bare = app.test_client().put(f"/api/trials/{trial}/response", json=ANSWER)
    assert ours.status_code == bare.status_code == 200
    assert ours.json.keys() == bare.json.keys() == REPLY.keys()
    assert abs(len(ours.data) - len(bare.data)) <= 3  # digits of the count


@pytest.fixture
def tiny_study(monkeypatch: pytest.MonkeyPatch) -> None:
    """The study that is served has ten trials, a fifth of the benchmark's."""
    monkeypatch.setattr(subjects, "make_study", partial(make_study, count=10))


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_study")
def test_a_tiny_run_counts_every_answer(capsys: pytest.CaptureFixture[str]) -> None:
    server.main(
        ["--only", "sqlite", "--only", "bare_flask", "--participants", "3", "--rounds", "2", "--seconds", "0.3",
         "--think-time", "0.02", "--quick", "--json"]
    )  # fmt: skip
    figures = json.loads(capsys.readouterr().out)
    assert figures["problems"] == []
    ours = figures["sqlite"]
    assert ours["acknowledged"] == ours["stored"] > 0
    assert ours["errors"] == figures["bare_flask"]["errors"] == {}
    assert ours["enrolment"]["participants"] % 3 == 0


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_study")
def test_whole_participations_finish(capsys: pytest.CaptureFixture[str]) -> None:
    server.main(["--arrivals", "--participants", "3", "--rate", "20", "--think-time", "0", "--json"])
    figures = json.loads(capsys.readouterr().out)
    assert (figures["finished"], figures["errors"], figures["problems"]) == (3, {}, [])
    assert figures["answers"] == figures["stored"] == 30
    assert figures["peak_in_flight"] <= 3
