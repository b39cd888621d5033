"""Nothing that a user can name is undocumented: verbs and their options, settings, columns."""

from __future__ import annotations

import dataclasses
import doctest
import re
import tomllib
from pathlib import Path
from typing import Any, get_type_hints

import click
import pytest

import shift_study
from analysis.responses.columns import COLUMNS
from metric.registry import METRICS
from study_server.export import participants
from study_server.export import responses as export
from study_server.folder.settings import Question, Settings, allowed_text, sections
from study_server.stimuli import manifest

ROOT = Path(__file__).parents[1]


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def all_verbs(group: click.Group, prefix: str = "") -> list[tuple[str, click.Command]]:
    """The verbs by name, those of a group as `bapps score`."""
    found: list[tuple[str, click.Command]] = []
    for name, verb in sorted(group.commands.items()):
        found += all_verbs(verb, f"{name} ") if isinstance(verb, click.Group) else [(prefix + name, verb)]
    return found


VERBS = all_verbs(shift_study.main)  # type: ignore[arg-type]
SETTINGS = [(section, f) for section, kind in sections().items() for f in dataclasses.fields(kind)]
SETTINGS += [("questions", f) for f in dataclasses.fields(Question)]


def setting_row(section: str, f: dataclasses.Field[Any]) -> str:
    """The row of docs/settings.md that a setting must have."""
    kind = Question if section == "questions" else sections()[section]
    default = getattr(Question() if section == "questions" else getattr(Settings(), section), f.name)
    shown = "(a text; see a new study.toml)" if isinstance(default, str) and "\n" in default else f"`{default!r}`"
    allowed = allowed_text(get_type_hints(kind)[f.name], f.metadata).replace("|", "\\|")
    return f"| `{section}.{f.name}` | {shown} | {allowed} | {f.metadata['about']} |"


@pytest.mark.parametrize(("section", "field"), SETTINGS, ids=lambda v: v if isinstance(v, str) else v.name)
def test_each_setting_is_documented_as_it_is(section: str, field: dataclasses.Field[Any]) -> None:
    assert setting_row(section, field) in read("docs/settings.md").splitlines()


@pytest.mark.parametrize(("name", "verb"), VERBS)
def test_each_verb_and_each_option_is_documented(name: str, verb: click.Command) -> None:
    parts = re.split(r"^## ", read("docs/verbs.md"), flags=re.MULTILINE)
    (part,) = [part for part in parts if re.match(rf"`shift-study {name}[ `]", part)]
    for parameter in verb.params:
        if isinstance(parameter, click.Option) and parameter.name != "help":
            assert f"`{parameter.opts[0]}" in part, parameter.opts[0]


@pytest.mark.parametrize(("name", "verb"), VERBS)
def test_each_verb_shows_an_example_and_explains_its_options(name: str, verb: click.Command) -> None:
    assert f"shift-study {name}" in (verb.help or "")
    assert all(p.help for p in verb.params if isinstance(p, click.Option))


def test_each_column_of_the_manifest_is_documented() -> None:
    text = read("docs/manifest.md")
    assert all(f"`{column}`" in text for column in manifest.COLUMNS)


def test_each_column_of_the_responses_is_documented_and_the_server_gives_just_these() -> None:
    text = read("docs/responses.md")
    names = [column.name for column in COLUMNS]
    assert all(f"`{name}`" in text for name in names)
    assert names == list(export.COLUMNS)


def test_each_column_of_the_participants_is_documented() -> None:
    section = read("docs/responses.md").partition("## The table of participants")[2]
    assert all(f"`{name}`" in section for name in (*participants.COLUMNS, *participants.IDENTITY_COLUMNS))


def test_each_metric_is_in_the_table_of_metrics() -> None:
    rows = [line.split("|")[1] for line in read("docs/metrics.md").splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`([^`]+)`", " ".join(rows))) == sorted(METRICS)


@pytest.mark.slow
def test_the_examples_of_the_metrics_print_what_they_say() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", read("docs/metrics.md"), flags=re.MULTILINE | re.DOTALL)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "docs/metrics.md", None, None)
    assert examples.examples
    assert doctest.DocTestRunner().run(examples).failed == 0


@pytest.mark.parametrize("package", ["study_server", "analysis", "metric"])
def test_the_architecture_page_names_each_part_in_the_order_that_is_checked(package: str) -> None:
    page = read("docs/architecture.md").partition(f"### `{package}`")[2].partition("\n#")[0]
    rows = [
        " | ".join(re.findall(r"`(\w+)`", line.split("|")[1])) for line in page.splitlines() if line.startswith("| `")
    ]
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract.get("containers") == [package]]
    assert rows == [layer for layer in layers if layer != "__main__"]


def test_the_readme_names_the_two_commands_and_ci_calls_one_of_them() -> None:
    readme = read("README.md")
    assert "make demo" in readme
    assert "make test" in readme
    assert read(".ci/run").rstrip().endswith("make lint\nmake test")


@pytest.mark.parametrize("path", ["README.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/*.md"))])
def test_links_and_pictures_in_the_documents_exist(path: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", read(path)):
        assert ((ROOT / path).parent / target).exists(), target
