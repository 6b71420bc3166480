"""Feature sequences planted from annotations: noise, and while an action lasts a direction of its class.

A vector is standard normal noise, plus for each action at that time a vector of length

    EASY_DEVIATIONS * (1 - difficulty) * envelope

in the direction of the action's class; the envelope is END_STRENGTH at the ends of the action and rises linearly
to 1 within its first and last quarter. Noise has a standard deviation of 1 along any direction, whatever the
dimension, so that the strength is that of the evidence for a class. What is planted starts and ends at other
times than the label says, off by a normal error of `difficulty * JITTER` of the action's length at either end. So
at difficulty 0 everything is plain and exact, and at difficulty 1 there is noise alone.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from untrimmed.annotations.annotations import FloatArray, IntArray, Segments
from untrimmed.features.sequence import FeatureArray
from untrimmed.features.time_grid import TimeGrid

#: How far an action stands out of the noise at difficulty 0, in standard deviations of it.
EASY_DEVIATIONS = 10.0
END_STRENGTH = 0.5
#: The share of an action that is weaker, at either end.
RAMP = 0.25
JITTER = 0.2
#: The logarithm of how much likelier a class of a video is than any other at difficulty 0.
EASY_LOG_ODDS = 16.0


@dataclass(frozen=True)
class Planting:
    """What is planted, the same for a video whichever other videos there are.

    Attributes:
        classes: K names.
        dimension: D.
        difficulty: from 0 to 1.
        seed: of everything random, together with the names of the videos and classes.
    """

    classes: tuple[str, ...]
    dimension: int
    difficulty: float = 0.5
    seed: int = 0

    def features(self, video_id: str, segments: Segments, grid: TimeGrid, length: int) -> FeatureArray:
        """The features of a video, (T, D) for a `length` of T steps, with its segments in them."""
        generator = self._generator("video", video_id)
        starts, ends = self._jittered(segments, generator)
        values = generator.standard_normal((length, self.dimension), dtype=np.float32)
        seconds = grid.seconds(np.arange(length, dtype=np.float64))
        strength = EASY_DEVIATIONS * (1 - self.difficulty)
        for start, end, label in zip(starts, ends, segments.label, strict=True):
            rows, envelope = _envelope(seconds, start, end)
            values[rows] += (strength * envelope).astype(np.float32)[:, None] * self._directions[label]
        return values

    def video_scores(self, video_id: str, labels: IntArray) -> FloatArray:
        """(K,) scores, with sum 1, of a classifier of whole videos for a video with actions of these classes."""
        log_odds = self._generator("scores", video_id).standard_normal(len(self.classes))
        log_odds[labels] += EASY_LOG_ODDS * (1 - self.difficulty)
        scores = np.exp(log_odds - log_odds.max())
        return np.asarray(scores / scores.sum())

    @cached_property
    def _directions(self) -> FeatureArray:
        """(K, D), each of length 1, the same for a class whichever other classes there are."""
        drawn = np.stack(
            [
                self._generator("class", name).standard_normal(self.dimension, dtype=np.float32)
                for name in self.classes
            ]
        )
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float32)

    def _jittered(self, segments: Segments, generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """When what is planted for each segment starts and ends; the end stays behind the start."""
        error = self.difficulty * JITTER * generator.standard_normal((2, len(segments)))
        length = segments.end_seconds - segments.start_seconds
        starts = segments.start_seconds + error[0] * length
        return starts, np.maximum(segments.end_seconds + error[1] * length, starts)

    def _generator(self, kind: str, name: str) -> np.random.Generator:
        """Random numbers that depend on the seed and the name alone."""
        digest = hashlib.sha256(f"{kind} {name}".encode()).digest()
        return np.random.default_rng([self.seed, int.from_bytes(digest[:16], "big")])


def _envelope(seconds: FloatArray, start: float, end: float) -> tuple[NDArray[np.int64], FloatArray]:
    """The steps of an action and how strong it is there; an action between two steps is at the nearest."""
    rows = np.flatnonzero((seconds >= start) & (seconds <= end))
    if len(rows) == 0:
        return np.array([np.abs(seconds - 0.5 * (start + end)).argmin()]), np.ones(1)
    place = (seconds[rows] - start) / max(end - start, np.finfo(np.float64).tiny)
    from_the_ends = np.minimum(place, 1 - place)
    return rows, END_STRENGTH + (1 - END_STRENGTH) * np.minimum(from_the_ends / RAMP, 1)
