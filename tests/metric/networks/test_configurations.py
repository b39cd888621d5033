"""The networks of the paper's tables by name."""

from __future__ import annotations

import re

import pytest

from metric.errors import MetricError
from metric.learned.lpips import SHIFT_TOLERANT_ALEX, SHIFT_TOLERANT_VGG
from metric.networks.build import build_network, count_parameters, smallest_image
from metric.networks.configurations import CONFIGURATIONS, find_configurations
from metric.networks.variant import Variant
from metric.registry import METRICS


def test_every_row_of_the_tables_is_there_once() -> None:
    rows = [part for found in CONFIGURATIONS.values() for part in found.source.split("; ")]
    for table, count in ((5, 11), (6, 9), (7, 6)):
        numbers = [int(re.sub(r".* row ", "", row)) for row in rows if row.startswith(f"Table {table},")]
        assert sorted(numbers) == list(range(1, count + 1))
    assert {"Figure 6a", "Figure 6b", "Figure 6c"} <= set(rows)


def test_no_two_names_are_the_same_network() -> None:
    variants = [found.variant for found in CONFIGURATIONS.values()]
    assert len(set(variants)) == len(variants)
    described = {(found.variant.backbone, found.elements) for found in CONFIGURATIONS.values()}
    assert len(described) == len(variants)


def test_the_published_metrics_are_rows_of_the_tables() -> None:
    # Table 3 repeats the figures of the authors' metric (70.48 %, 0.57 %, 1.06 % and 1.50 %), and of the plain one.
    ours = CONFIGURATIONS["alex-before-activation-stride1"]
    assert ours.variant == SHIFT_TOLERANT_ALEX
    assert ours.published is not None
    assert (ours.published.two_afc, *ours.published.rank_flip_rate) == (70.48, 0.57, 1.06, 1.50)
    plain = CONFIGURATIONS["alex"]
    assert plain.variant == Variant("alexnet")
    assert plain.published is not None
    assert (plain.published.two_afc, *plain.published.rank_flip_rate) == (70.65, 2.87, 3.92, 3.74)
    assert CONFIGURATIONS["vgg-blur-pad2"].variant == SHIFT_TOLERANT_VGG


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_network_is_built_and_counted(name: str) -> None:
    variant = CONFIGURATIONS[name].variant
    plain = count_parameters(Variant(variant.backbone))
    own = variant.adaptive or variant.skips != "none"
    assert (count_parameters(variant) > plain) == own  # fixed filters are no parameters
    assert 1 <= smallest_image(variant) <= 64


@pytest.mark.parametrize(
    ("metric", "variant"), [("stlpips-alex", SHIFT_TOLERANT_ALEX), ("stlpips-vgg", SHIFT_TOLERANT_VGG)]
)
def test_the_registry_says_the_smallest_image_of_its_network(metric: str, variant: Variant) -> None:
    assert METRICS[metric].smallest_px == smallest_image(variant)


def test_layers_keep_their_names() -> None:
    # A name that two layers of a level share would leave one of them out.
    for found in CONFIGURATIONS.values():
        if found.variant.blurs_conv1 and found.variant.location == "original":
            names = [name for name, _ in build_network(found.variant).get_submodule("levels.1").named_children()]
            assert [name for name in names if name.startswith("blur")] == ["blur1", "blur2"], found.name


def test_unknown_and_repeated_names_are_refused() -> None:
    assert find_configurations([]) == list(CONFIGURATIONS.values())
    with pytest.raises(MetricError, match='no network "alexx"; the known ones are alex, alex-blur'):
        find_configurations(["alexx"])
    with pytest.raises(MetricError, match='"alex" is named twice'):
        find_configurations(["alex", "alex"])
