"""Triplets as in the paper's Figure 1: which are chosen, what is said of them, and the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.errors import AnalysisError
from analysis.figure_style import draw, save
from analysis.two_alternative.choices import Choices
from analysis.two_alternative.examples import Example, examples
from analysis.two_alternative.examples_figure import plot_examples, read_examples, size_of
from analysis.two_alternative.score_files import MetricDistances
from analysis.two_alternative.stimuli import read_stimuli
from made_triplet_study import made_answers, made_triplet_study


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made_triplet_study(tmp_path / "study", triplets=10)


def flipping(choices: Choices, *triplets: int) -> MetricDistances:
    """Finds the first image nearer, the second in these triplets once they are shifted, and none in triplet 9."""
    first, second = np.zeros(10), np.ones(10)
    shifted = first.copy()
    shifted[list(triplets)] = 2
    second[9] = 0
    versions = {shift: (shifted if shift else first, second) for shift in choices.versions}
    return MetricDistances.from_arrays(f"flips in {len(triplets)}", versions)


def test_those_are_shown_in_which_most_metrics_flip_and_fewest_people(folder: Path) -> None:
    table = made_answers(folder.parent / "answers.csv", folder, triplets=10, flips={1: 0.4, 2: 0.4}, people=9)
    choices = Choices.of(table)
    metrics = [flipping(choices, 2, 3, 5), flipping(choices, 3, 5, 6, 7)]
    found = examples(table, choices, metrics, count=3)
    rate = {one.triplet: one.flip_rate for one in examples(table, choices, metrics, count=10)}
    both = sorted(("00004", "00006"), key=rate.__getitem__)
    one_of = min(("00003", "00007", "00008"), key=rate.__getitem__)
    assert [one.triplet for one in found] == [*both, one_of]
    assert [metric.flips for metric in found[0].metrics] == [True, True]
    assert (found[0].metrics[0].unshifted, found[0].metrics[0].shifted) == ("first", "second")
    (tied,) = examples(table, choices, metrics, triplets=["00010"], shift_px=2)
    assert (tied.shift_px, tied.metrics[0].unshifted, tied.metrics[0].flips) == (2, "neither", False)
    assert Example.from_json(found[0].to_json()) == found[0]


def test_shares_and_flips_are_those_of_the_answers(folder: Path) -> None:
    table = made_answers(folder.parent / "answers.csv", folder, triplets=10, flips={1: 0.4, 2: 0.2})
    (found,) = examples(table, Choices.of(table), triplets=["00005"])
    first = table[(table["triplet"] == "00005") & (table["repetition"] == 1)]
    chosen = first.pivot(index="participant", columns="shift_px", values="preferred")
    assert found.share_second == (chosen[0] == "second").mean()
    assert found.share_second_shifted == (chosen[1] == "second").mean()
    assert found.flip_rate == pytest.approx(100 * (chosen[0] != chosen[1]).mean())
    assert (found.distortion_first, found.distortion_second) == ("noise 1", "noise 2")
    without = examples(table, Choices.of(table), count=10)
    assert [one.flip_rate for one in without] == sorted((one.flip_rate for one in without), reverse=True)


def test_a_triplet_or_shift_without_answers_is_named(folder: Path) -> None:
    table = made_answers(folder.parent / "answers.csv", folder, triplets=10)
    choices = Choices.of(table)
    with pytest.raises(AnalysisError, match="The triplet 00099 has no answers both unshifted and shifted by 1 px"):
        examples(table, choices, triplets=["00099"])
    with pytest.raises(AnalysisError, match="Nobody answered triplets shifted by 3 px; name a shift of 1 px"):
        examples(table, choices, shift_px=3)


def test_the_figure_has_the_pictures_in_the_order_first_reference_second(folder: Path) -> None:
    table = made_answers(folder.parent / "answers.csv", folder, triplets=10, flips={1: 0.2, 2: 0.2})
    choices = Choices.of(table)
    found = examples(table, choices, [flipping(choices, 1)], count=2)
    pictures = read_examples(found, read_stimuli(folder))
    name = found[0].triplet
    reference = np.asarray(Image.open(folder / "stimuli" / f"{int(name) - 1:05d}_reference.png"))
    np.testing.assert_array_equal(pictures[0][1], reference)
    assert np.abs(pictures[0][0].astype(int) - reference).mean() < np.abs(pictures[0][2].astype(int) - reference).mean()
    figure = draw(lambda ax: plot_examples(found, pictures, ax), size_of(found))
    (ax,) = figure.axes
    assert [image.get_extent()[0] for image in ax.images] == pytest.approx([0, 1.12, 2.24] * 2)
    texts = [text.get_text() for text in ax.texts]
    assert texts.count("✓") == 4
    assert f"{100 * found[0].share_second:.0f}%" in texts
    save(figure, folder.parent / "figure1.svg")
    assert (folder.parent / "figure1.svg").stat().st_size > 10_000


def test_a_picture_that_is_gone_is_named(folder: Path) -> None:
    table = made_answers(folder.parent / "answers.csv", folder, triplets=10, flips={1: 0.2, 2: 0.2})
    found = examples(table, Choices.of(table), triplets=["00001"])
    stimuli = read_stimuli(folder)
    stimuli["00001_n-0"].files[0].unlink()
    with pytest.raises(AnalysisError, match=r"00000_reference\.png cannot be read as an image"):
        read_examples(found, stimuli)
    with pytest.raises(AnalysisError, match="00001_n-0 was judged, but is not in the manifest"):
        read_examples(found, {})


def test_another_manifest_or_none_is_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(AnalysisError, match=r"manifest\.csv cannot be read"):
        read_stimuli(tmp_path)
    (tmp_path / "manifest.csv").write_text("schema,pair\nshift-study/manifest/2,1\n")
    with pytest.raises(AnalysisError, match="has no column stimulus"):
        read_stimuli(tmp_path)
    path = folder / "manifest.csv"
    path.write_text(path.read_text().replace("stimuli/00000_reference.png", "../secret.png"))
    with pytest.raises(AnalysisError, match="not a path inside the study folder"):
        read_stimuli(folder)
