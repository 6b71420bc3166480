"""What a set of annotations holds, in numbers: what `untrimmed annotations check` shows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from untrimmed.annotations.annotations import Annotations, FloatArray, IntArray, Segments, Videos
from untrimmed.annotations.coverage import labelled_seconds, overlapping_pairs


@dataclass(frozen=True)
class Spread:
    """The least, the middle and the greatest of some durations, in seconds."""

    min_seconds: float
    median_seconds: float
    max_seconds: float


@dataclass(frozen=True)
class SubsetSummary:
    """The videos of one subset; its name is "" for videos without one."""

    name: str
    videos: int
    videos_with_actions: int
    instances: int


@dataclass(frozen=True)
class ClassSummary:
    """The instances of one class; `share` is their part of all instances, `seconds` None without any."""

    name: str
    instances: int
    share: float
    seconds: Spread | None


@dataclass(frozen=True)
class Overlaps:
    """Pairs of segments of one video that share some time, and the videos that hold such a pair."""

    pairs: int
    videos: int


@dataclass(frozen=True)
class Ignored:
    """Stretches of videos that are to be ignored, and the videos that hold one."""

    stretches: int
    videos: int


@dataclass(frozen=True)
class VideoLength:
    """A video and its duration."""

    video_id: str
    seconds: float


@dataclass(frozen=True)
class Summary:
    """A set of annotations in numbers.

    Attributes:
        subsets: in the order in which the videos name them.
        classes: in the order of the classes, also those without an instance.
        seconds: the durations of all instances; None where there is no instance.
        videos_with_duration: how many videos say how long they are; the next four are of these alone.
        total_seconds: the sum of their durations.
        labelled_seconds: how much of that lies in one or more segments.
        shortest, longest: the first such video of all; None where no duration is known.
        same_class, different_classes: pairs of segments that overlap; those that only touch do not.
        ignored: what nobody is judged in.
    """

    subsets: tuple[SubsetSummary, ...]
    classes: tuple[ClassSummary, ...]
    seconds: Spread | None
    videos_with_duration: int
    total_seconds: float
    labelled_seconds: float
    shortest: VideoLength | None
    longest: VideoLength | None
    same_class: Overlaps
    different_classes: Overlaps
    ignored: Ignored

    @property
    def videos(self) -> int:
        """How many videos there are."""
        return sum(subset.videos for subset in self.subsets)

    @property
    def videos_with_actions(self) -> int:
        """How many videos have a segment."""
        return sum(subset.videos_with_actions for subset in self.subsets)

    @property
    def instances(self) -> int:
        """How many segments there are."""
        return sum(subset.instances for subset in self.subsets)

    @property
    def labelled_share(self) -> float:
        """The part of the time that is labelled, 0 to 1; NaN where no duration is known."""
        return self.labelled_seconds / self.total_seconds if self.videos_with_duration else float("nan")


def summarize(annotations: Annotations) -> Summary:
    """The numbers of a set of annotations, in time S log S for S segments."""
    videos, segments = annotations.videos, annotations.segments
    durations = segments.end_seconds - segments.start_seconds
    spreads = _spreads(segments.label, durations, len(annotations.classes))
    per_class = np.bincount(segments.label, minlength=len(annotations.classes)).tolist()
    has_duration = ~np.isnan(videos.duration_seconds)
    same_class, different_classes = _overlaps(segments, len(videos), len(annotations.classes))
    shortest, longest = _shortest_and_longest(videos)
    return Summary(
        subsets=_subsets(videos, segments),
        classes=tuple(
            ClassSummary(name, instances, instances / max(len(segments), 1), spread)
            for name, instances, spread in zip(annotations.classes, per_class, spreads, strict=True)
        ),
        seconds=_spreads(np.zeros_like(segments.label), durations, 1)[0],
        videos_with_duration=int(has_duration.sum()),
        total_seconds=float(videos.duration_seconds[has_duration].sum()),
        labelled_seconds=float(labelled_seconds(segments, len(videos))[has_duration].sum()),
        shortest=shortest,
        longest=longest,
        same_class=same_class,
        different_classes=different_classes,
        ignored=Ignored(len(annotations.ignored), len(np.unique(annotations.ignored.video))),
    )


def _subsets(videos: Videos, segments: Segments) -> tuple[SubsetSummary, ...]:
    instances = np.bincount(segments.video, minlength=len(videos))
    names = list(dict.fromkeys(videos.subsets))
    row = {name: number for number, name in enumerate(names)}
    subset = np.array([row[name] for name in videos.subsets], dtype=np.int64)
    counts = zip(
        names,
        np.bincount(subset, minlength=len(names)).tolist(),
        np.bincount(subset[instances > 0], minlength=len(names)).tolist(),
        np.bincount(subset[segments.video], minlength=len(names)).tolist(),
        strict=True,
    )
    return tuple(SubsetSummary(*of_subset) for of_subset in counts)


def _spreads(group: IntArray, seconds: FloatArray, groups: int) -> list[Spread | None]:
    """For each of the groups 0, 1, ... its least, median and greatest value, None where it has none."""
    by_group = seconds[np.lexsort((seconds, group))]
    counts = np.bincount(group, minlength=groups)
    ends = np.cumsum(counts)
    spreads: list[Spread | None] = []
    for count, end in zip(counts.tolist(), ends.tolist(), strict=True):
        own = by_group[end - count : end]
        median = (own[(count - 1) // 2] + own[count // 2]) / 2 if count else 0.0
        spreads.append(Spread(float(own[0]), float(median), float(own[-1])) if count else None)
    return spreads


def _shortest_and_longest(videos: Videos) -> tuple[VideoLength | None, VideoLength | None]:
    seconds = videos.duration_seconds
    if np.isnan(seconds).all():
        return None, None
    rows = (int(np.nanargmin(seconds)), int(np.nanargmax(seconds)))
    shortest, longest = (VideoLength(videos.ids[row], float(seconds[row])) for row in rows)
    return shortest, longest


def _overlaps(segments: Segments, videos: int, classes: int) -> tuple[Overlaps, Overlaps]:
    """The overlapping pairs of the same class and of different classes."""
    in_any = overlapping_pairs(segments.video, segments, videos)
    in_same = overlapping_pairs(segments.video * classes + segments.label, segments, videos)
    in_different = in_any - in_same
    same, different = (
        Overlaps(int(pairs.sum()), int(np.count_nonzero(pairs))) for pairs in (in_same, in_different)
    )
    return same, different


def format_summary(summary: Summary) -> str:
    """The numbers as plain text in aligned columns, without a line break at the end."""
    subsets: list[tuple[str, ...]] = [("subset", "videos", "with actions", "without", "instances")]
    for subset in summary.subsets:
        without = subset.videos - subset.videos_with_actions
        counts = (subset.videos, subset.videos_with_actions, without, subset.instances)
        subsets.append((subset.name or "(none)", *map(str, counts)))
    without = summary.videos - summary.videos_with_actions
    subsets.append(("all", *map(str, (summary.videos, summary.videos_with_actions, without, summary.instances))))
    classes: list[tuple[str, ...]] = [("class", "instances", "share", "min s", "median s", "max s")]
    for entry in summary.classes:
        classes.append((entry.name, str(entry.instances), f"{entry.share:.1%}", *_cells(entry.seconds)))
    classes.append(("all", str(summary.instances), "", *_cells(summary.seconds)))
    return "\n\n".join((_table(subsets), _table(classes), _table(_facts(summary), numeric=False)))


def _facts(summary: Summary) -> list[tuple[str, ...]]:
    facts: list[tuple[str, ...]] = []
    unknown = summary.videos - summary.videos_with_duration
    if unknown:
        facts.append(("videos of unknown duration", str(unknown)))
    if summary.shortest and summary.longest:
        labelled = f"{summary.labelled_seconds:.1f} s of {summary.total_seconds:.1f} s"
        facts += [
            ("labelled time", f"{labelled}, {summary.labelled_share:.1%}"),
            ("shortest video", f"{summary.shortest.seconds:.2f} s, {summary.shortest.video_id}"),
            ("longest video", f"{summary.longest.seconds:.2f} s, {summary.longest.video_id}"),
        ]
    for name, overlaps in (
        ("same class", summary.same_class),
        ("different classes", summary.different_classes),
    ):
        facts.append((f"overlapping pairs, {name}", f"{overlaps.pairs} (videos: {overlaps.videos})"))
    if summary.ignored.stretches:
        ignored = f"{summary.ignored.stretches} (videos: {summary.ignored.videos})"
        facts.append(("ignored stretches", ignored))
    return facts


def _cells(spread: Spread | None) -> tuple[str, str, str]:
    if spread is None:
        return ("-", "-", "-")
    return (f"{spread.min_seconds:.2f}", f"{spread.median_seconds:.2f}", f"{spread.max_seconds:.2f}")


def _table(rows: Sequence[tuple[str, ...]], *, numeric: bool = True) -> str:
    """Rows as lines; the first column to the left, the others to the right where they hold numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [first.ljust(widths[0])]
        for cell, width in zip(others, widths[1:], strict=True):
            cells.append(cell.rjust(width) if numeric else cell)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
