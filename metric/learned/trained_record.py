"""What the file of a trained metric says of itself: which network it has, and how it was trained. Loads no torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self
from unicodedata import category

from metric.errors import MetricError
from metric.networks.configurations import describe_elements
from metric.networks.variant import Variant
from metric.registry.spec import MetricSpec
from metric.weights.needs import WeightsNeed
from metric.weights.safetensors_files import READER, SUFFIX, read_header

SCHEMA = "shift-study/trained-metric/1"
KEY = "shift-study"
"""Under which the file has it: one key, for of several safetensors keeps no order, and a file is to be reproducible."""

HUMAN = "human"
"""What a training set's `votes` are where people gave them."""


@dataclass(frozen=True)
class TrainedRecord:
    """What a file says beside its tensors.

    Attributes:
        variant: the network.
        smallest_px: least width and height of an image.
        parameters: how many numbers training could have changed.
        tensors_sha256: of the tensors, see `metric.learned.trained.digest`.
        about: how it was trained; `configuration` and `data`, with its `origin` and `votes`, are always there.
    """

    variant: Variant
    smallest_px: int
    parameters: int
    tensors_sha256: str
    about: Mapping[str, Any]

    def to_text(self) -> str:
        """JSON; the same for the same record. `ValueError` where a number is not finite."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, sort_keys=True, allow_nan=False)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The record of `to_text`.

        Raises:
            MetricError: what is wrong with it, in a sentence that begins with a small letter.
        """
        try:
            content = _plain(json.loads(text))
            schema = content["schema"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise MetricError("what it says of itself is damaged.") from error
        if schema != SCHEMA:
            raise MetricError(f'it is of the schema "{schema}", and this version reads {SCHEMA}.')
        try:
            record = cls(
                variant=_variant(content["variant"]),
                smallest_px=_number(content["smallest_px"]),
                parameters=_number(content["parameters"]),
                tensors_sha256=_typed(content["tensors_sha256"], str),
                about=_typed(content["about"], dict),
            )
            _typed(record.about["configuration"], dict)
            for name in ("origin", "votes"):
                _typed(_typed(record.about["data"], dict)[name], str)
        except MetricError as error:
            raise MetricError(f"its network cannot be built. {error}") from error
        except KeyError as error:
            raise MetricError(f"it does not say its {error.args[0]}.") from error
        except (ValueError, TypeError) as error:
            raise MetricError("what it says of itself is damaged.") from error
        return record

    @property
    def network(self) -> str:
        """The backbone, and its elements in brackets, if it has any.

        >>> TrainedRecord(Variant("alexnet", blur=3, padding=2), 35, 1, "", {}).network
        'alexnet (blur 3, pad 2, stride 2)'
        """
        elements = describe_elements(self.variant)
        return self.variant.backbone if elements == "none" else f"{self.variant.backbone} ({elements})"

    @property
    def votes(self) -> str:
        """Who or what judged its training set."""
        return str(self.about["data"]["votes"])

    @property
    def note(self) -> str:
        """A sentence where it was not people, or ""."""
        return "" if self.votes == HUMAN else f"Its training set was not judged by people (votes: {self.votes})."


def is_trained_file(name: str) -> bool:
    """Whether the name of a metric is that of a file of one.

    >>> is_trained_file("runs/a/metric.safetensors"), is_trained_file("lpips-alex")
    (True, False)
    """
    return name.endswith(SUFFIX)


def read_record(path: Path) -> TrainedRecord:
    """What a file says of itself; its tensors are not read.

    Raises:
        MetricError: where there is no file, it is no safetensors file, or one of something else than a trained
            metric, or of another version.
    """
    text = read_header(path).texts.get(KEY)
    if text is None:
        raise MetricError(f"{path} is a safetensors file, but of no metric that `shift-study train` has written.")
    try:
        return TrainedRecord.from_text(text)
    except MetricError as error:
        raise MetricError(f"{path} is no metric that can be read: {error}") from error


def describe_trained(name: str) -> MetricSpec:
    """The record of the metric in a file, by the file's name; errors as of `read_record`."""
    found = read_record(Path(name))
    plain = describe_elements(found.variant) == "none"
    return MetricSpec(
        name=name,
        summary=f"LPIPS on {found.network}, trained on {found.about['data']['origin']}",
        source="Zhang et al. 2018, Eq. 1" + ("" if plain else "; Ghildyal & Liu 2022, Section 5"),
        factory="metric.learned.trained:build",
        smallest_px=found.smallest_px,
        identical=0.0,
        converts_to="(2x − 1) normalised by LPIPS's channel statistics",
        weights=(
            WeightsNeed(
                role="all",
                what="the weights that its training gave",
                licence="its trainer's",
                cache_name="",
                file=Path(name),
                reader=READER,
            ),
        ),
        note=found.note,
    )


def _plain(value: Any) -> Any:
    """JSON of a stranger as it can be printed: finite numbers, and nothing that a terminal would obey."""
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return "".join(c if category(c) not in ("Cc", "Cs") else c.encode("unicode_escape").decode() for c in value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError
    return value


def _variant(content: Any) -> Variant:
    """The variant, if each field is there and of its type; `MetricError` where they do not go together."""
    kinds = {field.name: str if field.default is MISSING else type(field.default) for field in fields(Variant)}
    if set(_typed(content, dict)) != set(kinds):
        raise TypeError
    return Variant(**{name: _typed(content[name], kind) for name, kind in kinds.items()})


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:  # to isinstance, a truth value is a number
        raise TypeError
    return value


def _number(value: Any) -> int:
    if _typed(value, int) < 1:
        raise ValueError
    return int(value)
