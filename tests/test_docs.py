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
from analysis.responses.columns import columns_of
from analysis.tasks.registry import TASKS
from metric.registry import METRICS
from study_server.export import participants
from study_server.export import responses as export
from study_server.settings import Question, Settings, StudySettings, allowed_text, sections
from study_server.tasks import BUILT_IN, DEFAULT, task

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


def setting_rows(kind: type, section: str, values: Any) -> list[str]:
    """The rows of docs/settings.md that the settings of a section must have."""
    hints = get_type_hints(kind)
    rows = []
    for f in dataclasses.fields(kind):
        default = getattr(values, f.name)
        shown = "(a text; see a new study.toml)" if isinstance(default, str) and "\n" in default else f"`{default!r}`"
        allowed = allowed_text(hints[f.name], f.metadata).replace("|", "\\|")
        rows.append(f"| `{section}.{f.name}` | {shown} | {allowed} | {f.metadata['about']} |")
    return rows


def all_setting_rows(kind: type[Settings]) -> list[str]:
    """Those of all sections, of one kind of settings; which task it is stands with the settings of every study."""
    values = kind()
    rows = [
        row for name, section in sections(kind).items() for row in setting_rows(section, name, getattr(values, name))
    ]
    return [row for row in rows if not row.startswith("| `study.task` |")]


def documented_settings() -> dict[str, list[str]]:
    """Task → the rows of its own part of docs/settings.md; under "" those of every study."""
    every, *own = re.split(r"^## Of the task `([^`]+)`$", read("docs/settings.md"), flags=re.MULTILINE)
    parts = {"": every} | dict(zip(own[::2], own[1::2], strict=True))
    return {name: [line for line in part.splitlines() if line.startswith("| `")] for name, part in parts.items()}


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_setting_of_a_task_is_documented_as_it_is(name: str) -> None:
    """Once: with the settings of every study where it is the same in every task, else in the task's own part."""
    of_tasks = [set(all_setting_rows(task(other).settings_type)) for other in BUILT_IN]
    rows = all_setting_rows(task(name).settings_type)
    documented = documented_settings()
    assert documented[name] == [row for row in rows if not all(row in other for other in of_tasks)]
    for row in rows:
        assert (row in documented[""]) is (row not in documented[name]), row


def test_no_setting_is_documented_that_there_is_not() -> None:
    documented = documented_settings()
    assert [*documented] == ["", *BUILT_IN]
    questions = setting_rows(Question, "questions", Question())
    which_task = setting_rows(StudySettings, "study", StudySettings())[0]
    assert "`study.task`" in which_task
    every = set(documented[""])
    assert len(every) == len(documented[""])
    assert every - set(all_setting_rows(task(DEFAULT).settings_type)) == {which_task, *questions}


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


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_column_of_the_manifests_is_documented(name: str) -> None:
    text = read("docs/manifest.md")
    assert [f.name for f in dataclasses.fields(task(name).row_type) if f"`{f.name}`" not in text] == []


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_column_of_the_responses_is_documented_and_the_server_gives_just_these(name: str) -> None:
    text = read("docs/responses.md")
    columns = [column.name for column in columns_of(TASKS[name])]
    assert [column for column in columns if f"`{column}`" not in text] == []
    assert columns == [*export.columns_of(task(name))]


def test_the_analysis_knows_the_tasks_of_the_server() -> None:
    assert [*TASKS] == [*BUILT_IN]


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
