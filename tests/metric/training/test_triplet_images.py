"""Images of a judged set as a DataLoader has them, from processes of its own too."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from metric.errors import MetricError
from metric.training.configuration import DataPart, Filter
from metric.training.judged_folders_set import read_judged_folders
from metric.training.triplet_images import Collated, TripletImages, TripletItem, Unreadable, collate, readable


@pytest.mark.parametrize("resize", ["bicubic", "bilinear"])
def test_an_item_is_reference_p0_p1_resized_with_its_label(noise_set_once: Path, resize: Filter) -> None:
    part = DataPart(size_px=24, resize=resize)
    judged = replace(read_judged_folders(noise_set_once, part), weights=[1, 1, 1, 1, 0.25, 1.75])
    dataset = TripletImages(judged, part)
    item = dataset[4]
    assert isinstance(item, TripletItem)
    assert (item.images.shape, item.images.dtype) == ((3, 3, 24, 24), torch.uint8)
    assert (item.judge.dtype, item.weight.dtype) == (torch.float32, torch.float32)
    assert (item.judge.item(), item.weight.item(), item.place.item()) == (pytest.approx(0.2), 0.25, 4)
    filter_ = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}[resize]
    for place, name in enumerate(("ref", "p0", "p1")):
        with Image.open(noise_set_once / "2afc/train/cnn" / name / "000001.png") as image:
            expected = np.asarray(image.resize((24, 24), filter_))
        assert np.array_equal(item.images[place].permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_the_items_in_their_order(noise_set_once: Path, workers: int) -> None:
    part = DataPart(size_px=40)
    dataset = TripletImages(read_judged_folders(noise_set_once, part), part)
    loader = DataLoader(dataset, batch_size=4, num_workers=workers, collate_fn=collate)
    first, last = readable(loader)
    assert (first.images.shape, last.images.shape) == ((4, 3, 3, 40, 40), (2, 3, 3, 40, 40))
    assert first.place.tolist() == [0, 1, 2, 3] and last.place.tolist() == [4, 5]
    assert last.judge.tolist() == pytest.approx([0.2, 0.4])
    item = dataset[5]
    assert isinstance(item, TripletItem) and torch.equal(last.images[1], item.images)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_goes_bad_during_a_training_is_told_in_one_sentence(noise_set: Path, workers: int) -> None:
    part = DataPart(size_px=40)
    dataset = TripletImages(read_judged_folders(noise_set, part), part)
    path = noise_set / "2afc/train/cnn/p0/000002.png"
    path.write_bytes(path.read_bytes()[:900])  # its header says nothing of it
    read_judged_folders(noise_set, part)
    loader = DataLoader(dataset, batch_size=3, num_workers=workers, collate_fn=collate)
    batches = readable(loader)
    assert len(next(batches).place) == 3
    with pytest.raises(MetricError, match=rf"^{path} cannot be read as an image: [^\n]*\.$"):
        next(batches)


def test_an_image_that_became_another_size_is_told(noise_set: Path) -> None:
    part = DataPart(size_px=40)
    dataset = TripletImages(read_judged_folders(noise_set, part), part)
    Image.new("RGB", (80, 40)).save(noise_set / "2afc/train/cnn/p1/000000.png")
    found = dataset[3]
    assert isinstance(found, Unreadable)
    assert (
        "The images of cnn/000000 have 80 × 40 pixels when resized and those of traditional/000000 40 × 40" in found[0]
    )


def test_images_of_one_oblong_shape_make_a_batch(noise_set: Path) -> None:
    for path in (noise_set / "2afc/train").rglob("*.png"):
        Image.new("RGB", (60, 40)).save(path)
    part = DataPart(size_px=20)
    dataset = TripletImages(read_judged_folders(noise_set, part), part)
    (batch,) = readable(DataLoader(dataset, batch_size=6, collate_fn=collate))
    assert batch.images.shape == (6, 3, 3, 20, 30)


def test_what_other_processes_are_sent_opens_nothing(noise_set_once: Path) -> None:
    part = DataPart(size_px=24)
    dataset = TripletImages(read_judged_folders(noise_set_once, part), part)
    before = len(list(Path("/proc/self/fd").iterdir()))
    sent = pickle.loads(pickle.dumps(dataset))
    item, again = dataset[0], sent[0]
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert isinstance(item, TripletItem) and torch.equal(item.images, again.images)
    assert len(sent) == 6


def test_a_reader_that_is_killed_is_told_in_a_sentence() -> None:
    def broken(sentence: str) -> Iterator[Collated]:
        raise RuntimeError(sentence)
        yield

    with pytest.raises(MetricError, match=r"\(DataLoader worker \(pid\(s\) 7\) exited unexpectedly\).*fewer --workers"):
        next(readable(broken("DataLoader worker (pid(s) 7) exited unexpectedly")))
    with pytest.raises(RuntimeError, match="another"):
        next(readable(broken("another")))
