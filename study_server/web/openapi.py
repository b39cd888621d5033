"""The OpenAPI document of the JSON interface, made from the views and the messages that they name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, TypeVar

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from study_server.web.messages import ErrorMessage

_View = TypeVar("_View", bound=Callable[..., object])
_MARK = "shift_study_operation"

_REFUSALS = {
    400: "The request is malformed; the message names the field.",
    403: "Nobody is signed in, or the trial is somebody else's.",
    404: "There is no such thing.",
    409: "Not in the present state: answered already, or not at the trials.",
    413: "The request is too large.",
    429: "Too many requests: come again after the seconds in Retry-After.",
    503: "The answer cannot be stored at the moment: send it again.",
}


@dataclass(frozen=True)
class _Operation:
    reply: type[BaseModel]
    body: type[BaseModel] | None
    status: int


def operation(
    *, reply: type[BaseModel], body: type[BaseModel] | None = None, status: int = 200
) -> Callable[[_View], _View]:
    """Mark a view as an operation of the JSON interface, with the messages that it takes and gives."""

    def mark(view: _View) -> _View:
        setattr(view, _MARK, _Operation(reply, body, status))
        return view

    return mark


def document(app: Flask) -> dict[str, Any]:
    """The OpenAPI 3.1 document of all marked views."""
    views = [
        (rule, view, getattr(view, _MARK))
        for rule in app.url_map.iter_rules()
        if hasattr(view := app.view_functions[rule.endpoint], _MARK)
    ]
    models = {model for _, _, op in views for model in (op.reply, op.body) if model} | {ErrorMessage}
    _, schemas = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    _name_answers(schemas["$defs"], app.extensions["study"].task.answers)
    paths: dict[str, dict[str, Any]] = {}
    for rule, view, op in views:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        paths.setdefault(path, {})[method.lower()] = {
            "operationId": rule.endpoint.partition(".")[2],
            "summary": (view.__doc__ or "").partition("\n")[0],
            "parameters": [_parameter(rule.rule, name) for name in sorted(rule.arguments)],
            "responses": {str(op.status): _content("Done.", op.reply)}
            | {str(status): _content(text, ErrorMessage) for status, text in _REFUSALS.items()},
            **({"requestBody": {"required": True, **_body(op.body)}} if op.body else {}),
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Shift Study: the trial page's interface",
            "version": version("shift-study"),
            "description": "A participant is known by the signed cookie that the first page and the consent set.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "participant": {"type": "apiKey", "in": "cookie", "name": app.config["SESSION_COOKIE_NAME"]}
            },
        },
        "security": [{"participant": []}],
    }


def _name_answers(schemas: dict[str, Any], answers: Sequence[str]) -> None:
    """The answers are the task's, which the messages do not know."""
    for schema in schemas.values():
        if "response" in schema["properties"]:
            schema["properties"]["response"]["enum"] = list(answers)
        if "truth" in schema["properties"]:
            schema["properties"]["truth"]["enum"] = [*answers, None]


def _parameter(rule: str, name: str) -> dict[str, Any]:
    whole = f"<int:{name}>" in rule
    schema = {"type": "integer", "minimum": 0} if whole else {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _content(description: str, model: type[BaseModel]) -> dict[str, Any]:
    return {"description": description, **_body(model)}


def _body(model: type[BaseModel]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}}
