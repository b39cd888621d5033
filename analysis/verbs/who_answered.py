"""Whether people answered or simulated observers, said by every verb that reads responses, in this one place.

It stands below what a verb prints, in its JSON and on its figure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from analysis.columns.rule_columns import Responses
    from analysis.columns.simulated import WhoAnswered

_KEY = "analysis.who_answered"
_JSON = ("as_json", "json_")


@dataclass(frozen=True)
class _Said:
    who: WhoAnswered
    err: bool


def note_who_answered(responses: Responses, *, err: bool = False) -> None:
    """Have the verb that runs say whose responses these are; err: on stderr, as the verb says all else."""
    from analysis.columns.simulated import WhoAnswered

    click.get_current_context().meta[_KEY] = _Said(WhoAnswered.of(responses), err)


def label() -> str:
    """What a figure of the verb that runs carries; empty where people answered."""
    said = _said(click.get_current_context())
    return "" if said is None else said.who.label


def print_json(document: Mapping[str, Any], *, ensure_ascii: bool = True) -> None:
    """A verb's figures as JSON; `simulated` says of how many of its responses simulated observers are the source."""
    said = _said(click.get_current_context())
    simulated = {} if said is None else {"simulated": said.who.to_json()}
    click.echo(json.dumps({**document, **simulated}, indent=2, ensure_ascii=ensure_ascii))


class Verb(click.Command):
    """A verb that says below its figures who answered, where that is not people alone."""

    def invoke(self, ctx: click.Context) -> Any:
        result = super().invoke(ctx)
        said = _said(ctx)
        if said is not None and said.who.sentence and not any(ctx.params.get(name) for name in _JSON):
            # CSV stays what programs read; in LaTeX it is a comment, which goes where the table goes.
            comment = "% " if ctx.params.get("latex_") else ""
            click.echo(comment + said.who.sentence, err=said.err or bool(ctx.params.get("csv_")))
        return result


def _said(ctx: click.Context) -> _Said | None:
    found: _Said | None = ctx.meta.get(_KEY)
    return found
