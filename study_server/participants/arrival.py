"""From where a participant comes: what the platform that sent them says in the link."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Platform = Literal["open", "prolific", "mturk", "sona", "link"]


@dataclass(frozen=True)
class Arrival:
    """A platform, and its ids of the person, of the study there and of this participation."""

    platform: Platform = "open"
    person: str | None = None
    project: str | None = None
    session: str | None = None
    submit_to: str | None = None
    is_proved: bool = False
    """Whether the platform has signed who it is; otherwise an id in a link names somebody, and proves nothing."""

    @property
    def is_preview(self) -> bool:
        """Whether somebody only looks at what the study would be, as MTurk lets workers do."""
        return self.platform == "mturk" and self.session is None

    def to_json(self) -> dict[str, Any]:
        """What is kept in the signed cookie between the first page and the consent."""
        return {name: value for name, value in asdict(self).items() if value not in (None, False)}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Arrival:
        """The arrival that `to_json` wrote."""
        return cls(**fields)
