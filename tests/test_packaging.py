"""What the packages load and depend on, and what an installed distribution contains."""

from __future__ import annotations

import ast
import email
import re
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("study_server", "analysis", "metric")


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that are loaded after a statement in a fresh interpreter."""
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_the_web_side_loads_neither_torch_nor_pandas() -> None:
    loaded = loaded_by("import study_server.web.app, study_server.web.serve, study_server.simulate")
    assert not {"torch", "pandas", "analysis", "metric"} & loaded


def test_the_command_line_loads_nothing_heavy() -> None:
    heavy = {"torch", "pandas", "numpy", "scipy", "matplotlib", "flask", "sqlalchemy", "PIL"}
    assert not heavy & loaded_by("import shift_study")


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_nothing_of_each_other(package: str) -> None:
    others = set(PACKAGES) - {package} | {"shift_study"}
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & others, path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that an index would have, built from this checkout without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.slow
def test_the_wheel_has_our_packages_at_its_top_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    (information,) = {top for name in names if (top := name.split("/")[0]).endswith(".dist-info")}
    assert {name.split("/")[0] for name in names} == {*PACKAGES, "shift_study.py", information}
    assert {f"{package}/py.typed" for package in PACKAGES} <= names


@pytest.mark.slow
def test_the_wheel_has_everything_that_it_serves(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for path in (ROOT / "templates").rglob("*.html"):
        assert f"study_server/{path.relative_to(ROOT)}" in names
    assert {"analysis/templates/report.html", "analysis/templates/report.css"} <= names
    for package in PACKAGES:
        files = (p for p in (ROOT / package).rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        assert {path.relative_to(ROOT).as_posix() for path in files} <= names


@pytest.mark.slow
def test_the_page_of_the_wheel_at_an_index_leads_somewhere(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_string(archive.read(name).decode())
    page = metadata.get_payload()
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert len(links) > 15
    assert all(link.startswith("https://") for link in links)
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL"))
    assert {"Homepage", "Documentation", "Changelog", "Issues", "Paper"} == set(urls)
    ours = [link for link in links if "shift-study" in link]
    repository = urls["Homepage"].removeprefix("https://github.com/")
    for link in ours:  # one repository, and a file that it has
        path = re.sub(rf"https://(github|raw\.githubusercontent)\.com/{repository}/(blob/)?main/", "", link)
        assert (ROOT / path.partition("#")[0]).exists(), link


@pytest.mark.slow
def test_a_script_uses_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """As installed: the packages of the wheel come before those of this checkout."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    script = """
import pathlib, sys
sys.path.insert(0, "site")
import shift_study
import analysis, metric, study_server
for module in (shift_study, analysis, metric, study_server):
    assert pathlib.Path("site").resolve() in pathlib.Path(module.__file__).resolve().parents, module.__file__
shift_study.main(["new", "tiny", "--images", "demo", "--count", "2", "--size", "16"], standalone_mode=False)
shift_study.main(["table1", "ghildyal2022"], standalone_mode=False)
from study_server.folder.study_folder import StudyFolder
from study_server.web.app import create_app
page = create_app(StudyFolder(pathlib.Path("tiny"))).test_client().get("/?lang=de")
print(page.status_code, "Einwilligung" in page.text, metric.load("l2", device="cpu").spec.name)
"""
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "200 True l2"


@pytest.mark.parametrize("folder", ["benchmarks", "tests"])
def test_no_file_of_a_folder_of_scripts_hides_a_package(folder: str) -> None:
    """`python benchmarks/NAME.py` looks for packages in `benchmarks/` first."""
    hidden = {*PACKAGES, "shift_study", *sys.stdlib_module_names, *packages_distributions()}
    names = {path.stem for path in (ROOT / folder).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert not names & hidden


@pytest.mark.slow
def test_a_benchmark_is_a_script_too() -> None:
    said = subprocess.run(
        [sys.executable, "benchmarks/metric_speed.py", "--help"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "--quick" in said.stdout


def test_the_version_is_the_same_wherever_it_stands() -> None:
    (version,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE)
    (cited,) = re.findall(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), flags=re.MULTILINE)
    newest = re.findall(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[0]
    assert version == cited == newest


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml"])
def test_images_of_others_are_named_by_their_digest(name: str) -> None:
    images = re.findall(r"^\s*(?:FROM|image:)\s+(\S+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert images
    for image in images:
        assert image == "shift-study" or re.fullmatch(r"[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}", image), image
