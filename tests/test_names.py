"""The names `analysis`, `metric` and `study_server` do not quarrel with files of a user's own that have them too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from textwrap import dedent

import pytest

from study_server.web.background_server import free_port

TAKEN = ("analysis", "metric", "study_server", "tests", "templates")

MINE = """
    import torch
    from metric.interface import FeatureMetric


    class MeanDifference(FeatureMetric):
        def features(self, images):
            return (images,)

        def distance(self, reference, images):
            return (reference[0] - images[0]).abs().mean(dim=(1, 2, 3))
"""


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """A folder with files that have the names of our packages and folders; each says so when it is run."""
    for name in TAKEN[:-1]:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('the user\\'s {name}.py was run')")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "consent.html").write_text("the user's template")
    (tmp_path / "mine.py").write_text(dedent(MINE))
    return tmp_path


def run(folder: Path, *arguments: str, rc: int = 0) -> subprocess.CompletedProcess[str]:
    """Python in the folder, which is on PYTHONPATH too, as many keep theirs."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == rc, done.stderr[-2000:]
    return done


def test_the_command_runs_where_files_have_its_packages_names(crowded: Path) -> None:
    assert "psychometric" in run(crowded, "-m", "shift_study", "--help").stdout


def test_a_script_beside_such_files_has_our_packages_by_importing_shift_study_first(crowded: Path) -> None:
    script = """
        import pathlib
        import shift_study
        import analysis, metric, study_server
        from analysis.errors import AnalysisError
        from metric import load
        from study_server.errors import StudyError
        ours = pathlib.Path(shift_study.__file__).parent
        print(*(pathlib.Path(module.__file__).parents[1] == ours for module in (analysis, metric, study_server)))
    """
    (crowded / "script.py").write_text(dedent(script))
    assert run(crowded, "script.py").stdout.split() == ["True"] * 3


def test_a_script_that_has_loaded_its_own_is_told_what_to_do(crowded: Path) -> None:
    (crowded / "analysis.py").write_text("")
    (crowded / "script.py").write_text("import analysis\nimport shift_study\n")
    said = run(crowded, "script.py", rc=1).stderr
    assert "analysis.py is loaded as 'analysis', which is a package of Shift Study: import shift_study before" in said


