"""The images of a judged set for PyTorch's DataLoader, in this process or in others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from metric.errors import MetricError
from metric.pixels import Pixels, read_pixels
from metric.training.configuration import DataPart
from metric.training.content import other_size
from metric.training.judged_set import JudgedSet
from metric.triplets.crops import resized
from metric.triplets.triplet import Triplet


class TripletItem(NamedTuple):
    """A triplet.

    Attributes:
        images: reference, p0 and p1, resized: (3, 3, H, W), uint8.
        judge: share of people who preferred p1, float32.
        weight: of the judgment, float32.
        place: in the set, from 0, int64.
    """

    images: Tensor
    judge: Tensor
    weight: Tensor
    place: Tensor


class TripletBatch(NamedTuple):
    """The same of N triplets: `images` (N, 3, 3, H, W), uint8, and the others (N,)."""

    images: Tensor
    judge: Tensor
    weight: Tensor
    place: Tensor


class Unreadable(NamedTuple):
    """Why a triplet, or a batch, has no images.

    Another process hands it on as data: as an exception the DataLoader would wrap it in that process's traceback.
    """

    sentence: str


Collated: TypeAlias = TripletBatch | Unreadable


class TripletImages(Dataset[TripletItem | Unreadable]):
    """The triplets of a set, each read when it is asked for; nothing is kept, and nothing stays open.

    Args:
        judged: the set.
        part: how large images are made, and how.

    Raises:
        MetricError: where the first triplet, whose size is that of all, cannot be read.
    """

    def __init__(self, judged: JudgedSet, part: DataPart) -> None:
        self.judged, self.part = judged, part
        height, width, _ = self._pixels(judged.triplets[0])[0].shape
        self.size = width, height

    def __len__(self) -> int:
        return len(self.judged.triplets)

    def __getitem__(self, index: int) -> TripletItem | Unreadable:
        triplet = self.judged.triplets[index]
        try:
            images = self._pixels(triplet)
            for pixels in images:
                found = (pixels.shape[1], pixels.shape[0])
                if found != self.size:
                    raise other_size(triplet, found, self.judged.triplets[0], self.size)
        except MetricError as error:
            return Unreadable(str(error))
        return TripletItem(
            images=torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(),
            judge=torch.tensor(triplet.judge, dtype=torch.float32),
            weight=torch.tensor(self.judged.weights[index], dtype=torch.float32),
            place=torch.tensor(index),
        )

    def _pixels(self, triplet: Triplet) -> list[Pixels]:
        files = (triplet.reference, *triplet.compared)
        return [resized(read_pixels(path), self.part.size_px, self.part.resize) for path in files]


def collate(items: Sequence[TripletItem | Unreadable]) -> Collated:
    """A batch of items, for the DataLoader's `collate_fn`; the first problem among them instead, if there is one."""
    read: list[TripletItem] = []
    for item in items:
        if isinstance(item, Unreadable):
            return item
        read.append(item)
    return TripletBatch(*(torch.stack(parts) for parts in zip(*read, strict=True)))


def readable(batches: Iterable[Collated]) -> Iterator[TripletBatch]:
    """The batches of a DataLoader with `collate`, in the process that trains.

    Raises:
        MetricError: for a batch with an unreadable file, in the one sentence that names it; where a process that reads
            has been killed, as for want of memory.
    """
    try:
        for batch in batches:
            if isinstance(batch, Unreadable):
                raise MetricError(batch.sentence)
            yield batch
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):  # torch has no class for it
            raise
        raise MetricError(
            f"A process that reads images was ended ({str(error).splitlines()[0].rstrip('. ')}), as it is where memory "
            "or /dev/shm is too small; give fewer --workers, or 0."
        ) from error
