"""Durations and frame rates of videos from another file, for annotations that lack them.

video_id,duration,fps,resolution
P01_01,1652.152817,59.9400599400599,1920x1080

That is EPIC_100_video_info.csv of EPIC-KITCHENS-100; a table of one's own may call the first column `video`, and
have only one of duration (in seconds) and fps. Annotations whose videos say them serve as well.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from untrimmed.annotations.csv_file import Table, records
from untrimmed.annotations.problems import Problem, first_few
from untrimmed.annotations.rows import Rows, VideoRow
from untrimmed.annotations.values import finite_number, number_or_text, positive
from untrimmed.errors import InputError

_NAMES = ("video", "video_id")
_VALUES = ("duration", "fps")
# Durations of one video in two files differ by a frame or so; more than this many seconds is told.
_TOLERANCE_SECONDS = 1.0


def holds_segments(columns: Sequence[str]) -> bool:
    """Whether a table is one of segments, ours or EPIC-KITCHENS-100's, rather than one of videos alone."""
    return not {"start", "start_timestamp"}.isdisjoint(columns)


def read_video_table(table: Table, problems: list[Problem]) -> list[VideoRow]:
    """The videos of a table; InputError where it is of another layout."""
    if {*_NAMES}.isdisjoint(table.columns) or {*_VALUES}.isdisjoint(table.columns):
        raise InputError(
            f"{table.path} does not say durations or frame rates of videos: its first line should be "
            "video,duration,fps, or as in EPIC_100_video_info.csv video_id,duration,fps,resolution"
        )
    name = next(name for name in _NAMES if name in table.columns)
    return [
        VideoRow(
            place, cells.get(name, ""), number_or_text(cells.get("duration")), number_or_text(cells.get("fps"))
        )
        for place, cells in records(table, problems, f"{table.path.name}, ")
    ]


def filled(rows: Rows, info: Sequence[VideoRow], source: Path) -> Rows:
    """The rows of annotations with what `info`, read from `source`, says of videos where they say nothing.

    The places of `info` name the file, since the problems of two files are told together.
    Videos that `info` does not know are told in a warning, and so are durations that differ by more than a
    second, of which that of the annotations counts. InputError where `info` knows none of the videos.
    """
    problems: list[Problem] = []
    known = _by_name(info, problems)
    unknown = [row.video_id for row in rows.videos if row.video_id not in known]
    if rows.videos and len(unknown) == len(rows.videos):
        raise InputError(
            f"{source} knows none of the {len(unknown)} videos of the annotations ({first_few(unknown)}); give a "
            "file of the same videos"
        )
    if unknown:
        detail = f"{len(unknown)} of {len(rows.videos)}: {first_few(unknown)}"
        problems.append(Problem(source.name, "does not know some of the videos", "warning", detail))
    _report_differences(rows, known, source, problems)
    videos = [_merged(row, known[row.video_id]) if row.video_id in known else row for row in rows.videos]
    return replace(rows, videos=videos, problems=[*rows.problems, *problems])


def _by_name(info: Sequence[VideoRow], problems: list[Problem]) -> dict[str, VideoRow]:
    """The videos by their names; a value that is no number above 0 is a problem, and so is a second row."""
    positive([(row.place, row.duration) for row in info], "the duration", problems)
    positive([(row.place, row.fps) for row in info], "fps", problems)
    known: dict[str, VideoRow] = {}
    for row in info:
        if row.video_id in known:
            problems.append(Problem(row.place, "this video is listed more than once"))
        known[row.video_id] = row
    return known


def _report_differences(rows: Rows, known: dict[str, VideoRow], source: Path, problems: list[Problem]) -> None:
    different = []
    for row in rows.videos:
        own = finite_number(row.duration)
        other = finite_number(known[row.video_id].duration) if row.video_id in known else None
        if own is not None and other is not None and abs(own - other) > _TOLERANCE_SECONDS:
            different.append(f"{row.video_id} ({own:.6g} s, there {other:.6g} s)")
    if different:
        message = "says other durations than the annotations, whose own stay"
        detail = f"{len(different)} of {len(rows.videos)} videos: {first_few(different)}"
        problems.append(Problem(source.name, message, "warning", detail))


def _merged(row: VideoRow, other: VideoRow) -> VideoRow:
    return row._replace(
        duration=other.duration if row.duration is None else row.duration,
        fps=other.fps if row.fps is None else row.fps,
    )
