"""What a detector sees of one video: its feature vectors, and when each of them was."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from untrimmed.features.time_grid import TimeGrid

FeatureArray = NDArray[np.float32]


@dataclass(frozen=True)
class FeatureSequence:
    """The feature vectors of one video.

    Attributes:
        values: (T, D) float32, every value finite.
        grid: the time of each of the T steps.
    """

    values: FeatureArray
    grid: TimeGrid

    def __len__(self) -> int:
        return len(self.values)
