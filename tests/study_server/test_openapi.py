"""The OpenAPI document is true: schemathesis, driven by it, finds nothing wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from requests_of_a_participant import ANSWER, begin, database, receipts_of
from study_server.export.responses import response_rows
from study_server.folder.study_folder import StudyFolder
from study_server.web.app import create_app

if TYPE_CHECKING:
    import schemathesis

SCREEN = {
    "screen_width": 1920, "screen_height": 1080, "device_pixel_ratio": 1.5, "color_depth": 24, "touch_points": 0,
    "language": "en-GB",
}  # fmt: skip

OPERATIONS = [
    ("/api/trials", "GET"), ("/api/visits", "POST"), ("/api/trials/{trial}/response", "PUT"),
    ("/api/practice", "GET"), ("/api/practice/{number}/response", "PUT"),
]  # fmt: skip


def test_every_operation_of_the_interface_is_described(app: Flask, client: FlaskClient) -> None:
    document = client.get("/api/openapi.json").json
    described = {(path, method.upper()) for path, item in document["paths"].items() for method in item}
    assert described == set(OPERATIONS)
    served = {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/")}
    assert len(served) == len(described) + 1  # and the document itself
    answer = document["components"]["schemas"]["Answer"]
    assert answer["additionalProperties"] is False
    assert answer["properties"]["reaction_time_ms"]["maximum"] == 1e9
    assert answer["properties"]["response"]["enum"] == ["same", "different"]  # those of the study's task


@pytest.fixture
def unlimited(study: StudyFolder) -> Iterator[Flask]:
    """The study without limits on requests: here one participant sends thousands."""
    found = study.settings
    study.__dict__["settings"] = replace(found, server=replace(found.server, requests_per_minute=0))
    app = create_app(study)
    app.config["TESTING"] = False
    yield app
    database(app).close()


@pytest.mark.slow
@pytest.mark.parametrize("cases", ["positive", "negative"])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_schemathesis_finds_nothing(unlimited: Flask, study: StudyFolder, path: str, method: str, cases: str) -> None:
    import schemathesis  # it takes longer to load than the fast tests here take
    from schemathesis import GenerationMode
    from schemathesis.core.parameters import ParameterLocation

    mode = GenerationMode(cases)
    client = unlimited.test_client()
    trials = [trial["id"] for trial in begin(client)]
    cookies = {"shift_study_study": client.get_cookie("shift_study_study").value}
    operation = schemathesis.openapi.from_wsgi("/api/openapi.json", unlimited)[path][method]
    statuses: Counter[int] = Counter()

    # What only reads has nothing to send but its cookie.
    @settings(max_examples=20 if method == "GET" else 100, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode), trial=st.sampled_from([None, *trials]))
    def check(case: schemathesis.Case, trial: str | None) -> None:
        parts = case.meta.components
        wrong = {where for where, part in parts.items() if part.mode is GenerationMode.NEGATIVE}
        # What schemathesis has made wrong stays wrong; the rest is a signed-in participant and, often, a real trial.
        if trial is not None and "trial" in (case.path_parameters or {}) and ParameterLocation.PATH not in wrong:
            case.path_parameters = {"trial": trial}
            if mode is GenerationMode.POSITIVE:
                case.body |= receipts_of(unlimited, trial)  # no generator makes signatures
        if mode is GenerationMode.POSITIVE or ParameterLocation.BODY in wrong:
            case.cookies = cookies
        statuses[case.call_and_validate().status_code] += 1

    try:
        check()
    except Unsatisfiable:
        assert (mode, method) == (GenerationMode.NEGATIVE, "GET")  # a request without any part has nothing to get wrong
        return
    assert max(statuses) < 500
    good = {200, 201} & set(statuses)
    assert bool(good) == (mode is GenerationMode.POSITIVE), statuses
    if mode is GenerationMode.NEGATIVE:
        assert not response_rows(str(study.path))
    assert client.get("/api/trials").status_code == 200


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_nothing_is_told_to_somebody_who_has_not_consented(app: Flask, path: str, method: str) -> None:
    trial = begin(app.test_client())[0]["id"]
    body = {"response": "same"} if "practice" in path else ANSWER if "trial}" in path else SCREEN
    for stranger in (app.test_client(), app.test_client()):
        stranger.set_cookie("shift_study_study", "eyJwYXJ0aWNpcGFudCI6IngifQ.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb")
        address = path.replace("{trial}", trial).replace("{number}", "1")
        refused = stranger.open(address, method=method, json=body if method != "GET" else None)
        assert refused.status_code == 403
        assert set(refused.json) == {"error"}
