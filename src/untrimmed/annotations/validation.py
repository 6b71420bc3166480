"""Rows as they were read from a file, of any format, to Annotations; every problem is collected.

A format module makes the rows and judges nothing but its own layout; what a segment may be is decided here.
"""

import difflib
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from untrimmed.annotations.annotations import (
    Annotations,
    BoolArray,
    FloatArray,
    IntArray,
    Segments,
    Stretches,
    Videos,
)
from untrimmed.annotations.problems import Problem, errors_in, quoted
from untrimmed.annotations.rows import Rows, SegmentRow, StretchRow, VideoRow
from untrimmed.annotations.values import check_name, positive, times


def validated(
    rows: Rows, *, strict: bool = False, classes: Sequence[str] | None = None, as_written: bool = False
) -> tuple[Annotations | None, list[Problem]]:
    """Annotations from rows, None where there is an error, and everything that is wrong with them.

    A negative start is set to 0, an end after the video's to the video's, and a segment of which nothing is
    left is dropped: each with a warning, or with an error where `strict`. `classes`, or else the file's own
    list, decides which labels are known and their order; without either the order is alphabetical.

    With `as_written` segments stay as they are, whatever their times, without a warning: the ground truth
    that published evaluators judge with, which neither cut nor drop any.
    """
    problems = list(rows.problems)
    videos = _videos(rows.videos, problems)
    names = _class_names(rows, classes, problems)
    segments = _segments(rows.segments, videos, names, problems)
    places = [row.place for row in rows.segments]
    ignored = _ignored(rows.ignored, videos, problems)
    if as_written:
        fitted = segments
    else:
        video_end = _video_ends(segments, videos.duration_seconds)
        _report_unfit(segments, video_end, places, strict, problems)
        start, end = np.maximum(segments.start_seconds, 0.0), np.minimum(segments.end_seconds, video_end)
        kept = end > start
        _report_repeats(segments, kept, places, problems)
        fitted = Segments(segments.video, start, end, segments.label)[kept]
    if errors_in(problems):
        return None, problems
    return Annotations(names, videos, fitted, ignored), problems


def _videos(rows: list[VideoRow], problems: list[Problem]) -> Videos:
    if not rows:
        problems.append(Problem("the file", "holds no video"))
    known: set[str] = set()
    for row in rows:
        if row.video_id in known:
            problems.append(Problem(row.place, "this video is listed more than once"))
        known.add(row.video_id)
        check_name(row.place, "the video's name", row.video_id, problems)
        if row.subset not in (None, ""):
            check_name(row.place, "the subset", row.subset, problems)
    return Videos(
        ids=tuple(row.video_id for row in rows),
        duration_seconds=positive([(row.place, row.duration) for row in rows], "the duration", problems),
        fps=positive([(row.place, row.fps) for row in rows], "fps", problems),
        subsets=tuple(row.subset if isinstance(row.subset, str) else "" for row in rows),
    )


def _class_names(rows: Rows, given: Sequence[str] | None, problems: list[Problem]) -> tuple[str, ...]:
    if given is None and rows.classes is None:
        return tuple(sorted({row.label for row in rows.segments if isinstance(row.label, str)}))
    names = tuple(given if given is not None else rows.classes or ())
    known: set[str] = set()
    for name in names:
        if check_name("the list of classes", "a class", name, problems) and name in known:
            problems.append(Problem("the list of classes", "a class is listed more than once", detail=name))
        known.add(name)
    return names


def _segments(rows: list[SegmentRow], videos: Videos, names: Sequence[str], problems: list[Problem]) -> Segments:
    """The rows as columns: NaN for a time that is none, -1 for a video or a class that is unknown."""
    problems.extend(
        Problem(row.place, "the file does not list this segment's video", detail=quoted(row.video_id))
        for row in rows
        if row.video_id not in videos.index
    )
    return Segments(
        video=np.array([videos.index.get(row.video_id, -1) for row in rows], dtype=np.int64),
        start_seconds=times([(row.place, row.start) for row in rows], "the start", problems),
        end_seconds=times([(row.place, row.end) for row in rows], "the end", problems),
        label=_labels(rows, names, problems),
    )


