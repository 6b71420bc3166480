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
from untrimmed.errors import InputError
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
        noise_seeds: B seeds of noise; the features have none yet.
    """

    videos: tuple[int, ...]
    features: Tensor
    lengths: tuple[int, ...]
    truths: tuple[SequenceTruth, ...]
    noise_seeds: tuple[int, ...]

    def with_noise(self, deviation: float) -> Tensor:
        """The features with Gaussian noise of this standard deviation, (B, T, D); zero behind the sequences.

        The noise of a sample depends on its own seed alone. It is drawn where the batch is, since a processor
        would take longer for it than a GPU for the whole step; the two draw different numbers.
        """
        if deviation == 0:
            return self.features
        noise = torch.zeros_like(self.features)
        for row, length, seed in zip(noise, self.lengths, self.noise_seeds, strict=True):
            generator = torch.Generator(noise.device).manual_seed(seed)
            row[:length].normal_(0.0, deviation, generator=generator)
        return noise.add_(self.features)

    def to(self, device: torch.device) -> "Batch":
        """The same on another device; the truths stay where they are."""
        return replace(self, features=self.features.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        """The same in memory from which a GPU can copy at once."""
        return replace(self, features=self.features.pin_memory())


def collate(samples: Sequence[Sample]) -> Batch:
    """A batch of samples."""
    lengths = tuple(len(sample.features) for sample in samples)
    features = torch.empty(len(samples), max(lengths), samples[0].features.shape[1])
    for row, sample, length in zip(features, samples, lengths, strict=True):
        row[:length] = sample.features
        row[length:] = 0
    return Batch(
        videos=tuple(sample.video for sample in samples),
        features=features,
        lengths=lengths,
        truths=tuple(sample.truth for sample in samples),
        noise_seeds=tuple(sample.noise_seed for sample in samples),
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


class _Reported(Dataset["Sample | InputError"]):
    """A dataset whose input errors are items: one that is raised in a loader process arrives as a traceback."""

    def __init__(self, samples: Dataset[Sample]) -> None:
        self.samples = samples

    def __getitem__(self, position: int) -> "Sample | InputError":
        try:
            return self.samples[position]
        except InputError as error:
            # Its own kind may not survive the way between processes, nor may what caused it.
            return InputError(str(error))


def _collate_reported(samples: "Sequence[Sample | InputError]") -> "Batch | InputError":
    """A batch, or the first error among its samples."""
    good = [sample for sample in samples if isinstance(sample, Sample)]
    errors = [sample for sample in samples if isinstance(sample, InputError)]
    return errors[0] if errors else collate(good)


class Loader(DataLoader["Sample | InputError"]):
    """Batches of samples; an InputError of a loader process is raised here as the sentence that it is.

    Args:
        samples: a dataset.
        share: which samples make each batch.
        workers: loader processes.
        pin_memory: whether the batches will be copied to a GPU.
    """

    def __init__(
        self,
        samples: Dataset[Sample],
        share: "Share | Sequence[list[int]]",
        workers: int,
        pin_memory: bool = False,
    ) -> None:
        super().__init__(
            _Reported(samples),
            batch_sampler=share,
            collate_fn=_collate_reported,
            num_workers=workers,
            pin_memory=pin_memory,
        )

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        for batch in super().__iter__():
            if isinstance(batch, InputError):
                raise batch
            yield batch
