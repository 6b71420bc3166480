"""The order in which samples are seen: a function of the seed and the step alone.

All videos are shuffled, over and over, into one endless row of samples; a step takes the next batch of it,
and each of several processes its share of that batch. So a run can be taken up at any step, and what it learns
does not depend on the number of processes or of loader workers. Every video is seen equally often: an epoch
whose last batch is short takes the missing samples from the next shuffle.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from untrimmed.annotations.annotations import IntArray
from untrimmed.training.samples import Sample, TrainingVideos
from untrimmed.training.targets import SequenceTruth


@dataclass(frozen=True)
class Batch:
    """B samples, padded with zeros to the longest.

    Attributes:
        videos: B rows in the annotations.
        features: (B, T, D).
        lengths: B valid lengths.
        truths: B ground truths.
    """

    videos: tuple[int, ...]
    features: Tensor
    lengths: tuple[int, ...]
    truths: tuple[SequenceTruth, ...]

    def to(self, device: torch.device) -> "Batch":
        """The same on another device; the truths stay where they are."""
        return replace(self, features=self.features.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        """The same in memory from which a GPU can copy at once."""
        return replace(self, features=self.features.pin_memory())


def collate(samples: Sequence[Sample]) -> Batch:
    """A batch of samples."""
    lengths = tuple(len(sample.features) for sample in samples)
    features = torch.zeros(len(samples), max(lengths), samples[0].features.shape[1])
    for row, sample in enumerate(samples):
        features[row, : lengths[row]] = sample.features
    return Batch(
        videos=tuple(sample.video for sample in samples),
        features=features,
        lengths=lengths,
        truths=tuple(sample.truth for sample in samples),
    )


class Stream(Dataset[Sample]):
    """The endless row of samples; item p is the sample at position p."""

    def __init__(self, videos: TrainingVideos, seed: int) -> None:
        self.videos = videos
        self.seed = seed

    def __getitem__(self, position: int) -> Sample:
        shuffle, place = divmod(position, len(self.videos))
        video = int(_permutation(len(self.videos), self.seed, shuffle)[place])
        return self.videos.sample(video, np.random.default_rng((self.seed, 1, position)))


class Whole(Dataset[Sample]):
    """Every video whole, in the order of the annotations."""

    def __init__(self, videos: TrainingVideos) -> None:
        self.videos = videos

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, video: int) -> Sample:
        return self.videos.whole(video)


@lru_cache(maxsize=4)
def _permutation(count: int, seed: int, shuffle: int) -> IntArray:
    return np.random.default_rng((seed, 0, shuffle)).permutation(count)


@dataclass(frozen=True)
class Share:
    """The positions that one process takes in the steps of one epoch.

    Attributes:
        epoch: from 0.
        steps: steps of an epoch.
        batch_size: samples of a step, over all processes.
        rank, processes: which process this is, of how many.
    """

    epoch: int
    steps: int
    batch_size: int
    rank: int = 0
    processes: int = 1

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[int]]:
        own = self.batch_size // self.processes
        for step in range(self.epoch * self.steps, (self.epoch + 1) * self.steps):
            first = step * self.batch_size + self.rank * own
            yield list(range(first, first + own))


def steps_per_epoch(videos: int, batch_size: int) -> int:
    """The steps of an epoch: as many as hold all videos, the last one filled up from the next shuffle."""
    return math.ceil(videos / batch_size)


def loader(stream: Stream, share: Share, workers: int, pin_memory: bool) -> "DataLoader[Sample]":
    """The batches of one epoch of one process, each a `Batch`."""
    return DataLoader(
        stream,
        batch_sampler=share,
        collate_fn=collate,
        num_workers=workers,
        pin_memory=pin_memory,
    )
