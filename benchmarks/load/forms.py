"""The form that a person would fill in on a page, read from its HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

_ASIDE = ("withdraw", "decline", "language", "logout")


@dataclass
class Form:
    """Address, hidden fields, and the fields to choose in: name → values (none: free text)."""

    action: str
    hidden: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)

    def fill(self, choose: Callable[[Sequence[str]], str]) -> dict[str, str]:
        """The fields to send: one of the values of each; free texts stay empty."""
        return self.hidden | {name: choose(values) if values else "" for name, values in self.choices.items()}


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = a.get("method", "get").lower() == "post"
            if self.inside:
                self.forms.append(Form(a.get("action", "")))
        elif self.inside and tag == "input" and "name" in a:
            kind, name = a.get("type", "text"), a["name"]
            if kind == "hidden":
                self.forms[-1].hidden[name] = a.get("value", "")
            elif kind in ("radio", "checkbox"):
                self.forms[-1].choices.setdefault(name, []).append(a.get("value", "on"))
            elif kind not in ("submit", "button"):
                self.forms[-1].choices.setdefault(name, [])

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "form"


def form_to_go_on(page: str) -> Form | None:
    """The first form of the page that leads on, not aside (withdrawing, another language)."""
    parser = _Forms()
    parser.feed(page)
    return next((form for form in parser.forms if not any(word in form.action for word in _ASIDE)), None)


def attribute(page: str, name: str) -> str | None:
    """Value of the first attribute of this name in a page."""
    found: list[str] = []

    class _Attribute(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(value or "" for key, value in attrs if key == name)

    _Attribute().feed(page)
    return found[0] if found else None
