"""Raw signals: samples folded by a sliding window into the vectors that a detector sees."""

from dataclasses import dataclass

import numpy as np

from untrimmed.features.sequence import FeatureArray


@dataclass(frozen=True)
class Folding:
    """How N samples of C channels become T vectors of C * window values, channel by channel.

    Vector t holds the samples from first + t * stride on: first the `window` samples of channel 0, then those of
    channel 1, and so on. T = floor((N - window) / stride) + 1; what is left after the last whole window is
    in no vector. A recording shorter than one window gives one vector, its last sample repeated to the end.

    Attributes:
        window: samples in a vector, at least 1.
        stride: samples from the start of one vector to that of the next (the hop), at least 1.
        first: the sample at which vector 0 begins.
    """

    window: int
    stride: int
    first: int = 0

    def length(self, samples: int) -> int:
        """The number of vectors T of a recording of `samples` samples, at least 1."""
        return max(samples - self.first - self.window, 0) // self.stride + 1

    def samples(self, start: int, stop: int) -> tuple[int, int]:
        """First sample, and the one after the last, that the vectors from `start` to before `stop` see."""
        return self.first + start * self.stride, self.first + (stop - 1) * self.stride + self.window

    def fold(self, samples: FeatureArray) -> FeatureArray:
        """The vectors, (T, C * window), of samples (N, C)."""
        missing = self.window - len(samples)
        if missing > 0:
            samples = np.pad(samples, ((0, missing), (0, 0)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(samples, self.window, axis=0)[:: self.stride]
        vectors = windows.reshape(len(windows), -1)  # (T, C, window) to (T, C * window): a copy, or a view of one
        return vectors if vectors.flags.writeable else vectors.copy()