@pytest.mark.slow
def test_every_verb_works_where_files_have_its_packages_names(crowded: Path) -> None:
    verbs = """
        from pathlib import Path
        import shift_study
        from click.testing import CliRunner

        done = {"serve", "demo"}  # in processes of their own, below

        def verb(*arguments, rc=0, input=None):
            result = CliRunner().invoke(shift_study.main, arguments, input=input, catch_exceptions=False)
            assert result.exit_code == rc, (arguments, result.output)
            done.add(arguments[0])
            return result.output

        # Which pairs an observer gets is drawn: so many that each pair has answers whoever passes the validation rule.
        verb("new", "tiny", "--images", "demo", "--count", "4", "--max-shift", "3", "--size", "64")
        verb("new", "people", "--images", "demo", "--count", "4", "--max-shift", "1", "--size", "64")
        verb("check", "tiny")
        verb("simulate", "tiny", "--participants", "48")  # its server is a process that the verb starts
        settings = Path("people", "study.toml")
        settings.write_text(settings.read_text().replace('platforms = ["open"]', 'platforms = ["open", "link"]'))
        verb("links", "people", "--count", "2")
        verb("publish", "tiny", "public")
        verb("backup", "tiny", "-o", "tiny.db")
        verb("restore", "tiny.db", "tiny")
        verb("upgrade", "tiny")
        verb("password", "people", "--stdin", input="correct horse battery staple\\n")
        verb("release", "tiny", "s0001")
        verb("participants", "tiny", "-o", "participants.csv")
        verb("export", "tiny", "-o", "responses.csv")
        verb("table1", "tiny")
        verb("exclusions", "tiny")
        verb("preregister", "tiny", "-o", "plan.json")
        verb("psychometric", "ghildyal2022-table1")
        verb("dprime", "ghildyal2022-table1")
        verb("reliability", "ghildyal2022")
        verb("mixed", "ghildyal2022")
        verb("power", "--participants", "10", "--images", "50", "--simulations", "100")
        crops = sorted(str(path) for path in Path("tiny", "stimuli").rglob("*.png"))[:2]
        assert float(verb("distance", *crops, "--metric", "mine.py:MeanDifference").split()[-1]) > 0
        verb("distance", *crops, "--metric", "mine.py")
        verb("score", "tiny", "--metric", "mine.py", "--all-pairs", "-o", "distances.csv")
        verb("jnd", "tiny", "--distances", "distances.csv")
        verb("compare", "tiny", "--distances", "distances.csv")
        verb("report", "tiny", "-o", "report", "--no-pdf")
        rated = ["reference,image,score"]
        images = sorted(str(path) for path in Path("tiny", "stimuli").rglob("*.png"))
        rated += [f"{crops[i % 2]},{path},{i}" for i, path in enumerate(images)]
        Path("rated.csv").write_text("\\n".join([*rated, ""]))
        verb("score-images", "rated.csv", "--metric", "mine.py", "-o", "image-distances.csv")
        verb("opinions", "rated.csv", "--distances", "image-distances.csv")
        verb("scorecard", "-o", "card", "--opinions", "rated.csv", "--no-pdf")
        for of in ("bapps", "clic"):
            Path(f"{of}.csv").write_text(f"set,category,sample,judge,d0,d1\\n{of},a,1,0.2,1,2\\n{of},a,2,0.6,2,1\\n")
            verb(of, "table", f"{of}.csv")
        from analysis.responses.columns import columns_of
        from analysis.responses.tidy_table import from_rows
        from analysis.tasks.two_afc import TWO_AFC
        empty = dict.fromkeys([column.name for column in columns_of(TWO_AFC)])
        empty |= {"schema": "shift-study/responses/3", "study": "s", "task": "2afc", "excluded": False}
        empty |= {"participant_state": "finished", "exclusion_reason": "", "repetition": 1}
        empty |= {"first_side": "left", "response": "left", "preferred": "first"}
        rows = [
            empty | {"participant": f"p{i}", "trial": 2 * t + k + 1}
            | {"triplet": f"0000{t}", "stimulus": f"0000{t}_n-{k}", "shift_px": k}
            for i in range(6) for t in range(6) for k in (0, 1)
        ]
        from_rows(rows).to_csv("preferred.csv", index=False)
        verb("two-afc", "preferred.csv")
        verb("flips", "preferred.csv")
        verb("bapps", "make", "demo", "-o", "made", "--count", "1", "--size", "64")
        verb("bapps", "score", "made", "--metric", "mine.py", "-o", "scores.csv")
        verb("bapps", "jnd", "made", "--metric", "mine.py")
        Path("clic.csv").write_text("ref/000000.png,p0/000000.png,p1/000000.png,1\\n")
        images = str(Path("made", "2afc", "val", "cnn"))
        verb("clic", "score", "clic.csv", "--images", images, "--metric", "mine.py", "-o", "clic.parquet")
        verb("metrics")
        verb("elements", "--list")
        assert "dropout" in verb("train", "lpips", "--show")
        assert "alex-blur" in verb("ablate", "table5", "--show")
        verb("difference-maps", crops[0], "-o", "maps.png", "--network", "alex")
        assert "There is no file gone.pth" in verb("convert-weights", "pieapp-dense", "gone.pth", rc=1)
        assert done == set(shift_study.main.commands), set(shift_study.main.commands) ^ done
    """
    (crowded / "verbs.py").write_text(dedent(verbs))
    run(crowded, "verbs.py")
    for verb, study in (("serve", "people"), ("demo", "tiny")):
        command = [sys.executable, "-m", "shift_study", verb, study, "--port", str(free_port())]
        with subprocess.Popen(command, cwd=crowded, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            address = server.stdout.readline().split()[-1]
            with urllib.request.urlopen(address) as page:
                assert b"the user's template" not in page.read()
            server.send_signal(signal.SIGINT)
        assert server.returncode == 0
