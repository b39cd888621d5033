"""What `shift-study metrics FILE.safetensors` says beside what it says of every metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metric.learned.trained_record import TrainedRecord

_FIRST = ("loss", "schedule", "data", "computing")
"""Parts of a configuration that have a line of their own, in this order; others follow."""


def trained_json(record: TrainedRecord, path: Path) -> dict[str, Any]:
    """All that the file says, and its SHA-256."""
    return {
        **record.about,
        "variant": asdict(record.variant),
        "parameters": record.parameters,
        "sha256": sha256(path.read_bytes()).hexdigest(),
    }


def trained_rows(found: Mapping[str, Any], network: str) -> list[tuple[str, str]]:
    """The same as rows of a sheet: what it is, and in words.

    Args:
        found: as of `trained_json`.
        network: the network in words.
    """
    configuration, data = found["configuration"], found["data"]
    part = configuration.get("network")
    trunk = part.get("trunk") if isinstance(part, dict) else None
    rows = [
        ("network", network),
        ("parameters", f"{found['parameters']:,}"),
        ("trunk", _say(trunk)),
        ("trained on", data["origin"]),
        ("", f"{_say(data.get('triplets'))} triplets; votes: {data['votes']}"),
        ("", f"SHA-256 {_say(data.get('sha256'))}"),
    ]
    names = [*(name for name in _FIRST if name in configuration), *sorted({*configuration} - {*_FIRST, "network"})]
    rows += [(_TITLES.get(name, name), _say(configuration[name])) for name in names]
    said = {"variant", "parameters", "sha256", "configuration", "data"}
    rows += [(name, _say(found[name])) for name in sorted({*found} - said)]
    rows.append(("the file", f"SHA-256 {found['sha256']}"))
    return rows


_TITLES = {"data": "images"}


def _say(value: Any) -> str:
    """A value in words; what is not there is not said.

    >>> _say({"kind": "ranking", "betas": [0.5, 0.999], "compile": False, "steps": 12000})
    'kind ranking, betas 0.5 0.999, compile no, steps 12,000'
    """
    if value is None:
        return "not said"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_say(item)}" for name, item in value.items()) or "none"
    if isinstance(value, list):
        return " ".join(map(_say, value)) or "all"
    return str(value)
