"""Configurations from files, settings and JSON, and what is said of those that cannot be."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metric.errors import MetricError
from metric.learned.lpips import SHIFT_TOLERANT_ALEX
from metric.networks.configurations import CONFIGURATIONS
from metric.networks.variant import Variant
from metric.training.allowed import ALLOWED, ELEMENTS
from metric.training.configuration import (
    ComputingPart,
    Configuration,
    DataPart,
    LossPart,
    NetworkPart,
    SchedulePart,
)
from metric.training.layers import Layer, combine
from metric.training.reading import (
    READY_NAMES,
    configuration_from_json,
    configuration_to_json,
    read_configuration,
    ready_text,
)
from metric.training.toml_lines import TomlText

NAMED = '[network]\nname = "alex"\n'


def read(folder: Path, text: str, *settings: str) -> Configuration:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return read_configuration(str(path), settings)


def refused(folder: Path, text: str, *settings: str) -> str:
    with pytest.raises(MetricError) as caught:
        read(folder, text, *settings)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence.removeprefix(f"{folder}/")


def test_ready_configurations_are_those_of_the_publications() -> None:
    assert READY_NAMES == ("lpips", "paper")
    lpips, paper = map(read_configuration, READY_NAMES)
    assert lpips == Configuration(NetworkPart(Variant("alexnet"), "fixed"))  # the defaults are Zhang et al.'s
    assert paper == Configuration(
        NetworkPart(SHIFT_TOLERANT_ALEX, "scratch"), DataPart(256, "bicubic"), LossPart("mse", 32, 0.01)
    )


@pytest.mark.parametrize("name", READY_NAMES)
def test_a_ready_file_has_every_key_with_a_comment_and_can_be_copied(name: str, tmp_path: Path) -> None:
    text = ready_text(name)
    document = TomlText.parse(text.encode(), name).document
    assert {section: set(keys) for section, keys in document.items()} == {
        section: set(keys) - (set(ELEMENTS) if section == "network" else set()) for section, keys in ALLOWED.items()
    }
    assert text.startswith("# ") and text.count("#") > 10
    assert read(tmp_path, text) == read_configuration(name)


def test_every_field_of_a_configuration_can_be_given() -> None:
    parts = get_type_hints(Configuration)
    assert set(parts) == set(ALLOWED)
    for section, part in parts.items():
        names = {field.name for field in fields(part)}
        if section == "network":
            names = names - {"variant"} | {"name"} | {field.name for field in fields(Variant)}
        assert names == set(ALLOWED[section])


def test_a_file_of_elements_and_one_of_a_name_give_the_same_network(tmp_path: Path) -> None:
    elements = 'backbone = "alexnet"\nblur = 3\npadding = 2\nconv1_stride = 1\nlocation = "blur-before-activation"\n'
    assert read(tmp_path, f"[network]\n{elements}").network.variant == SHIFT_TOLERANT_ALEX
    assert read(tmp_path, '[network]\nname = "alex-before-activation-stride1"').network.variant == SHIFT_TOLERANT_ALEX


def test_numbers_without_a_point_and_files_of_windows_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(
        b'\xef\xbb\xbf[network]\r\nname = "alex"\r\n[schedule]\r\nlearning_rate = 1\r\nbetas = [0, 0.9]\r\n'
    )
    schedule = read_configuration(str(path)).schedule
    assert (schedule.learning_rate, schedule.betas) == (1.0, (0.0, 0.9))
    assert type(schedule.learning_rate) is float and type(schedule.betas[0]) is float


def test_settings_override_the_file(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        NAMED + '[loss]\nkind = "ranking"\nhidden = 8\n[schedule]\nbatch = 9\n',
        "loss.kind=mse",
        "schedule.betas = [0.9, 0.99]",
        'data.categories=["a b"]',
        "computing.compile=true",
        "schedule.batch=1",
        "schedule.batch=2",
    )
    assert (found.loss.kind, found.loss.hidden) == ("mse", 8)
    assert found.schedule == SchedulePart(batch=2, betas=(0.9, 0.99))
    assert found.data.categories == ("a b",) and found.computing.compile is True


def test_a_name_that_is_set_replaces_elements_and_elements_replace_a_name(tmp_path: Path) -> None:
    elements = '[network]\nbackbone = "alexnet"\nblur = 5\ntrunk = "fixed"\n'
    named = read(tmp_path, elements, "network.name=vgg").network
    assert named == NetworkPart(Variant("vgg16"), "fixed")
    built = read(tmp_path, NAMED, "network.backbone=vgg16", "network.blur=3").network
    assert built.variant == Variant("vgg16", blur=3)
    assert read(tmp_path, elements, "network.blur=2").network.variant == Variant("alexnet", blur=2)
    assert "mine.toml" not in (said := refused(tmp_path, NAMED, "network.blur=3"))
    assert said.startswith("--set network.blur=3: [network] has blur, but no backbone")
    together = refused(tmp_path, NAMED, "network.blur=3", "network.name=vgg")
    assert together.startswith("--set network.blur=3: [network] has blur beside a name")


def test_a_name_in_between_leaves_nothing_of_elements_before_it() -> None:
    settings = (["network.backbone=alexnet", "network.blur=5"], ["network.name=vgg"], ["network.backbone=alexnet"])
    assert combine([Layer.of_settings(given) for given in settings]).network.variant == Variant("alexnet")


FILES = {
    "a section": (NAMED + "\n[scedule]\nbatch = 3\n", 4, "no section [scedule]; do you mean schedule? allowed is"),
    "a key": (NAMED + "# one\n[schedule]\nbtach = 3\n", 5, "[schedule] has no btach; do you mean batch? allowed is"),
    "of another section": (NAMED + "dropout = 0.1\n", 3, "[network] has no dropout; [loss] has it; allowed is"),
    "a key outside": ('batch = 3\n[network]\nname = "alex"\n', 1, "no section [batch]; [schedule] has it; allowed is"),
    "no section": (NAMED.replace("[network]", "loss = 3\n[network]"), 1, "loss is 3; allowed is a section [loss]"),
    "tables of it": (NAMED + "\n[[loss]]\nhidden = 3\n", 4, "loss is [{"),
    "a text": (NAMED + '[schedule]\nbatch = "50"\n', 4, 'schedule.batch is "50"; allowed is a whole number from 1.'),
    "a truth": (NAMED + "[schedule]\nbatch = true\n", 4, "schedule.batch is true; allowed is a whole number from 1."),
    "a fraction": (NAMED + "[schedule]\nbatch = 5.0\n", 4, "schedule.batch is 5.0"),
    "none": (NAMED + "[schedule]\nbatch = 0\n", 4, "schedule.batch is 0"),
    "a blur of truth": ('[network]\nbackbone = "alexnet"\nblur = false\n', 3, "network.blur is false; allowed"),
    "a seed": (NAMED + "[schedule]\nseed = -1\n", 4, "schedule.seed is -1"),
    "a rate": (NAMED + "[schedule]\nlearning_rate = 0\n", 4, "learning_rate is 0; allowed is a number above 0."),
    "no number": (NAMED + "[schedule]\nlearning_rate = nan\n", 4, "schedule.learning_rate is NaN"),
    "infinity": (NAMED + "[schedule]\nlearning_rate = inf\n", 4, "schedule.learning_rate is Infinity"),
    "digits": (NAMED + f"[schedule]\nlearning_rate = 1{'0' * 400}\n", 4, "schedule.learning_rate is 1000"),
    "betas": (NAMED + "[schedule]\nbetas = [0.5, 1]\n", 4, "schedule.betas is [0.5, 1]"),
    "one beta": (NAMED + "[schedule]\nbetas = 0.5\n", 4, "schedule.betas is 0.5; allowed is two numbers"),
    "epochs": (NAMED + "[schedule]\ndecay_epochs = 0\nepochs = 0\n", 4, "allowed is one epoch or more in all."),
    "dropout": (NAMED + "[loss]\ndropout = 1\n", 4, "loss.dropout is 1; allowed is a number from 0 to below 1."),
    "a kind": (NAMED + '[loss]\nkind = "l2"\n', 4, 'loss.kind is "l2"; allowed is one of "ranking", "mse".'),
    "a list as kind": (NAMED + '[loss]\nkind = ["mse"]\n', 4, 'loss.kind is ["mse"]'),
    "a size": (NAMED + "[data]\nsize_px = 20\n", 4, "is 20; allowed is for this network a whole number from 31."),
    "shifts": (NAMED + "[data]\nshifts = []\n", 4, "data.shifts is []"),
    "a shift twice": (NAMED + "[data]\nshifts = [1, 1]\n", 4, "data.shifts is [1, 1]"),
    "a category": (NAMED + '[data]\ncategories = ["../cnn"]\n', 4, 'data.categories is ["../cnn"]'),
    "one category": (NAMED + '[data]\ncategories = "cnn"\n', 4, 'data.categories is "cnn"'),
    "a date": (NAMED + "[data]\nsize_px = 2020-01-01\n", 4, 'data.size_px is "2020-01-01"'),
    "a network": ('[network]\nname = "alex-blurr"\n', 2, 'no network "alex-blurr"; do you mean alex-blur'),
    "name and elements": (NAMED + "blur = 3\n", 3, "[network] has blur beside a name; allowed is either"),
    "no backbone": ("[network]\nblur = 3\n", 2, "[network] has blur, but no backbone; allowed is either"),
    "no network": ('\n[network]\ntrunk = "fixed"\n', 2, "[network] is empty or missing; allowed is either"),
    "elements": (
        '[network]\npadding = 2\nbackbone = "alexnet"\n', 2, "alexnet cannot be built so: a wider padding",
    ),
    "a stride": (
        '[network]\nbackbone = "resnet18"\nblur = 3\nconv1_stride = 4\n', 4, 'no conv1_stride "4"; it is one of 1, 2.',
    ),
    "F-Conv": (
        '[network]\nfull_convolution = true\nblur = 3\nbackbone = "squeezenet"\n', 2, "cannot be built so: F-Conv",
    ),
    "no TOML": (NAMED + "[loss]\nkind = mse\n", 4, "not valid TOML: Invalid value."),
    "an end": (NAMED + "[loss]\nkind = \n\n", 4, "not valid TOML: Invalid value."),
    "twice": (NAMED + 'name = "vgg"\n', 3, "not valid TOML: Cannot overwrite a value."),
    "an open list": (NAMED + "[data]\nshifts = [1,\n\n", 4, "not valid TOML: "),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "sentence"), FILES.values(), ids=FILES.keys())
def test_what_cannot_be_is_refused_with_its_line(text: str, line: int, sentence: str, tmp_path: Path) -> None:
    said = refused(tmp_path, text)
    assert said.startswith(f"mine.toml, line {line}: ") and sentence in said


LINES = {
    "dotted": ('# x\nnetwork.name = "alex"\nschedule.batch = 0\n', 3),
    "quoted": ('network."name" = "alex"\n\'schedule\'."batch" = 0\n', 2),
    "a quoted section": ('network.name = "alex"\n\n["schedule"]\n"epochs" = 1\n"batch" = 0\n', 5),
    "after a list over lines": (
        'network.name = "alex"\n[data]\ncategories = [  # [schedule]\n"batch = 0",\n\n"b",\n]\n[schedule]\nbatch = 0\n',
        9,
    ),
    "after a text over lines": ('network.name = """\\\n  al\\\n  ex"""\n# batch = 0\n[schedule]\nbatch = 0\n', 6),
    "in a table on one line": ('network = { name = "alex" }\nschedule = { epochs = 1, batch = 0 }\n', 2),
    "a comment of the same": ('network.name = "alex"\n[schedule] # batch = 0\n# batch = 0\n  batch=0 # batch', 4),
    "in the last line": ('schedule.seed = 1\nnetwork.name = "alex"\nschedule.batch = 0', 3),
}


@pytest.mark.parametrize(("text", "line"), LINES.values(), ids=LINES.keys())
def test_the_line_is_found_however_it_is_written(text: str, line: int, tmp_path: Path) -> None:
    assert refused(tmp_path, text).startswith(f"mine.toml, line {line}: schedule.batch is 0;")


def test_the_line_of_a_list_over_lines_is_its_first(tmp_path: Path) -> None:
    said = refused(tmp_path, NAMED + "[data]\n# shifts = [7]\nshifts = [\n  1,\n  1,\n]\n")
    assert said.startswith("mine.toml, line 5: data.shifts is [1, 1];")


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b'[network]\nname = "al\xffex"\n')
    with pytest.raises(MetricError, match=r"mine\.toml, line 2: not UTF-8"):
        read_configuration(str(path))


SETTINGS = {
    "loss.kind=l2": 'loss.kind is "l2"; allowed is one of',
    "loss.knd=mse": "[loss] has no knd; do you mean kind?",
    "los.kind=mse": "there is no section [los]; do you mean loss?",
    "network.name=alx": 'there is no network "alx"; do you mean',
    "loss.kind": "not of the form section.key=VALUE",
    "batch=3": "not of the form section.key=VALUE",
    "loss.=3": "not of the form section.key=VALUE",
    "data.shifts=[1,": "[1, is not a value of TOML",
    "schedule.batch=3\nseed = 4": "more than one value of TOML",
    "schedule.batch=": 'schedule.batch is ""; allowed is a whole number',
    "schedule.batch=1,2": 'schedule.batch is "1,2"; allowed is a whole number',
    "data.size_px=20": "data.size_px is 20; allowed is for this network a whole number from 31",
    "network.backbone.x=20": "[network] has no backbone.x",
}


@pytest.mark.parametrize(("setting", "sentence"), SETTINGS.items(), ids=SETTINGS.keys())
def test_a_setting_that_cannot_be_is_named(setting: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(NAMED)
    with pytest.raises(MetricError) as caught:
        read_configuration(str(tmp_path / "mine.toml"), [setting])
    assert str(caught.value).startswith(f"--set {setting}: ") and sentence in str(caught.value)


def test_an_unknown_name_and_a_missing_file_are_told_apart(tmp_path: Path) -> None:
    for name, sentence in {
        "papr": '"papr" is neither ready nor a file; do you mean paper?',
        str(
            tmp_path / "papr.toml"
        ): "papr.toml cannot be read: there is no such file; the ready ones are lpips, paper.",
        str(tmp_path): "cannot be read: it is a folder",
    }.items():
        with pytest.raises(MetricError, match=sentence.replace("?", r"\?")):
            read_configuration(name)
    with pytest.raises(MetricError, match=r'no ready configuration "papr"; do you mean paper\?'):
        ready_text("papr")


def test_a_file_need_not_end_in_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").write_text(NAMED)
    monkeypatch.chdir(tmp_path)
    assert read_configuration("mine") == Configuration(NetworkPart(Variant("alexnet")))


floats = st.floats(0, 1, exclude_max=True)
configurations = st.builds(
    Configuration,
    st.builds(
        NetworkPart,
        st.sampled_from([CONFIGURATIONS[name].variant for name in ("alex", "squeeze-blur", "vgg-like-skips")]),
        st.sampled_from(["scratch", "pretrained", "fixed"]),
    ),
    st.builds(
        DataPart,
        st.integers(64, 4096),
        st.sampled_from(["bicubic", "bilinear"]),
        st.lists(st.sampled_from(["traditional", "cnn", "é ü"]), unique=True).map(tuple),
        st.lists(st.integers(0, 9), min_size=1, unique=True).map(tuple),
    ),
    st.builds(LossPart, st.sampled_from(["ranking", "mse"]), st.integers(1, 99), floats),
    st.builds(
        SchedulePart,
        st.integers(0, 2**63 - 1),
        st.integers(1, 999),
        st.integers(1, 9),
        st.integers(0, 9),
        st.floats(1e-300, 1e9),
        st.tuples(floats, floats),
    ),
    st.builds(ComputingPart, st.integers(0, 9), st.sampled_from(["float32", "bfloat16"]), st.booleans()),
)


@given(configurations)
def test_json_gives_the_same_configuration_back(configuration: Configuration) -> None:
    document = json.loads(json.dumps(configuration_to_json(configuration), allow_nan=False))
    assert configuration_from_json(document) == configuration


@given(configurations)
def test_what_json_has_can_be_set(configuration: Configuration) -> None:
    document = configuration_to_json(configuration)
    settings = [f"{s}.{k}={json.dumps(v, ensure_ascii=False)}" for s, keys in document.items() for k, v in keys.items()]
    assert read_configuration("lpips", settings) == configuration


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schedule": {"batch": 0}}, "m.safetensors: schedule.batch is 0"),
        ({"network": {"name": "alex", "blur": 3}}, "m.safetensors: [network] has blur beside a name"),
        ({"loss": 3}, "m.safetensors: loss is 3"),
        ({"extra": {}}, "m.safetensors: there is no section [extra]"),
        ({"network": {}}, "m.safetensors: [network] is empty"),
    ],
)
def test_json_is_checked_as_files_are(change: dict[str, Any], sentence: str) -> None:
    document = configuration_to_json(read_configuration("paper")) | change
    with pytest.raises(MetricError) as caught:
        configuration_from_json(document, "m.safetensors")
    assert str(caught.value).startswith(sentence)
    with pytest.raises(MetricError, match="not a table"):
        configuration_from_json([], "m.safetensors")  # type: ignore[arg-type]


def test_keys_that_json_lacks_have_their_defaults() -> None:
    paper = read_configuration("paper")
    document = configuration_to_json(paper)
    del document["loss"]["hidden"], document["computing"]
    assert configuration_from_json(document) == replace(paper, computing=ComputingPart())


def test_a_layer_of_settings_says_what_was_given() -> None:
    layer = Layer.of_settings(["loss.kind = mse"])
    assert layer.where(("loss", "kind")) == "--set loss.kind = mse"
