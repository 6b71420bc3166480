"""A table with one segment a line: what a spreadsheet writes.

video,start,end,label,duration,fps,subset
v1,1.5,3.0,Dive,60.0,30.0,training
v2,,,,45.0,30.0,training

Times are in seconds. The last three columns may be absent, and the columns in any order. A line without
start, end and label says that its video exists; a video with no other line has no actions. Cells are
separated by commas, semicolons or tabs, whichever the first line uses most.
"""

import csv
import io
import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from untrimmed.annotations.annotations import Annotations
from untrimmed.annotations.csv_file import Table, records
from untrimmed.annotations.problems import Problem, described, first_few, quoted
from untrimmed.annotations.rows import Rows, SegmentRow, VideoRow, segments_by_video
from untrimmed.annotations.values import number_or_text
from untrimmed.errors import InputError
from untrimmed.files import write_text

logger = logging.getLogger(__name__)

_NEEDED = ("video", "start", "end", "label")
_OPTIONAL = ("duration", "fps", "subset")


def read_rows(table: Table) -> Rows:
    """The rows of a table; InputError where the first line does not name the columns or a quote is open."""
    columns = table.columns
    _check_columns(table.path, columns)
    rows = Rows()
    ignored = [quoted(name) for name in columns if name and name not in _NEEDED + _OPTIONAL]
    if ignored:
        message = "holds columns that are not used"
        rows.problems.append(Problem(f"line {table.header_line}", message, "warning", ", ".join(ignored)))
    videos: dict[str, VideoRow] = {}
    for place, cells in records(table, rows.problems):
        _read_line(place, cells, videos, rows)
    rows.videos.extend(videos.values())
    return rows


def write(annotations: Annotations, path: Path) -> None:
    """Write a table, with tabs where the path ends in .tsv; InputError where a name cannot stand in one.

    A table keeps no order of classes, no class without a segment and no stretch that is to be ignored: a
    warning says so where that matters.
    """
    _check_names(annotations, path)
    _warn_of_lost_classes(annotations, path)
    _warn_of_lost_stretches(annotations, path)
    videos = annotations.videos
    columns: dict[str, Sequence[object]] = {
        "duration": _cells(videos.duration_seconds.tolist()),
        "fps": _cells(videos.fps.tolist()),
        "subset": videos.subsets,
    }
    columns = {name: column for name, column in columns.items() if any(cell != "" for cell in column)}

    text = io.StringIO()
    table = csv.writer(text, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", lineterminator="\n")
    table.writerow([*_NEEDED, *columns])
    for row, (video_id, segments) in enumerate(zip(videos.ids, segments_by_video(annotations), strict=True)):
        of_video = [column[row] for column in columns.values()]
        if not segments:
            table.writerow([video_id, "", "", "", *of_video])
        for start, end, label in segments:
            table.writerow([video_id, start, end, annotations.classes[label], *of_video])
    write_text(path, text.getvalue())


def _cells(values: Sequence[float]) -> list[object]:
    return ["" if math.isnan(value) else value for value in values]


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    missing = [name for name in _NEEDED if name not in columns]
    repeated = sorted({name for name in columns if name and columns.count(name) > 1})
    if not columns:
        raise InputError(f"{path} is empty; its first line should be {','.join(_NEEDED)}")
    if missing:
        raise InputError(
            f"{path} lacks the column {' and '.join(missing)}: its first line should name the columns "
            f"{', '.join(_NEEDED)} (and may name {', '.join(_OPTIONAL)}), but holds {', '.join(columns)}"
        )
    if repeated:
        raise InputError(f"{path} has more than one column {' and '.join(repeated)}; keep one of each")


def _read_line(place: str, cells: dict[str, str], videos: dict[str, VideoRow], rows: Rows) -> None:
    video_id = cells["video"] if cells.get("video") else ""
    if not video_id:
        rows.problems.append(Problem(place, "the column video is empty"))
        return
    stated = VideoRow(
        place,
        video_id,
        number_or_text(cells.get("duration")),
        number_or_text(cells.get("fps")),
        cells.get("subset") or None,
    )
    videos[video_id] = _merged(videos.get(video_id, stated), stated, rows)
    if cells.get("start") or cells.get("end") or cells.get("label"):
        start, end = number_or_text(cells.get("start")), number_or_text(cells.get("end"))
        rows.segments.append(SegmentRow(place, video_id, start, end, cells.get("label") or None))


def _merged(known: VideoRow, stated: VideoRow, rows: Rows) -> VideoRow:
    """What all lines of a video say of it together; its place is the last line that said anything new."""
    for name in _OPTIONAL:
        old, new = getattr(known, name), getattr(stated, name)
        if old is None and new is not None:
            known = known._replace(place=stated.place, **{name: new})
        elif new is not None and new != old:
            message = f"the {name} differs from that on an earlier line of the same video"
            detail = f"{described(new)}, before it {described(old)}"
            rows.problems.append(Problem(stated.place, message, detail=detail))
    return known


def _check_names(annotations: Annotations, path: Path) -> None:
    names = dict.fromkeys((*annotations.videos.ids, *annotations.classes, *annotations.videos.subsets))
    unfit = [name for name in names if name != name.strip() or any(sign in name for sign in "\r\n\0")]
    if unfit:
        raise InputError(
            f"{path} cannot hold {len(unfit)} of the names, which begin or end with a space or hold a line "
            f"break: {first_few([quoted(name) for name in unfit])}; write a .json file instead"
        )


def _warn_of_lost_classes(annotations: Annotations, path: Path) -> None:
    used = {annotations.classes[label] for label in np.unique(annotations.segments.label).tolist()}
    unused = [name for name in annotations.classes if name not in used]
    if unused:
        logger.warning(
            "%s: the classes without a segment (%d in all) are lost; a .json file would keep them: %s",
            path,
            len(unused),
            first_few(unused),
        )
    if list(annotations.classes) != sorted(annotations.classes):
        logger.warning("%s: the order of the classes is lost; a .json file would keep it", path)


def _warn_of_lost_stretches(annotations: Annotations, path: Path) -> None:
    ignored = annotations.ignored
    if len(ignored):
        videos = [annotations.videos.ids[row] for row in np.unique(ignored.video).tolist()]
        logger.warning(
            "%s: the stretches that are to be ignored (%d in all) are lost; a .json file would keep them: %s",
            path,
            len(ignored),
            first_few(videos),
        )
