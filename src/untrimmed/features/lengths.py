"""Whether feature sequences are as long as their videos, and what their lengths would fit instead."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from untrimmed.annotations.annotations import BoolArray, FloatArray, IntArray
from untrimmed.features.time_grid import TimeGrid
from untrimmed.features.timing import Timing

#: An extractor that fills up the ends of a video gives N / stride vectors of N frames, one that does not
#: (N - window) / stride + 1: they differ by less than window / stride. The other steps are for rounding up or
#: down, and for a video that a decoder reads some frames shorter or longer than its file says.
SPARE_STEPS = 3
#: Durations in annotations are those of the container or of the sound, which is up to a few percent off.
SPARE_SHARE = 0.03
#: From this far off in the median it is no matter of single videos.
SYSTEMATIC_SHARE = 0.05
#: The ends of shorter sequences say too little of the stride.
LONG_STEPS = 10
#: Strides and rates are usually whole numbers; the median of many videos comes this close to them.
WHOLE_SHARE = 0.03
#: Rates are mostly multiples of 5 a second, otherwise whole.
USUAL_RATES = (5, 1)


@dataclass(frozen=True)
class Lengths:
    """The lengths of V feature sequences, one a video, beside the durations of the videos.

    Attributes:
        video_ids: V names.
        steps: (V,) steps of the sequence in the file.
        duration_seconds: (V,) of the video, all known.
        fps: (V,) frames per second of each video.
        stride: frames from one vector to the next.
        window: frames that one vector sees.
    """

    video_ids: tuple[str, ...]
    steps: IntArray
    duration_seconds: FloatArray
    fps: FloatArray
    stride: float
    window: float

    @classmethod
    def of(cls, steps: Mapping[str, int], duration_of: Mapping[str, float], timing: Timing) -> "Lengths":
        """Those of the videos with known `steps` that have a duration (not NaN); their frame rates are known."""
        timed = [video_id for video_id in steps if not math.isnan(duration_of[video_id])]
        return cls(
            video_ids=tuple(timed),
            steps=np.array([steps[video_id] for video_id in timed], dtype=np.int64),
            duration_seconds=np.array([duration_of[video_id] for video_id in timed]),
            fps=np.array([timing.grid(video_id).fps for video_id in timed]),
            stride=timing.stride,
            window=timing.window,
        )

    @property
    def expected(self) -> FloatArray:
        """(V,) the steps, a fraction, whose windows fill the video, at least 1."""
        return np.maximum((self.duration_seconds * self.fps - self.window) / self.stride + 1, 1.0)

    @property
    def fit(self) -> BoolArray:
        """(V,) whether a sequence is about as long as expected."""
        spare = np.maximum(self.window / self.stride + SPARE_STEPS, SPARE_SHARE * self.expected)
        return np.asarray(np.abs(self.steps - self.expected) <= spare)

    def diagnosis(self) -> str | None:
        """One sentence that says what all lengths together would fit instead; None where they fit."""
        long = np.maximum(self.expected, self.steps) >= LONG_STEPS
        if not long.any():
            return None
        steps, expected = self.steps[long], self.expected[long]
        ratio = float(np.median(steps / expected))
        if self._is_stretched():
            return (
                f"all {len(steps)} sequences have {steps[0]} steps, however long the video is: they were "
                "stretched to a fixed length before they were written; get those that keep their own length"
            )
        if abs(ratio - 1) <= SYSTEMATIC_SHARE:
            return None
        fps = float(np.median(self.fps[long]))
        return (
            f"in the median the sequences are {ratio:.3g} times as long as expected: the lengths fit a stride of "
            f"{_number(self._implied_stride(long))} frames instead of {self.stride:g}, or a rate of "
            f"{_number(self._implied_fps(long), USUAL_RATES)} frames a second instead of {fps:.4g}"
        )

    def _is_stretched(self) -> bool:
        """Whether sequences of videos of different lengths are all of one length."""
        different = float(np.ptp(self.expected)) > SPARE_STEPS + SPARE_SHARE * float(self.expected.max())
        return different and len(self.steps) > 2 and len(set(self.steps.tolist())) == 1

    def _implied_stride(self, rows: BoolArray) -> float:
        frames = self.duration_seconds[rows] * self.fps[rows]
        return float(np.median((frames - self.window) / np.maximum(self.steps[rows] - 1, 1)))

    def _implied_fps(self, rows: BoolArray) -> float:
        seen_frames = (self.steps[rows] - 1) * self.stride + self.window
        return float(np.median(seen_frames / self.duration_seconds[rows]))


def whole_windows(duration_seconds: float, grid: TimeGrid) -> int:
    """The steps of an extractor that makes vectors of whole windows only: at least 1."""
    return max(int((duration_seconds * grid.fps - grid.window) // grid.stride) + 1, 1)


def _number(value: float, units: Sequence[int] = (1,)) -> str:
    """The whole number that is meant, a multiple of the first of the units that comes close, or three digits."""
    for unit in units:
        whole = unit * round(value / unit)
        if abs(value - whole) <= WHOLE_SHARE * value:
            return str(whole)
    return f"{value:.3g}"
