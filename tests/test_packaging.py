"""What the packages load and depend on, and what an installed distribution contains."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("study_server", "analysis", "metric")


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that are loaded after a statement in a fresh interpreter."""
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.parametrize(
    "statement", ["import study_server", "import study_server.web.app, study_server.web.serve, study_server.simulate"]
)
def test_the_web_side_loads_neither_torch_nor_pandas(statement: str) -> None:
    assert not {"torch", "pandas", "analysis", "metric"} & loaded_by(statement)


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


@pytest.mark.slow
def test_an_installed_distribution_has_everything_that_it_serves(tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "-q",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for path in (ROOT / "templates").rglob("*.html"):
        assert f"study_server/{path.relative_to(ROOT)}" in names
    assert {"analysis/templates/report.html", "analysis/templates/report.css"} <= names
    assert "analysis/responses/data/ghildyal2022/table1.csv" in names
    for path in (ROOT / "study_server" / "web" / "static").iterdir():
        assert f"study_server/web/static/{path.name}" in names
    for path in (ROOT / "study_server" / "storage" / "migrations").glob("*.py"):
        assert f"study_server/storage/migrations/{path.name}" in names
    assert "analysis/responses/data/ghildyal2022/user_jnd.json" in names
    assert not any(name.startswith("tests/") for name in names)
