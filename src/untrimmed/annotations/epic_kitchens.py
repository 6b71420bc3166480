"""EPIC-KITCHENS-100's detection annotations: EPIC_100_train.csv and EPIC_100_validation.csv.

narration_id,...,video_id,...,start_timestamp,stop_timestamp,...,verb,verb_class,noun,noun_class,...
P01_11_0,...,P01_11,...,00:00:00.00,00:00:01.89,...,take,0,plate,2,...

A line is an instance with a verb and a noun, of which a detector is given one, or both as an "action". Classes
are named by the files beside it, EPIC_100_verb_classes.csv (97) and EPIC_100_noun_classes.csv (300), whose
columns id and key are read: all of them in the order of their numbers. The actions are the pairs that occur, in
the order of both numbers, named like "take plate". Without these files the numbers are the names. Durations and
frame rates are in EPIC_100_video_info.csv beside them. Only videos that the lines name are read; the subset is
"training", "validation" or "test" by the name of the file. EPIC_100_test_timestamps.csv has no classes, which are
withheld: its videos come without segments.

Source: https://github.com/epic-kitchens/epic-kitchens-100-annotations, CC BY-NC 4.0. Validation: 138 videos,
9,668 instances, one of which ends after its video; 78 of the verbs, 211 of the nouns and 1,352 actions occur.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from untrimmed.annotations.csv_file import Table, read_table, records
from untrimmed.annotations.problems import Problem, described
from untrimmed.annotations.rows import Rows, SegmentRow, VideoRow, note_video
from untrimmed.annotations.video_info import filled, read_video_table
from untrimmed.errors import InputError

#: Which of the labels of an instance counts.
LabelKind: TypeAlias = Literal["verb", "noun", "action"]

_FILES = ("EPIC_100_train.csv", "EPIC_100_validation.csv")
_INFO_FILE = "EPIC_100_video_info.csv"
_CLASS_FILES = {"verb_class": "EPIC_100_verb_classes.csv", "noun_class": "EPIC_100_noun_classes.csv"}
_COLUMNS: dict[LabelKind, tuple[str, ...]] = {
    "verb": ("verb_class",),
    "noun": ("noun_class",),
    "action": ("verb_class", "noun_class"),
}
_TIMES = ("start_timestamp", "stop_timestamp")
_TIME = re.compile(r"(\d+):([0-5]\d):([0-5]\d(?:\.\d+)?)")
_SUBSETS = {"train": "training", "val": "validation", "test": "test"}


class _Instance(NamedTuple):
    """A line that holds what it should; `numbers` are those of its classes, one or two."""

    place: str
    video_id: str
    start: float
    end: float
    numbers: tuple[int, ...]


def is_layout(columns: Sequence[str]) -> bool:
    """Whether a table has these columns."""
    return {"narration_id", "video_id", "start_timestamp"}.issubset(columns)


def files_in(folder: Path) -> list[Path]:
    """Those of the two files that a folder holds."""
    return [folder / name for name in _FILES if (folder / name).is_file()]


def read_rows(tables: Sequence[Table], label: LabelKind) -> Rows:
    """The rows of one or both files, in the same folder; InputError where a column is missing."""
    problems: list[Problem] = []
    videos: dict[str, VideoRow] = {}
    instances: list[_Instance] = []
    for table in tables:
        prefix = f"{table.path.name}, " if len(tables) > 1 else ""
        instances += _read_table(table, prefix, _COLUMNS[label], videos, problems)
    folder = tables[0].path.parent
    keys = [_class_keys(folder / _CLASS_FILES[column], problems) for column in _COLUMNS[label]]
    segments = [
        SegmentRow(one.place, one.video_id, one.start, one.end, _name(one.numbers, keys))
        for one in instances
        if _check_numbers(one, keys, label, problems)
    ]
    classes = _classes(instances, keys)
    rows = Rows(list(videos.values()), segments, classes, problems)
    info = folder / _INFO_FILE
    return filled(rows, read_video_table(read_table(info), problems), info) if info.is_file() else rows


def _read_table(
    table: Table, prefix: str, class_columns: Sequence[str], videos: dict[str, VideoRow], problems: list[Problem]
) -> list[_Instance]:
    """The instances of a table, whose videos are noted in `videos`; none where it has no classes."""
    has_classes = "verb_class" in table.columns or "noun_class" in table.columns
    needed = ["video_id", *_TIMES, *(class_columns if has_classes else [])]
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise InputError(f"{table.path} lacks the column {' and '.join(missing)} of EPIC-KITCHENS-100")
    subset, instances, lines = _subset(table.path), [], 0
    for place, cells in records(table, problems, prefix):
        lines += 1
        video_id = cells.get("video_id", "")
        note_video(videos, VideoRow(place, video_id, subset=subset), problems)
        start, end = (_seconds(place, name, cells.get(name, ""), problems) for name in _TIMES)
        if not has_classes:
            continue
        found = [_number(place, name, cells.get(name, ""), problems) for name in class_columns]
        numbers = tuple(number for number in found if number is not None)
        if start is not None and end is not None and len(numbers) == len(found):
            instances.append(_Instance(place, video_id, start, end, numbers))
    if not has_classes:
        message = "has no classes, so its videos come without segments"
        problems.append(Problem(table.path.name, message, "warning", f"{lines} lines"))
    return instances


def _subset(path: Path) -> str:
    name = path.stem.casefold()
    return next((subset for mark, subset in _SUBSETS.items() if mark in name), "")


def _seconds(place: str, column: str, cell: str, problems: list[Problem]) -> float | None:
    match = _TIME.fullmatch(cell)
    if match is None:
        message = f"{column} must be a time like 00:01:02.34"
        problems.append(Problem(place, message, detail=f"it is {described(cell)}"))
        return None
    hours, minutes, seconds = match.groups()
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def _number(place: str, column: str, cell: str, problems: list[Problem]) -> int | None:
    if not (cell.isascii() and cell.isdecimal()):
        message = f"{column} must be the number of a class"
        problems.append(Problem(place, message, detail=f"it is {described(cell)}"))
        return None
    return int(cell)


def _class_keys(path: Path, problems: list[Problem]) -> dict[int, str] | None:
    """The names of the classes by their number, None with a warning where their file is absent."""
    if not path.is_file():
        message = "is not beside the file, so classes are named by their numbers"
        problems.append(Problem(path.name, message, "warning"))
        return None
    table = read_table(path)
    missing = [name for name in ("id", "key") if name not in table.columns]
    if missing:
        raise InputError(f"{path} lacks the column {' and '.join(missing)}; it should hold id,key")
    keys: dict[int, str] = {}
    for place, cells in records(table, problems, f"{path.name}, "):
        number = _number(place, "id", cells.get("id", ""), problems)
        if number is not None and keys.setdefault(number, cells.get("key", "")) != cells.get("key", ""):
            problems.append(Problem(place, "a number of a class stands more than once", detail=str(number)))
    return dict(sorted(keys.items()))


def _check_numbers(
    one: _Instance, keys: Sequence[dict[int, str] | None], label: LabelKind, problems: list[Problem]
) -> bool:
    """Whether the numbers of an instance are those of classes; if not, a problem."""
    unknown = False
    for column, number, names in zip(_COLUMNS[label], one.numbers, keys, strict=True):
        if names is not None and number not in names:
            detail = f"it is {number}"
            problems.append(Problem(one.place, f"{column} is not in {_CLASS_FILES[column]}", detail=detail))
            unknown = True
    return not unknown


def _name(numbers: tuple[int, ...], keys: Sequence[dict[int, str] | None]) -> str:
    return " ".join(
        str(number) if names is None else names.get(number, "")
        for number, names in zip(numbers, keys, strict=True)
    )


def _classes(instances: Sequence[_Instance], keys: Sequence[dict[int, str] | None]) -> tuple[str, ...]:
    """All classes of a single list that is known, otherwise those that occur, by their numbers."""
    if len(keys) == 1 and keys[0] is not None:
        return tuple(keys[0].values())
    used = sorted({one.numbers for one in instances})
    return tuple(dict.fromkeys(_name(numbers, keys) for numbers in used))
