"""Steps of a feature sequence to seconds and back: the only place that knows how."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Times = TypeVar("Times", float, NDArray[np.float64])


@dataclass(frozen=True)
class TimeGrid:
    """When each feature vector was: vector t sees `window` frames from frame first + t * stride on.

    Attributes:
        fps: frames (or samples of a signal) per second, above 0.
        stride: frames from one vector to the next, above 0.
        window: frames that one vector sees, at least 0.
        first: the frame at which vector 0 begins.
    """

    fps: float
    stride: float
    window: float
    first: float = 0.0

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("fps", self.fps, self.fps > 0),
            ("stride", self.stride, self.stride > 0),
            ("window", self.window, self.window >= 0),
        ):
            if not (allowed and np.isfinite(value)):
                raise ValueError(f"a time grid's {name} is {value}, but must be a number above 0 (window: or 0)")

    def seconds(self, steps: Times) -> Times:
        """The time of step t, a fraction or not: its window's centre, (first + t * stride + window / 2) / fps."""
        return (steps * self.stride + self.first + 0.5 * self.window) / self.fps

    def steps(self, seconds: Times) -> Times:
        """The step, usually a fraction, at a time: the inverse of `seconds`."""
        return (seconds * self.fps - self.first - 0.5 * self.window) / self.stride

    def end_seconds(self, length: int) -> float:
        """The time at which the last window of a sequence of `length` steps ends."""
        return (self.first + (length - 1) * self.stride + self.window) / self.fps

    def resampled(self, length: int, new_length: int) -> "TimeGrid":
        """The grid after the `length` steps of a whole sequence were stretched linearly to `new_length`.

        The new steps divide the time from the first window's start to the last one's end evenly, and each
        sees its own part: the reading of ActionFormer for ActivityNet.
        """
        stride = ((length - 1) * self.stride + self.window) / new_length
        return TimeGrid(self.fps, stride, stride, self.first)
