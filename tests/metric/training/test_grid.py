"""Grids of trainings: the paper's, files of one's own, and what is said of those that cannot be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from metric.errors import MetricError
from metric.networks.configurations import CONFIGURATIONS
from metric.networks.variant import Variant
from metric.training.grid import READY_GRIDS, Grid, grid_text, read_grid
from metric.training.reading import read_configuration

HEAD = 'configuration = "paper"\n'


def read(folder: Path, text: str, *settings: str) -> Grid:
    path = folder / "grid.toml"
    path.write_text(text, encoding="utf-8")
    return read_grid(str(path), settings)


@pytest.mark.parametrize("table", [5, 6, 7])
def test_ready_grids_have_the_rows_of_the_paper_in_its_order(table: int) -> None:
    grid = read_grid(f"table{table}")
    places = {
        int(place[1]): name
        for name, found in CONFIGURATIONS.items()
        for place in re.finditer(rf"Table {table}, row (\d+)", found.source)
    }
    assert [row.name for row in grid.rows] == [places[number] for number in sorted(places)]
    paper = read_configuration("paper")
    for row in grid.rows:
        known = CONFIGURATIONS[row.name]
        assert row.configuration.network.variant == known.variant
        assert row.published == known.published is not None
        assert row.configuration.network.trunk == "scratch"
        assert (row.configuration.data, row.configuration.loss, row.configuration.schedule) == (
            paper.data,
            paper.loss,
            paper.schedule,
        )
    assert (grid.seeds, grid.shifts, grid.form) == ((0, 1, 2), (1, 2, 3), f"table{table}")


def test_a_ready_grid_can_be_copied(tmp_path: Path) -> None:
    assert READY_GRIDS == ("table5", "table6", "table7")
    assert read(tmp_path, grid_text("table7")).rows == read_grid("table7").rows
    with pytest.raises(MetricError, match=r'no ready grid "tabel7"; do you mean table7\?'):
        grid_text("tabel7")


def test_rows_of_all_forms_are_taken_with_what_overrides_them(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        '[network]\nbackbone = "vgg16"\nblur = 5\ntrunk = "pretrained"\n[data]\nsize_px = 80\n[schedule]\nbatch = 7\n'
    )
    rows = """rows = [
      "alex-blur", {name = "plain", backbone = "alexnet"}, {name = "tuned", network = "alex-blur", trunk = "fixed"},
    ]
    """
    grid = read(
        tmp_path,
        'configuration = "mine.toml"\nseeds = [3]\nshifts = [2, 1]\n' + rows + "[schedule]\nepochs = 1\n",
        "loss.kind=mse",
        "schedule.batch=9",
    )
    blurred, plain, tuned = grid.rows
    # Nothing of the configuration's own network is left in a row's.
    assert plain.configuration.network.variant == Variant("alexnet")
    assert tuned.configuration.network.variant == blurred.configuration.network.variant == Variant("alexnet", blur=3)
    assert [row.configuration.network.trunk for row in grid.rows] == ["pretrained", "pretrained", "fixed"]
    # Published is what a network has, whatever it is called here.
    assert plain.published == CONFIGURATIONS["alex"].published
    assert (grid.seeds, grid.shifts, grid.form) == ((3,), (1, 2), "elements")
    one = tuned.seeded(3)
    assert (one.schedule.seed, one.schedule.epochs, one.schedule.batch, one.data.size_px) == (3, 1, 9, 80)
    assert one.loss.kind == "mse"


def test_rows_and_seeds_can_be_chosen() -> None:
    grid = read_grid("table7", only=["alex-blur-pad2-stride1", "alex-blur-pad2"], seeds=[7])
    assert [row.name for row in grid.rows] == ["alex-blur-pad2", "alex-blur-pad2-stride1"]
    assert grid.seeds == (7,)
    with pytest.raises(MetricError, match=r'table7 has no row "alex-blur"; do you mean alex-blur-pad2\? it has alex'):
        read_grid("table7", only=["alex-blur"])


REFUSED = {
    "no rows": (HEAD + "rows = []\n", ", line 2: rows is []; allowed is a list of one or more rows."),
    "rows missing": (HEAD, ": rows is missing; allowed is"),
    "no configuration": ('rows = ["alex"]\n', ": configuration is missing; allowed is"),
    "a key": (HEAD + 'row = ["alex"]\n', ", line 2: a grid has no row; do you mean rows? allowed is"),
    "seeds": (HEAD + 'seeds = [1, 1]\nrows = ["alex"]\n', ", line 2: seeds is [1, 1]; allowed is"),
    "shifts": (HEAD + 'shifts = [4]\nrows = ["alex"]\n', ", line 2: shifts is [4]; allowed is different shifts"),
    "a form": (HEAD + 'form = "table8"\nrows = ["alex"]\n', ', line 2: form is "table8"; allowed is one of'),
    "a network": (HEAD + '\nrows = ["alx"]\n', ', line 3: there is no network "alx"; do you mean alex? allowed'),
    "a row": (HEAD + 'rows = ["alex", 3]\n', ", line 2: a row is 3; allowed is a network's name, or a table"),
    "a row's name": (
        HEAD + '[[rows]]\nname = "a/b"\nbackbone = "alexnet"\n', ', line 3: the name of a row is "a/b"; allowed is',
    ),
    "a name twice": (HEAD + 'rows = ["alex", "alex"]\n', ', line 2: two rows are named "alex"; allowed is'),
    "no backbone": (HEAD + '[[rows]]\nname = "a"\nblur = 3\n', ", line 2: the row a has no network; allowed is"),
    "an element": (
        HEAD + '[[rows]]\nname = "a"\nbackbone = "alexnet"\n[[rows]]\nname = "b"\nbackbone = "alexnet"\nblur = 9\n',
        ", line 8: network.blur is 9; allowed is",
    ),
    "elements": (
        HEAD + '[[rows]]\nname = "a"\npadding = 2\nbackbone = "alexnet"\n', ", line 4: alexnet cannot be built so",
    ),
    "a row's network": (
        HEAD + '[[rows]]\nname = "a"\nnetwork = "alx"\n', ', line 4: there is no network "alx"; do you mean alex?',
    ),
    "a section": (
        HEAD + 'rows = ["alex"]\n[schedule]\nbatch = 0\n', ", line 4: schedule.batch is 0; allowed is a whole",
    ),
    "a network beside": (
        HEAD + 'rows = ["alex"]\n[network]\nblur = 3\n', ", line 4: network.blur is given beside the rows; allowed",
    ),
    "a seed beside": (
        HEAD + 'rows = ["alex"]\n[schedule]\nseed = 3\n', ", line 4: schedule.seed is given beside the seeds; allowed",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_is_refused_with_its_line(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(MetricError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'grid.toml'}{sentence}")


def test_settings_may_change_neither_network_nor_seed() -> None:
    for setting in ("network.name=vgg", "network.blur=3", "schedule.seed=1"):
        with pytest.raises(MetricError, match=f"^--set {setting}: {setting.partition('=')[0]} is given beside"):
            read_grid("table5", [setting])
    assert read_grid("table5", ["network.trunk=fixed"]).rows[0].configuration.network.trunk == "fixed"


def test_crops_have_to_be_large_enough_for_each_network() -> None:
    with pytest.raises(MetricError, match=r"^alex takes images of 31 px and larger, .* have 30: make data.size_px 34"):
        read_grid("table5", ["data.size_px=33"], only=["alex"])
    assert read_grid("table5", ["data.size_px=34"], only=["alex"]).rows[0].configuration.data.size_px == 34


def test_a_broken_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[network]\nname = "alx"\n')
    with pytest.raises(MetricError, match=r'mine\.toml, line 2: there is no network "alx"'):
        read(tmp_path, 'configuration = "mine.toml"\nrows = ["alex"]\n')
    with pytest.raises(MetricError, match=r"yours\.toml cannot be read: there is no such file"):
        read(tmp_path, 'configuration = "yours.toml"\nrows = ["alex"]\n')
    with pytest.raises(MetricError, match=r'"table8" is neither ready nor a file; do you mean table'):
        read_grid("table8")
