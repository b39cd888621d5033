"""Reading triplet scores: every form of a file, and everything that a file must not be."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.triplets.scores import TripletScores, read_triplet_scores
from made_triplets import made_triplets

Change = Callable[[pd.DataFrame], Any]


@pytest.fixture
def made() -> pd.DataFrame:
    return made_triplets(counts=(4, 6, 10))


@pytest.fixture
def one(made: pd.DataFrame) -> pd.DataFrame:
    """A file of one metric, as it is published: without a column that names it."""
    return made[made["metric"] == "good"].drop(columns="metric").reset_index(drop=True)


def assert_same(found: TripletScores, expected: TripletScores) -> None:
    assert [metric.name for metric in found.metrics] == [metric.name for metric in expected.metrics]
    for name in ("set", "votes", "size_px", "categories", "sample"):
        assert getattr(found, name) == getattr(expected, name)
    for name in ("judge", "category", "cluster"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))
    for here, there in zip(found.metrics, expected.metrics, strict=True):
        assert np.array_equal([here.d0, here.d1], [there.d0, there.d1])
        assert here.shifted.keys() == there.shifted.keys()
        assert all(np.array_equal(here.shifted[shift], there.shifted[shift]) for shift in here.shifted)


def test_all_forms_of_a_file_hold_the_same(made: pd.DataFrame, tmp_path: Path) -> None:
    made.to_parquet(tmp_path / "both.parquet", index=False)
    made.to_csv(tmp_path / "both.csv", index=False)
    (tmp_path / "both.csv.gz").write_bytes(gzip.compress((tmp_path / "both.csv").read_bytes()))
    (tmp_path / "excel.csv").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "both.csv").read_bytes().replace(b"\n", b"\r\n"))
    (tmp_path / "LOUD.CSV").write_bytes((tmp_path / "both.csv").read_bytes())
    numbered = made.astype({"category": "category"}).assign(judge=made["judge"].astype("float32"), other=1)
    numbered.to_parquet(tmp_path / "numbered.parquet", index=False)
    first = read_triplet_scores([str(tmp_path / "both.parquet")])
    assert [metric.name for metric in first.metrics] == ["good", "poor"]
    assert first.categories == ("cnn", "superres", "traditional")
    assert first.sample[:2] == ("000000", "000001")
    assert (first.shifts, first.shares_references) == ((1, 2, 3), False)
    for name in ("both.csv", "both.csv.gz", "excel.csv", "LOUD.CSV"):
        assert_same(read_triplet_scores([str(tmp_path / name)]), first)
    assert read_triplet_scores([str(tmp_path / "numbered.parquet")]).judge == pytest.approx(first.judge, abs=1e-6)


def test_a_metric_is_named_by_the_column_the_file_or_whoever_asks(one: pd.DataFrame, tmp_path: Path) -> None:
    one.to_csv(tmp_path / "lpips.v1.csv.gz", index=False)
    one.assign(metric="ssim").to_csv(tmp_path / "b=2.csv", index=False)
    files = [str(tmp_path / "lpips.v1.csv.gz"), str(tmp_path / "b=2.csv"), f"mine={tmp_path / 'b=2.csv'}"]
    assert [metric.name for metric in read_triplet_scores(files).metrics] == ["lpips.v1", "ssim", "mine"]
    assert [m.name for m in read_triplet_scores(files, metrics=["mine", "ssim"]).metrics] == ["ssim", "mine"]
    with pytest.raises(AnalysisError, match=r"hold no metric l2; they hold lpips\.v1, ssim, mine"):
        read_triplet_scores(files, metrics=["l2"])


def test_samples_of_files_come_in_any_order(made: pd.DataFrame, tmp_path: Path) -> None:
    made.to_parquet(tmp_path / "both.parquet", index=False)
    good, poor = (made[made["metric"] == name] for name in ("good", "poor"))
    good.to_csv(tmp_path / "good.csv", index=False)
    poor.sample(frac=1, random_state=1).to_csv(tmp_path / "poor.csv", index=False)
    files = [str(tmp_path / "good.csv"), str(tmp_path / "poor.csv")]
    assert_same(read_triplet_scores(files), read_triplet_scores([str(tmp_path / "both.parquet")]))


def test_references_of_a_category_make_clusters(one: pd.DataFrame, tmp_path: Path) -> None:
    references = ["a", "a", "", "", "a", "b", "b", "b", "a", "a", *"cccccccccc"]
    one.assign(reference=references).to_csv(tmp_path / "a.csv", index=False)
    one.to_csv(tmp_path / "b.csv", index=False)
    found = read_triplet_scores([str(tmp_path / "b.csv"), str(tmp_path / "a.csv")])
    assert found.cluster.tolist() == [0, 0, 1, 2, 3, 4, 4, 4, 3, 3, *[5] * 10]
    one.assign(reference=["a", "b", *references[2:]]).to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(AnalysisError, match="c: the reference of the sample traditional/000001 is 'b', but 'a' in"):
        read_triplet_scores([str(tmp_path / "a.csv"), str(tmp_path / "c.csv")])


def test_a_metric_that_two_files_hold_can_be_left_out(one: pd.DataFrame, tmp_path: Path) -> None:
    for name in ("first", "second"):
        both = [one.assign(metric="l2"), one.assign(metric=name)]
        pd.concat(both, ignore_index=True).to_csv(tmp_path / f"{name}.csv", index=False)
    files = [str(tmp_path / "first.csv"), str(tmp_path / "second.csv")]
    found = read_triplet_scores(files, metrics=["first", "second"])
    assert [metric.name for metric in found.metrics] == ["first", "second"]
    for metrics in ([], ["first", "l2"]):
        with pytest.raises(AnalysisError, match=r"both hold scores of l2; .* show only others, with --metric"):
            read_triplet_scores(files, metrics=metrics)


def test_what_only_some_have_can_be_left_out(one: pd.DataFrame, tmp_path: Path) -> None:
    one.assign(size_px=64).to_csv(tmp_path / "long.csv", index=False)
    short = one.drop(columns=[f"d{side}_n{shift}" for side in (0, 1) for shift in (2, 3)])
    short.to_csv(tmp_path / "short.csv", index=False)
    files = [str(tmp_path / "long.csv"), str(tmp_path / "short.csv")]
    with pytest.raises(
        AnalysisError, match=r"64 px, but .* whose size it does not say; .* say with --size what a file"
    ):
        read_triplet_scores(files)
    with pytest.raises(AnalysisError, match=r"at shifts of 0, 1, 2, 3 px, but .* at 0, 1 px; .* --shifts 1\."):
        read_triplet_scores(files, size_px=64)
    found = read_triplet_scores(files, size_px=64, shifts=[1])
    assert (found.shifts, found.size_px, found.size_stated) == ((1,), 64, True)
    with pytest.raises(AnalysisError, match="no distances at a shift of 2 px"):
        read_triplet_scores(files, size_px=64, shifts=[1, 2])


def test_a_metric_that_was_not_scored_at_a_shift_has_empty_cells_there(made: pd.DataFrame, tmp_path: Path) -> None:
    for column in ("d0_n3", "d1_n3"):
        made.loc[made["metric"] == "poor", column] = None
    made.to_parquet(tmp_path / "both.parquet", index=False)
    with pytest.raises(AnalysisError, match=r"good was scored at shifts of 0, 1, 2, 3 px, but .*poor at 0, 1, 2 px"):
        read_triplet_scores([str(tmp_path / "both.parquet")])
    assert read_triplet_scores([str(tmp_path / "both.parquet")], shifts=[2, 1]).shifts == (1, 2)


FAULTS: list[tuple[Change, str]] = [
    (lambda t: t.drop(columns="judge"), "is no table of triplet scores: it has no column judge, and needs category"),
    (lambda t: t.drop(columns="d1_n2"), "has a column d0_n2, but no d1_n2; score both images"),
    (lambda t: t.iloc[:0], "holds no scores; score the images again"),
    (lambda t: t.assign(judge=t["judge"] + 0.5), "judge of the sample .* is 1.* between 0 and 1; correct it"),
    (lambda t: t.assign(judge=t["judge"].where(t.index != 5)), "judge of the sample cnn/000001 is missing or NaN"),
    (lambda t: t.assign(d1=t["d1"].where(t.index != 5, np.inf)), "d1 of the sample cnn/000001 is inf, not a finite"),
    (lambda t: t.assign(d0_n1=t["d0_n1"].where(t.index > 5)), r"d0_n1 .*traditional/000000 is missing .* \(.*6 rows\)"),
    (
        lambda t: t.assign(sample=t["sample"].where(t.index != 1, "000000")),
        "sample traditional/000000 stands there twice",
    ),
    (lambda t: t.assign(sample=t["sample"].where(t.index != 1, "")), "a row has no sample; name it"),
    (lambda t: t.assign(category=""), "a row has no category"),
    (lambda t: t.assign(metric=""), "rows that name no metric; name it in the column"),
    (
        lambda t: t.assign(schema="shift-study/responses/4"),
        "is of the schema 'shift-study/responses/4', but this version",
    ),
    (lambda t: t.assign(votes=["human"] * 19 + ["rule"]), "the column votes holds 'human' and 'rule'; keep one"),
    (lambda t: t.assign(size_px=0.5), "size_px is 0.5, not a number of pixels"),
    (lambda t: t.assign(size_px=np.inf), "size_px is inf, not a number of pixels"),
    (lambda t: t.assign(set="clic"), "scores of clic, not of bapps; see them with shift-study clic table"),
]


@pytest.mark.parametrize(("change", "says"), FAULTS, ids=[says[:40] for _, says in FAULTS])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_what_a_file_must_not_hold(one: pd.DataFrame, tmp_path: Path, change: Change, says: str, suffix: str) -> None:
    path = tmp_path / f"faulty.{suffix}"
    if suffix == "csv":
        change(one).to_csv(path, index=False)
    else:
        change(one).to_parquet(path, index=False)
    with pytest.raises(AnalysisError, match=says) as error:
        read_triplet_scores([str(path)], layout="bapps")
    assert "faulty" in str(error.value)


TOGETHER: list[tuple[Change, str]] = [
    (
        lambda t: t.iloc[1:],
        "other lacks 1 samples that .*first has, such as traditional/000000; score both",
    ),
    (lambda t: t.assign(category=t["category"].replace("cnn", "color")), "lacks 6 samples .* such as cnn/000000"),
    (
        lambda t: pd.concat([t, t.tail(2).assign(category="more")]),
        "first lacks 2 samples that .*other has, such as more",
    ),
    (lambda t: t.assign(judge=1 - t["judge"]), "judge of the sample .* in .*first, but .* in .*other; score both on"),
    (lambda t: t.assign(size_px=64), "of images whose size it does not say, but .*other of images resized to 64 px"),
    (lambda t: t.assign(set="clic"), "of the set 'bapps', but .*other of 'clic'; show them one by one"),
    (lambda t: t.assign(votes="strength"), "of the votes 'human', but .*other of 'strength'"),
    (lambda t: t.drop(columns=["d0_n3", "d1_n3"]), r"first was scored at shifts of 0, 1, 2, 3 px.* --shifts 1,2\."),
    (lambda t: t.drop(columns=["d0_n0", "d1_n0"]), r"but .*other at 1, 2, 3 px; score both at the same ones\.$"),
    (lambda t: t.assign(metric="first"), "both hold scores of first; name one of them otherwise, as with NAME=FILE"),
]


@pytest.mark.parametrize(("change", "says"), TOGETHER, ids=[says[:40] for _, says in TOGETHER])
def test_what_two_files_must_have_in_common(one: pd.DataFrame, tmp_path: Path, change: Change, says: str) -> None:
    one.to_csv(tmp_path / "first.csv", index=False)
    change(one).to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(AnalysisError, match=says):
        read_triplet_scores([str(tmp_path / "first.csv"), str(tmp_path / "other.csv")])


def test_what_is_no_file_of_scores_is_said_to_be_none(made: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "text.csv").write_text("category,sample,judge,d0,d1\ncnn,1,0.2,near,0.3\n")
    (tmp_path / "ragged.csv").write_text("category,sample,judge,d0,d1\ncnn,1,0.2\n")
    (tmp_path / "twice.csv").write_text("category,sample,judge,d0,d1,d1\ncnn,1,0.2,1,2,3\n")
    (tmp_path / "semicolons.csv").write_text("category;sample;judge;d0;d1\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "bytes.csv").write_bytes(b"category,\xff\xfe\n")
    (tmp_path / "plain.csv.gz").write_text("category\n")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"category,sample,judge,d0,d1\n" * 99)[:30])
    (tmp_path / "plain.parquet").write_text("category\n")
    (tmp_path / "scores.json").write_text("[]")
    made.to_csv(tmp_path / "both.csv", index=False)
    lists = pd.DataFrame({name: [[1]] for name in ("category", "sample", "judge", "d0", "d1")})
    lists.to_parquet(tmp_path / "l.parquet")
    for name, says in {
        "text.csv": r"cannot be read as CSV \(.*near.*\); write it again",
        "ragged.csv": "cannot be read as CSV",
        "twice.csv": "has two columns d1; remove one",
        "semicolons.csv": "not separated by commas; save it with commas",
        "empty.csv": "is empty; not even a header",
        "bytes.csv": "cannot be read as CSV",
        "plain.csv.gz": "cannot be read as gzipped CSV",
        "cut.csv.gz": "cannot be read as gzipped CSV",
        "plain.parquet": "cannot be read as Parquet",
        "scores.json": r"whose end is none of \.parquet, \.csv, \.csv\.gz; rename it",
        "gone.csv": "cannot be read: No such file or directory",
        "l.parquet": "the column category is list.*, not text; write it as that",
    }.items():
        with pytest.raises(AnalysisError, match=says):
            read_triplet_scores([str(tmp_path / name)])
    with pytest.raises(AnalysisError, match=r"holds 2 metrics \(good, poor\), which cannot all be named mine"):
        read_triplet_scores([f"mine={tmp_path / 'both.csv'}"])
    with pytest.raises(AnalysisError, match="is not NAME=FILE"):
        read_triplet_scores(["mine="])
    with pytest.raises(AnalysisError, match="no file of triplet scores; name one"):
        read_triplet_scores([])
