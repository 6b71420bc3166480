"""What passes between a format module and Annotations: videos and segments as read, each with its place."""

from dataclasses import dataclass, field
from typing import NamedTuple

from untrimmed.annotations.annotations import Annotations
from untrimmed.annotations.problems import Problem, quoted


class VideoRow(NamedTuple):
    """One video as read, nothing checked; None where the file says nothing."""

    place: str
    video_id: str
    duration: object = None
    fps: object = None
    subset: object = None


class SegmentRow(NamedTuple):
    """One segment as read, nothing checked; None where the file says nothing."""

    place: str
    video_id: str
    start: object
    end: object
    label: object


class StretchRow(NamedTuple):
    """A part of a video that is to be ignored, as read, nothing checked."""

    place: str
    video_id: str
    start: object
    end: object


@dataclass(frozen=True)
class Rows:
    """What a format module read from a file.

    Attributes:
        videos: each video once, or more often where the file repeats it (which is an error).
        segments: in the order of the file.
        classes: the classes in the order that the file gives them; None where it gives no order.
        problems: what is wrong with the layout; a row that has no meaning is told here and left out above.
        ignored: the parts of videos that are to be ignored.
    """

    videos: list[VideoRow] = field(default_factory=list)
    segments: list[SegmentRow] = field(default_factory=list)
    classes: tuple[str, ...] | None = None
    problems: list[Problem] = field(default_factory=list)
    ignored: list[StretchRow] = field(default_factory=list)


def note_video(videos: dict[str, VideoRow], row: VideoRow, problems: list[Problem]) -> None:
    """Keep a video that a file names once a segment; one that stands in two subsets is a problem."""
    known = videos.setdefault(row.video_id, row)
    if known.subset != row.subset:
        detail = f"{quoted(str(row.subset))}, and at {known.place} {quoted(str(known.subset))}"
        problems.append(Problem(row.place, "the video stands in more than one subset", detail=detail))


def segments_by_video(annotations: Annotations) -> list[list[tuple[float, float, int]]]:
    """For each video its (start s, end s, class index), in the order of the file, for a writer."""
    grouped: list[list[tuple[float, float, int]]] = [[] for _ in annotations.videos.ids]
    segments = annotations.segments
    for video, start, end, label in zip(
        segments.video.tolist(),
        segments.start_seconds.tolist(),
        segments.end_seconds.tolist(),
        segments.label.tolist(),
        strict=True,
    ):
        grouped[video].append((start, end, label))
    return grouped
