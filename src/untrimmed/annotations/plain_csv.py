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
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from untrimmed.annotations.annotations import Annotations
from untrimmed.annotations.problems import Problem, described, first_few, quoted
from untrimmed.annotations.rows import Rows, SegmentRow, VideoRow, segments_by_video
from untrimmed.errors import InputError
from untrimmed.files import read_text, write_text

logger = logging.getLogger(__name__)

_NEEDED = ("video", "start", "end", "label")
_OPTIONAL = ("duration", "fps", "subset")
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}


def read_rows(path: Path) -> Rows:
    """The rows of a table; InputError where the first line does not name the columns or a quote is open."""
    text = read_text(path)
    # The first line holds names only, so that its commas, semicolons or tabs separate cells.
    delimiter = max(_DELIMITERS, key=text.lstrip().partition("\n")[0].count)
    lines = _lines(path, text, delimiter)
    header_line, header = next(lines, (1, []))
    columns = [name.casefold() for name in header]
    _check_columns(path, columns)

    rows = Rows()
    ignored = [quoted(name) for name in columns if name and name not in _NEEDED + _OPTIONAL]
    if ignored:
        message = "holds columns that are not used"
        rows.problems.append(Problem(f"line {header_line}", message, "warning", ", ".join(ignored)))
    videos: dict[str, VideoRow] = {}
    for line, cells in lines:
        if any(cells[len(columns) :]):
            advice = "write decimals with a point, and " if delimiter == "," else ""
            advice += f"quote a cell with a {_DELIMITERS[delimiter]}"
            message = f"has more cells than the first line; {advice}"
            detail = f"{len(cells)}, the first line has {len(columns)}"
            rows.problems.append(Problem(f"line {line}", message, detail=detail))
        else:
            _read_line(f"line {line}", dict(zip(columns, cells, strict=False)), videos, rows)
    rows.videos.extend(videos.values())
    return rows


def write(annotations: Annotations, path: Path) -> None:
    """Write a table, with tabs where the path ends in .tsv; InputError where a name cannot stand in one.

    A table keeps no order of classes and no class without a segment: a warning says so where that matters.
    """
    _check_names(annotations, path)
    _warn_of_lost_classes(annotations, path)
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


def _lines(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that hold anything: the number of each, and its cells without the space around them."""
    # Strict, because a quote that is never closed would otherwise swallow the rest of the file unseen.
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(
                f"{path} cannot be read from line {line} on: {error}; is a quote there not closed?"
            ) from error
        if any(cells):
            yield line, cells


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
        _number(cells.get("duration")),
        _number(cells.get("fps")),
        cells.get("subset") or None,
    )
    videos[video_id] = _merged(videos.get(video_id, stated), stated, rows)
    if cells.get("start") or cells.get("end") or cells.get("label"):
        start, end = _number(cells.get("start")), _number(cells.get("end"))
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


def _number(cell: str | None) -> float | str | None:
    """A cell as a number where it is one, as it stands where not, None where empty."""
    try:
        return float(cell) if cell else None
    except ValueError:
        return cell


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