def _ignored(rows: list[StretchRow], videos: Videos, problems: list[Problem]) -> Stretches:
    """The rows as columns; those of unknown videos are of no consequence and left out."""
    rows = [row for row in rows if row.video_id in videos.index]
    return Stretches(
        video=np.array([videos.index[row.video_id] for row in rows], dtype=np.int64),
        start_seconds=times([(row.place, row.start) for row in rows], "the start", problems),
        end_seconds=times([(row.place, row.end) for row in rows], "the end", problems),
    )


def _labels(rows: list[SegmentRow], names: Sequence[str], problems: list[Problem]) -> IntArray:
    index = {name: position for position, name in enumerate(names)}
    labels = np.full(len(rows), -1, dtype=np.int64)
    unknown: dict[str, list[str]] = {}
    for row_number, row in enumerate(rows):
        if not check_name(row.place, "the label", row.label, problems):
            continue
        label = str(row.label)
        if label in index:
            labels[row_number] = index[label]
        else:
            unknown.setdefault(label, []).append(row.place)
    # One problem a label, not one a segment: a class list that misses a class should not hide other problems.
    for label, places in unknown.items():
        detail = f"{quoted(label)}, of {len(places)} segment" + ("s" if len(places) > 1 else "")
        similar = difflib.get_close_matches(label, names, n=1)
        detail += f"; did you mean {quoted(similar[0])}?" if similar else ""
        problems.append(Problem(places[0], f"the label is not among the {len(names)} classes", detail=detail))
    return labels


def _video_ends(segments: Segments, duration_seconds: FloatArray) -> FloatArray:
    """(S,) the end of each segment's video in seconds, infinite where it is unknown."""
    ends = np.full(len(segments), np.inf)
    known = segments.video >= 0
    ends[known] = duration_seconds[segments.video[known]]
    return np.where(np.isnan(ends), np.inf, ends)


def _report_unfit(
    segments: Segments, video_end: FloatArray, places: Sequence[str], strict: bool, problems: list[Problem]
) -> None:
    """Report each segment that is no time inside its video: as dropped, or as cut at one end or both."""
    start, end = segments.start_seconds, segments.end_seconds
    empty = end <= start
    outside = ~empty & (np.maximum(start, 0.0) >= np.minimum(end, video_end))
    kept = ~empty & ~outside

    def extent(row: int) -> str:
        return f"from {start[row]:.6g} s to {end[row]:.6g} s"

    def video_extent(row: int) -> str:
        return "the video starts at 0 s" if end[row] <= 0 else f"the video ends at {video_end[row]:.6g} s"

    faults: list[tuple[BoolArray, str, str, Callable[[int], str]]] = [
        (empty, "a segment that does not end after its start", "dropped", extent),
        (
            outside,
            "a segment that lies wholly outside its video",
            "dropped",
            lambda row: f"{extent(row)}, {video_extent(row)}",
        ),
        (
            kept & (start < 0),
            "a segment that starts before 0 s",
            "cut to its video",
            lambda row: f"at {start[row]:.6g} s",
        ),
        (
            kept & (end > video_end),
            "a segment that ends after its video",
            "cut to it",
            lambda row: f"by {end[row] - video_end[row]:.3g} s, {video_extent(row)}",
        ),
    ]
    severity: Literal["error", "warning"] = "error" if strict else "warning"
    for rows, fault, remedy, detail in faults:
        message = fault if strict else f"{fault}, {remedy}"
        for row in np.flatnonzero(rows).tolist():
            problems.append(Problem(places[row], message, severity, detail(row)))


def _report_repeats(segments: Segments, kept: BoolArray, places: Sequence[str], problems: list[Problem]) -> None:
    """Warn of segments that the file holds twice; they are kept, because some data sets count them twice."""
    columns = (segments.end_seconds, segments.start_seconds, segments.label, segments.video)
    order = np.lexsort(columns)
    order = order[(kept & (segments.video >= 0) & (segments.label >= 0))[order]]
    same = np.ones(len(order), dtype=bool)
    same[:1] = False
    for column in columns:
        same[1:] &= column[order[1:]] == column[order[:-1]]
    first = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
    for position in np.flatnonzero(same)[np.argsort(order[same])].tolist():
        detail = f"as {places[order[first[position]]]}"
        problems.append(
            Problem(places[order[position]], "a segment that repeats another, kept", "warning", detail)
        )
