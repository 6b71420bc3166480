"""Timed labels: what was found in which video, from when until when, and how sure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from untrimmed.annotations.annotations import FloatArray, IntArray


class Detection(NamedTuple):
    """One action found in one video; the score lies in [0, 1]."""

    video_id: str
    start_seconds: float
    end_seconds: float
    label: str
    score: float


@dataclass(frozen=True)
class Detections:
    """N detections, one column an attribute, by falling score (`sorted` makes it so).

    Attributes:
        classes: K class names.
        video_ids: V video names, also of videos in which nothing was found.
        video: (N,) index into `video_ids`.
        start_seconds: (N,).
        end_seconds: (N,), not before the start.
        label: (N,) index into `classes`.
        score: (N,) in [0, 1].
        classifier: name of the file of video scores that say the classes, "" where the detector itself does.
    """

    classes: tuple[str, ...]
    video_ids: tuple[str, ...]
    video: IntArray
    start_seconds: FloatArray
    end_seconds: FloatArray
    label: IntArray
    score: FloatArray
    classifier: str = ""

    def __len__(self) -> int:
        return len(self.video)

    def __getitem__(self, rows: "IntArray | np.ndarray[tuple[int], np.dtype[np.bool_]] | slice") -> "Detections":
        return Detections(
            self.classes,
            self.video_ids,
            self.video[rows],
            self.start_seconds[rows],
            self.end_seconds[rows],
            self.label[rows],
            self.score[rows],
            self.classifier,
        )

    def __iter__(self) -> Iterator[Detection]:
        for video, start, end, label, score in zip(
            self.video, self.start_seconds, self.end_seconds, self.label, self.score, strict=True
        ):
            yield Detection(self.video_ids[video], float(start), float(end), self.classes[label], float(score))

    def sorted(self) -> "Detections":
        """By falling score; equal scores by video name, start, end and class name, so never by chance."""
        video_rank = _rank(self.video_ids)[self.video]
        label_rank = _rank(self.classes)[self.label]
        return self[np.lexsort((label_rank, self.end_seconds, self.start_seconds, video_rank, -self.score))]


def joined(parts: Sequence[Detections], classes: Sequence[str]) -> Detections:
    """The detections of several sets of videos, each of which has its own, as one table in their order."""
    firsts = np.cumsum([0, *(len(part.video_ids) for part in parts)])
    empty, none = np.zeros(0), np.zeros(0, dtype=np.int64)
    return Detections(
        classes=tuple(classes),
        video_ids=tuple(video_id for part in parts for video_id in part.video_ids),
        video=np.concatenate([none, *(part.video + first for part, first in zip(parts, firsts, strict=False))]),
        start_seconds=np.concatenate([empty, *(part.start_seconds for part in parts)]),
        end_seconds=np.concatenate([empty, *(part.end_seconds for part in parts)]),
        label=np.concatenate([none, *(part.label for part in parts)]),
        score=np.concatenate([empty, *(part.score for part in parts)]),
    )


def _rank(names: Sequence[str]) -> IntArray:
    """The position of each name among all, in alphabetical order."""
    rank = np.empty(len(names), dtype=np.int64)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return rank
