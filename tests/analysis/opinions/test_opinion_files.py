"""Opinions in CSV files and in the folders of published sets: what is read, and what is said of what cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.opinions.opinion_csv import read_opinion_csv
from analysis.opinions.reading import rated_images, read_image_distances, read_opinions
from made_opinions import made_opinions, write_scores

LINES = [("a.png", f"a{i}.png", i) for i in (1, 2, 3)] + [("b.png", f"b{i}.png", 2 * i) for i in (1, 2, 3)]
SCORES = "reference,image,score\n" + "".join(f"{r},{i},{s}\n" for r, i, s in LINES)


def write(folder: Path, text: str, name: str = "scores.csv") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_scores_with_and_without_errors(tmp_path: Path) -> None:
    plain = read_opinions(write(tmp_path, SCORES))
    assert plain.name == "scores"
    assert plain.score.tolist() == [1, 2, 3, 2, 4, 6]
    assert plain.standard_error is None
    assert plain.references == ("a.png",) * 3 + ("b.png",) * 3
    assert not plain.higher_is_worse
    made, _ = made_opinions()
    read = read_opinions(write_scores(tmp_path / "made.csv", made), higher_is_worse=True)
    assert (read.score == made.score).all()
    assert (read.standard_error == made.standard_error).all()
    assert read.higher_is_worse


@given(
    votes=st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=6), min_size=6, max_size=6).filter(
        lambda rows: any(len(row) > 1 for row in rows) and len({sum(row) / len(row) for row in rows}) > 1
    )
)
def test_votes_in_a_cell_and_in_lines_have_the_means_and_errors_of_numpy(
    votes: list[list[int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("votes")
    named = list(zip(LINES, votes, strict=True))
    cells = "".join(f"{r},{i},{' '.join(map(str, row))}\n" for (r, i, _), row in named)
    lines = "".join(f"{r},{i},p{n},{vote}\n" for (r, i, _), row in named for n, vote in enumerate(row))
    found = [
        read_opinion_csv(write(folder, "reference,image,votes\n" + cells)),
        read_opinion_csv(write(folder, "reference,image,observer,score\n" + lines)),
    ]
    for one in found:
        assert one.score == pytest.approx([np.mean(row) for row in votes])
        assert one.standard_error is not None
        for error, row in zip(one.standard_error, votes, strict=True):
            if len(row) > 1:
                assert error == pytest.approx(np.std(row, ddof=1) / np.sqrt(len(row)))
    pooled = np.sqrt(np.mean([np.var(row, ddof=1) for row in votes if len(row) > 1]))
    for error, row in zip(found[0].standard_error, votes, strict=True):  # type: ignore[arg-type]
        if len(row) == 1:
            assert error == pytest.approx(pooled)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reference,image,mos\na,b,1\n", "the column score is missing; give score, or votes"),
        ("image,score\na,1\n", "the column reference is missing"),
        ("reference;image;score\na;b;1\n", "not separated by commas"),
        ("reference,image,score,votes\na,b,1,1 2\n", "gives votes in two ways"),
        ("reference,image,votes,standard_error\na,b,1 2,1\n", "leave out the column standard_error"),
        ("reference,image,votes\na,b,1 x\n", "line 2: the votes are '1 x', not numbers"),
        ("reference,image,votes\na,b,\n", "line 2: the votes are '', not numbers"),
        ("reference,image,observer,score\na,b,p,1\na,b,p,2\n", "line 3: p votes on b of a a second time"),
        ("reference,image,observer,score\na,b,,1\n", "the observer is not named"),
        ("reference,image,score\na,b,x\n", "line 2: the score is 'x', not a number"),
        ("reference,image,score\na,b,1,62\n", "line 2 has more cells than .* names columns; .* decimals with a point"),
        ("reference,image,score\n,b,1\n", "line 2: the reference is not named"),
        ("reference,image,score\na,,1\n", "line 2: the image is not named"),
        (SCORES + "a.png,a1.png,7\n", "line 8: a1.png of a.png was already given; remove one"),
        (SCORES + "a.png,a9.png,inf\n", "the score of a9.png of a.png is inf, not a finite number"),
        (SCORES + "a.png,a9.png,nan\n", "the score of a9.png of a.png is nan, not a finite number"),
        ("reference,image,score\n", "has scores of 0 images; a correlation takes 5"),
        ("reference,image,score\n" + "".join(f"a,{i},{i}\n" for i in range(9)), "of one reference, a, only"),
        ("reference,image,score\n" + "".join(f"r{i},{i},3\n" for i in range(9)), "every score is 3"),
        (
            "reference,image,score,standard_error\n" + "".join(f"r{i},{i},{i},{2 - i}\n" for i in range(6)),
            "the standard error of 3 of r3 is -1, not a finite number of 0 or more",
        ),
    ],
)
def test_what_a_file_lacks_is_said(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=said):
        read_opinions(write(tmp_path, text))


def test_a_source_that_is_not_there_or_no_known_folder_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"There is no .*gone\.csv"):
        read_opinions(tmp_path / "gone.csv")
    for name in "abcdefg":
        write(tmp_path, "", f"{name}.txt")
    said = (
        r"looked for mos_with_names\.txt \(TID2013\), dmos\.csv \(KADID-10k\), Train_Label \(PIPAL\); "
        r"found a\.txt, b\.txt, c\.txt, d\.txt, e\.txt and 2 more"
    )
    with pytest.raises(AnalysisError, match=said):
        read_opinions(tmp_path)


def tid(folder: Path, errors: str = "0.1\n0.2\n0.1\n0.15\n0.2\n") -> Path:
    """A folder as TID2013 has it, with its capital letters that differ from place to place."""
    write(
        folder,
        "5.5 I01_01_1.bmp\r\n4.4 i01_01_2.bmp\r\n3.1 I01_11_1.BMP\r\n5.2 i25_01_1.bmp\r\n2.5 i25_01_2.bmp\r\n",
        "mos_with_names.txt",
    )
    if errors:
        write(folder, errors, "mos_std.txt")
    for name in ("I01.BMP", "i25.bmp"):
        write(folder, "", f"reference_images/{name}")
    for name in ("I01_01_1.bmp", "i01_01_2.bmp", "i01_11_1.bmp", "I25_01_1.BMP", "i25_01_2.bmp"):
        write(folder, "", f"distorted_images/{name}")
    return folder


def test_tid2013(tmp_path: Path) -> None:
    found = read_opinions(tid(tmp_path / "tid2013"))
    assert (found.name, found.higher_is_worse) == ("TID2013", False)
    assert found.score.tolist() == [5.5, 4.4, 3.1, 5.2, 2.5]
    assert found.standard_error is not None
    assert found.standard_error.tolist() == [0.1, 0.2, 0.1, 0.15, 0.2]
    files = [(one.reference_file.name, one.image_file.name) for one in rated_images(found)]
    assert files == [
        ("I01.BMP", "I01_01_1.bmp"),
        ("I01.BMP", "i01_01_2.bmp"),
        ("I01.BMP", "i01_11_1.bmp"),
        ("i25.bmp", "I25_01_1.BMP"),
        ("i25.bmp", "i25_01_2.bmp"),
    ]
    assert read_opinions(tid(tmp_path / "without", "")).standard_error is None
    with pytest.raises(AnalysisError, match=r"has 2 lines, but mos_with_names\.txt 5"):
        read_opinions(tid(tmp_path / "short", "1\n2\n"))
    with pytest.raises(AnalysisError, match="'x' is not a number"):
        read_opinions(tid(tmp_path / "text", "1\nx\n"))
    with pytest.raises(AnalysisError, match="leave out --higher-is-worse"):
        read_opinions(tmp_path / "tid2013", higher_is_worse=True)
    write(tmp_path / "bad", "5.5 i01_01_1.bmp\n4.1\n", "mos_with_names.txt")
    with pytest.raises(AnalysisError, match=r"line 2 is '4\.1', not a score and a name"):
        read_opinions(tmp_path / "bad")


def test_kadid(tmp_path: Path) -> None:
    rows = [("I01", level, 5 - level / 2) for level in range(1, 4)] + [
        ("I02", level, 4 - level) for level in range(1, 4)
    ]
    text = "dist_img,ref_img,dmos,var\n" + "".join(f"{r}_01_0{n}.png,{r}.png,{s},0.5\n" for r, n, s in rows)
    found = read_opinions(write(tmp_path, text, "dmos.csv").parent)
    assert (found.name, found.higher_is_worse) == ("KADID-10k", False)
    assert found.references[0] == "I01.png"
    assert found.images[-1] == "I02_01_03.png"
    assert found.standard_error == pytest.approx(0.5 / np.sqrt(29))
    write(tmp_path, text.replace("4.5", "x"), "dmos.csv")
    with pytest.raises(AnalysisError, match="line 2 has no name, or no number"):
        read_opinions(tmp_path)
    write(tmp_path, text.replace("var", "std"), "dmos.csv")
    with pytest.raises(AnalysisError, match="the column var is missing"):
        read_opinions(tmp_path)


def test_pipal(tmp_path: Path) -> None:
    for reference in ("A0001", "A0002"):
        lines = "".join(f"{reference}_00_0{n}.bmp,{1500 - 10.5 * n}\n" for n in range(3))
        write(tmp_path, lines, f"Train_Label/{reference}.txt")
        write(tmp_path, "", f"Train_Ref/{reference}.bmp")
        for n in range(3):
            write(tmp_path, "", f"Distortion_{n + 1}/{reference}_00_0{n}.bmp")
    found = read_opinions(tmp_path)
    assert (found.name, found.standard_error) == ("PIPAL", None)
    assert found.references == ("A0001.bmp",) * 3 + ("A0002.bmp",) * 3
    assert found.score.tolist() == [1500, 1489.5, 1479] * 2
    one = rated_images(found)[4]
    assert (one.reference_file.parent.name, one.image_file.parent.name) == ("Train_Ref", "Distortion_2")
    write(tmp_path, "A0003_00_00.bmp;1500\n", "Train_Label/A0003.txt")
    with pytest.raises(AnalysisError, match=r"A0003\.txt: line 1 is 'A0003_00_00\.bmp;1500', not a name and a score"):
        read_opinions(tmp_path)
    for path in (tmp_path / "Train_Label").iterdir():
        path.unlink()
    with pytest.raises(AnalysisError, match=r"has no \.txt files"):
        read_opinions(tmp_path)


def test_an_image_that_is_missing_or_there_twice_is_named(tmp_path: Path) -> None:
    folder = tid(tmp_path)
    found = read_opinions(folder)
    (folder / "reference_images/i25.bmp").unlink()
    with pytest.raises(AnalysisError, match=r"There is no reference i25\.bmp in"):
        rated_images(found)
    write(folder, "", "reference_images/i25.bmp")
    write(folder, "", "copies/I25.bmp")
    with pytest.raises(AnalysisError, match=r"could be i25\.bmp; keep one"):
        rated_images(found)
    (folder / "copies/I25.bmp").unlink()
    (folder / "distorted_images/i01_01_2.bmp").unlink()
    with pytest.raises(AnalysisError, match=r"There is no image i01_01_2\.bmp"):
        rated_images(found)


def test_distances_are_by_reference_and_image(tmp_path: Path) -> None:
    text = "reference,image,distance\na,x,1\nb,x,2\n"
    metrics, _ = read_image_distances([f"one={write(tmp_path, text, 'm.csv')}"])
    assert metrics == {"one": {"x of a": 1.0, "x of b": 2.0}}
    with pytest.raises(AnalysisError, match="line 4: the pair x of a was already given"):
        read_image_distances([str(write(tmp_path, text + "a,x,1\n", "m.csv"))])
    with pytest.raises(AnalysisError, match="the column reference is missing"):
        read_image_distances([str(write(tmp_path, "pair,distance\na,1\n", "m.csv"))])
