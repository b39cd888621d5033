"""The networks of the paper's ablation studies by name, with the figures that the paper gives for them.

The figures are of metrics that were trained whole with these elements (Ghildyal & Liu 2022, Section 6), so they
are published facts to hold measurements against, not what untrained networks give. A new configuration is one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from metric.errors import MetricError
from metric.networks.variant import Location, Variant


@dataclass(frozen=True)
class Published:
    """What the paper gives: the 2AFC score in %, and the rank-flip rate in % for shifts of 1, 2 and 3 pixels."""

    two_afc: float
    rank_flip_rate: tuple[float, float, float]


@dataclass(frozen=True)
class Configuration:
    """A named variant of a backbone.

    Attributes:
        name: what `shift-study elements` takes.
        variant: the network.
        source: where the paper has it.
        published: the paper's figures, or None where it has none.
        note: what is not certain of it, or differs from the paper, one sentence, or "".
    """

    name: str
    variant: Variant
    source: str
    published: Published | None = None
    note: str = ""

    @property
    def elements(self) -> str:
        """The elements of shift tolerance in a few words; "none" for torchvision's network.

        >>> CONFIGURATIONS["alex-blur-pad2"].elements
        'blur 3, pad 2, stride 2'
        """
        return describe_elements(self.variant)


def describe_elements(variant: Variant) -> str:
    """The elements of a variant in a few words."""
    plain = Variant(variant.backbone)
    words = []
    if variant.blur:
        place = {"original": "", "feature-after-blur": ", feature after it", "blur-before-activation": " before ReLU"}
        filter_name = f"{'adaptive ' if variant.adaptive else ''}blur {variant.blur}"
        words.append(f"{filter_name}{place[variant.location]}, pad {variant.padding}")
    if variant.full_convolution:
        words.append("F-Conv")
    if variant.conv1_stride != plain.conv1_stride:
        words.append(f"stride {variant.conv1_stride}")
    if variant.pooling != "max":
        words.append(f"{variant.pooling} pooling")
    if variant.skips != "none":
        words.append(f"{variant.skips} skips")
    return ", ".join(words) or "none"


def _alex(
    name: str, source: str, figures: tuple[float, float, float, float] | None = None, note: str = "", **elements: Any
) -> Configuration:
    return Configuration(name, Variant("alexnet", **elements), source, _published(figures), note)


def _published(figures: tuple[float, float, float, float] | None) -> Published | None:
    return Published(figures[0], figures[1:]) if figures else None


# The scan of Table 5 has lost which check marks stand in which column. Rows are read with the help of Tables 3 and
# 7, which repeat some of them, and of the text; `note` says what is left open.
_TABLE_5 = (
    # The scan's check mark spans this row and the next; by Table 3 these are the figures without any element.
    _alex("alex", "Table 5, row 1", (70.65, 2.87, 3.92, 3.74)),
    _alex("alex-blur", "Table 5, row 2", (70.53, 1.85, 2.22, 2.58), blur=3),
    _alex("alex-blur-pad2", "Table 5, row 3; Table 7, row 1", (70.67, 1.46, 1.82, 2.25), blur=3, padding=2),
    _alex("alex-fconv", "Table 5, row 4", (70.57, 2.78, 3.92, 3.91), full_convolution=True),
    _alex(
        "alex-fconv-stride2",
        "Table 5, row 5",
        (70.52, 1.77, 2.15, 2.48),
        "The scan shows F-Conv and stride 2 alone, as it does in row 11; a check mark of a blur may be lost.",
        full_convolution=True,
        conv1_stride=2,
    ),
    _alex(
        "alex-stride2",
        "Table 5, row 6",
        (70.54, 1.84, 2.28, 2.34),
        "The scan shows no check mark in this row; one of a blur or F-Conv may be lost.",
        conv1_stride=2,
    ),
    _alex(
        "alex-blur-pad2-stride1",
        "Table 5, row 7; Table 7, row 4",
        (70.42, 0.66, 1.13, 1.83),
        "The scan has the check mark under F-Conv; Table 7 has these figures for BlurPool, without its padding.",
        blur=3,
        padding=2,
        conv1_stride=1,
    ),
    _alex(
        "alex-blur-pad2-fconv-stride1",
        "Table 5, row 8",
        (70.44, 0.63, 1.14, 1.68),
        blur=3,
        padding=2,
        full_convolution=True,
        conv1_stride=1,
    ),
    _alex("alex-adaptive", "Table 5, row 9", (70.57, 2.63, 3.36, 3.16), blur=3, adaptive=True),
    _alex("alex-adaptive-pad2", "Table 5, row 10", (70.63, 2.80, 3.57, 3.39), blur=3, padding=2, adaptive=True),
    _alex(
        "alex-adaptive-fconv",
        "Table 5, row 11",
        (70.52, 2.95, 4.13, 3.93),
        "The scan shows the marks of row 5 again; taken as adaptive with F-Conv, since it follows adaptive rows.",
        blur=3,
        adaptive=True,
        full_convolution=True,
    ),
)


def _table_6() -> Iterable[Configuration]:
    figures = {
        ("vgg", "vgg16"): ((70.03, 3.01, 3.76, 3.44), (70.05, 0.66, 1.08, 1.44), (70.07, 0.66, 1.12, 1.82)),
        ("resnet18", "resnet18"): ((69.86, 2.67, 3.35, 3.77), (69.95, 0.82, 1.51, 2.19), (70.14, 1.07, 1.81, 2.38)),
        ("squeeze", "squeezenet"): ((69.61, 7.41, 7.58, 10.35), (69.24, 2.03, 3.06, 3.93), (69.44, 2.10, 2.48, 3.42)),
    }
    elements: dict[str, dict[str, Any]] = {"": {}, "-blur": {"blur": 3}, "-blur-pad2": {"blur": 3, "padding": 2}}
    row = 0
    for (short, backbone), rows in figures.items():
        for (ending, settings), published in zip(elements.items(), rows, strict=True):
            row += 1
            variant = Variant(backbone, **settings)  # type: ignore[arg-type]
            note = ""
            if backbone == "squeezenet" and ending:
                note = "The authors' code also pads the fire modules more widely, which is left out here."
            yield Configuration(f"{short}{ending}", variant, f"Table 6, row {row}", _published(published), note)


# Table 7 does not give the padding; its first row has the figures of Table 5's row with padding 2.
_LOCATIONS: tuple[tuple[Location, int, int, tuple[float, float, float, float]], ...] = (
    ("feature-after-blur", 2, 2, (70.55, 1.73, 1.84, 2.49)),
    ("blur-before-activation", 2, 3, (70.50, 2.06, 2.02, 2.74)),
    ("feature-after-blur", 1, 5, (70.52, 0.69, 1.11, 1.60)),
    ("blur-before-activation", 1, 6, (70.48, 0.57, 1.06, 1.50)),  # the published stlpips-alex
)
_TABLE_7 = tuple(
    _alex(
        f"alex-{location.replace('blur-before-', 'before-')}-stride{stride}",
        f"Table 7, row {row}",
        figures,
        blur=3,
        padding=2,
        conv1_stride=stride,
        location=location,
    )
    for location, stride, row, figures in _LOCATIONS
)

_TAIL: dict[str, Any] = {"blur": 3, "pooling": "avg", "location": "blur-before-activation"}
_NO_FIGURES = "The paper gives no figures, only that {}."
_BETTER_2AFC = _NO_FIGURES.format("MaxBlurPool is more tolerant of shifts than it and has a lower 2AFC score")
_SKIPS = _NO_FIGURES.format("anti-aliased skips raise accuracy with a negligible drop in shift tolerance")
_WITHOUT_FIGURES = (
    _alex("alex-avg-blur", "Section 5, Pooling", None, _BETTER_2AFC, blur=3, padding=2, pooling="avg"),
    Configuration("vgg-like", Variant("vgg16", **_TAIL), "Figure 6a", None, _SKIPS),
    Configuration("vgg-like-skips", Variant("vgg16", **_TAIL, skips="strided"), "Figure 6b", None, _SKIPS),
    Configuration("vgg-like-blurred-skips", Variant("vgg16", **_TAIL, skips="anti-aliased"), "Figure 6c", None, _SKIPS),
)

CONFIGURATIONS: dict[str, Configuration] = {
    found.name: found for found in (*_TABLE_5, *_table_6(), *_TABLE_7, *_WITHOUT_FIGURES)
}


def find_configurations(names: Iterable[str]) -> list[Configuration]:
    """Configurations by name, in the given order; all for no name.

    Raises:
        MetricError: for an unknown name, and one that is given twice.
    """
    found: list[Configuration] = []
    for name in names:
        if name not in CONFIGURATIONS:
            raise MetricError(f'There is no network "{name}"; the known ones are {", ".join(CONFIGURATIONS)}.')
        if CONFIGURATIONS[name] in found:
            raise MetricError(f'The network "{name}" is named twice; name it once.')
        found.append(CONFIGURATIONS[name])
    return found or list(CONFIGURATIONS.values())
