"""Training samples: a random part of a video with the action instances that are left in it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from untrimmed.annotations.annotations import Annotations, BoolArray, FloatArray, IntArray
from untrimmed.features.store import FeatureStore
from untrimmed.training.targets import SequenceTruth

#: How many places to cut are tried before a part without any whole-enough action is accepted.
ATTEMPTS = 200


@dataclass(frozen=True)
class Sample:
    """One sequence to learn from.

    Attributes:
        video: row of its video in the annotations.
        features: (T, D) float32.
        truth: its action instances, in steps of these T.
        noise_seed: of the noise that is added to the features in a step of training.
    """

    video: int
    features: Tensor
    truth: SequenceTruth
    noise_seed: int = 0


@dataclass(frozen=True)
class Cropping:
    """How a sample is cut out of a longer sequence.

    Attributes:
        max_length: the most steps of a sample.
        ratio: a shorter sequence keeps a random share between these two of its steps; None keeps all.
        truncation_threshold: an action that is cut stays if at least this share of it is left.
    """

    max_length: int
    ratio: tuple[float, float] | None = (0.9, 1.0)
    truncation_threshold: float = 0.5

    def draw(
        self, length: int, segments: FloatArray, generator: np.random.Generator
    ) -> tuple[int, int, BoolArray]:
        """Where to cut a sequence of `length` steps with `segments`, (G, 2) in steps.

        Returns:
            first step, one past the last step, and which of the G segments stay. At least one does, if a cut
            that keeps one is found in 200 attempts and there are any.
        """
        size = self._size(length, generator)
        starts = generator.integers(0, length - size + 1, size=ATTEMPTS)[:, None]
        left = np.minimum(segments[:, 1], starts + size) - np.maximum(segments[:, 0], starts)
        stays = left >= self.truncation_threshold * (segments[:, 1] - segments[:, 0])
        stays &= left > 0
        attempt = int(np.argmax(stays.any(axis=1)))
        first = int(starts[attempt, 0])
        return first, first + size, stays[attempt]

    def _size(self, length: int, generator: np.random.Generator) -> int:
        if length > self.max_length:
            return self.max_length
        if self.ratio is None:
            return length
        least, most = (max(round(share * length), 1) for share in self.ratio)
        return int(generator.integers(least, min(most, length) + 1))


@dataclass(frozen=True)
class TrainingVideos:
    """The videos to learn from; a sample of one depends on the video and on the generator alone.

    Attributes:
        store: the features.
        annotations: V videos, all of which have features.
        cropping: how a sample is cut out.
        random_phase: let the windows of a raw signal begin at a random sample of their stride.
    """

    store: FeatureStore
    annotations: Annotations
    cropping: Cropping
    random_phase: bool = False

    def __len__(self) -> int:
        return len(self.annotations.videos)

    def sample(self, video: int, generator: np.random.Generator) -> Sample:
        """A random sample of the video in this row of the annotations."""
        video_id = self.annotations.videos.ids[video]
        store = self._in_random_phase(video_id, generator)
        segments, labels = self._truth(video_id, store)
        first, stop, stays = self.cropping.draw(store.length(video_id), segments, generator)
        features = store.read(video_id, first, stop)
        left = np.clip(segments[stays], first, stop) - first
        truth = SequenceTruth(torch.from_numpy(left).float(), torch.from_numpy(labels[stays]))
        return Sample(video, torch.from_numpy(features), truth, int(generator.integers(2**63)))

    def whole(self, video: int) -> Sample:
        """The whole video, as it is."""
        video_id = self.annotations.videos.ids[video]
        segments, labels = self._truth(video_id, self.store)
        truth = SequenceTruth(torch.from_numpy(segments).float(), torch.from_numpy(labels))
        return Sample(video, torch.from_numpy(self.store[video_id].values), truth)

    def _in_random_phase(self, video_id: str, generator: np.random.Generator) -> FeatureStore:
        folding = self.store.folding
        # A signal of one window has no sample to spare.
        if not self.random_phase or folding is None or self.store.length_before_resampling(video_id) == 1:
            return self.store
        return self.store.delayed(int(generator.integers(folding.stride)))

    def _truth(self, video_id: str, store: FeatureStore) -> tuple[FloatArray, IntArray]:
        """Segments (G, 2) in steps and labels (G,) of one video."""
        grid = store.grid(video_id)
        segments = self.annotations.segments_of(video_id)
        steps = np.stack((grid.steps(segments.start_seconds), grid.steps(segments.end_seconds)), axis=1)
        return steps, segments.label
