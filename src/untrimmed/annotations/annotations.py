"""What is true of a set of videos: which exist, and which actions happen in them, from when until when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Videos:
    """V videos, one column an attribute.

    Attributes:
        ids: V names, each once.
        duration_seconds: (V,), NaN where unknown.
        fps: (V,) frames per second, NaN where unknown.
        subsets: V names of the part of the data set each belongs to, "" where the file names none.
    """

    ids: tuple[str, ...]
    duration_seconds: FloatArray
    fps: FloatArray
    subsets: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def index(self) -> dict[str, int]:
        """The row of each video id."""
        return {video_id: row for row, video_id in enumerate(self.ids)}


@dataclass(frozen=True)
class Segments:
    """S labelled segments (action instances), in the order of the file.

    Attributes:
        video: (S,) row of the segment's video.
        start_seconds: (S,), at least 0; in annotations read as written, any number.
        end_seconds: (S,), greater than the start; in annotations read as written, any number.
        label: (S,) index into the classes.
    """

    video: IntArray
    start_seconds: FloatArray
    end_seconds: FloatArray
    label: IntArray

    def __len__(self) -> int:
        return len(self.video)

    def __getitem__(self, rows: BoolArray | IntArray | slice) -> "Segments":
        return Segments(self.video[rows], self.start_seconds[rows], self.end_seconds[rows], self.label[rows])


def _no_times() -> FloatArray:
    return np.zeros(0)


@dataclass(frozen=True)
class Stretches:
    """Parts of videos of which nothing is known, such as THUMOS14's Ambiguous: nobody is judged there.

    Attributes:
        video: (N,) row of the stretch's video.
        start_seconds: (N,).
        end_seconds: (N,).
    """

    video: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    start_seconds: FloatArray = field(default_factory=_no_times)
    end_seconds: FloatArray = field(default_factory=_no_times)

    def __len__(self) -> int:
        return len(self.video)

    def __getitem__(self, rows: BoolArray | IntArray | slice) -> "Stretches":
        return Stretches(self.video[rows], self.start_seconds[rows], self.end_seconds[rows])


@dataclass(frozen=True)
class Annotations:
    """Classes in a fixed order, videos, the labelled segments in them, and what is to be ignored of them."""

    classes: tuple[str, ...]
    videos: Videos
    segments: Segments
    ignored: Stretches = field(default_factory=Stretches)

    def subset(self, names: str | Iterable[str]) -> "Annotations":
        """Only the videos of these subsets, compared without regard to case; the classes stay all."""
        wanted = {name.casefold() for name in ([names] if isinstance(names, str) else names)}
        return self.select([subset.casefold() in wanted for subset in self.videos.subsets])

    def select(self, keep: Sequence[bool] | BoolArray) -> "Annotations":
        """Only the videos where `keep`, (V,), is true, with their segments; the classes stay all."""
        keep = np.asarray(keep, dtype=bool)
        rows = np.flatnonzero(keep)
        new_row = np.cumsum(keep) - 1
        videos = Videos(
            ids=tuple(self.videos.ids[row] for row in rows),
            duration_seconds=self.videos.duration_seconds[rows],
            fps=self.videos.fps[rows],
            subsets=tuple(self.videos.subsets[row] for row in rows),
        )
        kept = self.segments[keep[self.segments.video]]
        segments = Segments(new_row[kept.video], kept.start_seconds, kept.end_seconds, kept.label)
        left = self.ignored[keep[self.ignored.video]]
        ignored = Stretches(new_row[left.video], left.start_seconds, left.end_seconds)
        return Annotations(self.classes, videos, segments, ignored)

    def segments_of(self, video_id: str) -> Segments:
        """The segments of one video, in the order of the file."""
        row = self.videos.index[video_id]
        first, last = np.searchsorted(self._sorted_video, [row, row + 1])
        return self.segments[self._by_video[first:last]]

    @cached_property
    def _by_video(self) -> IntArray:
        return np.argsort(self.segments.video, kind="stable")

    @cached_property
    def _sorted_video(self) -> IntArray:
        return self.segments.video[self._by_video]
