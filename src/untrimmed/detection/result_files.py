"""Detections in files: ActivityNet's results (.json), or a table with one detection a line (.csv).

{"version": "VERSION 1.3", "results": {
"v1": [{"label": "Dive", "score": 0.83, "segment": [1.5, 3.0]}],
"v2": []
}, "external_data": {}}

video,start,end,label,score
v1,1.5,3.0,Dive,0.83
v2,,,,

Times are in seconds. Both files say that nothing was found in v2. The columns may stand in any order. Where the
classes were taken from the scores of whole videos, "external_data" names them; a table cannot.
"""

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from untrimmed.annotations.annotations import FloatArray, IntArray
from untrimmed.annotations.problems import described, quoted
from untrimmed.annotations.values import finite_number
from untrimmed.detection.detections import Detections, joined
from untrimmed.detection.result_formats import (
    JsonStream,
    Rows,
    check_names_for_csv,
    read_csv_rows,
    read_json_rows,
    write_csv,
)
from untrimmed.errors import InputError
from untrimmed.files import replacing

logger = logging.getLogger(__name__)

PlaceOf = Callable[[int], str]


def read_detections(path: Path | str, classes: Sequence[str] | None = None) -> Detections:
    """The detections of a .json or .csv file, by falling score.

    Args:
        path: the file.
        classes: the class names, one of which each label must be; by default the labels in the file, sorted.

    Raises InputError, with the place, for the first thing that is wrong. Scores beyond [0, 1] are read as
    they are, with a warning.
    """
    path = Path(path)
    read_rows = read_json_rows if is_json(path) else read_csv_rows
    with _no_garbage_collection():
        video_ids, rows, classifier = read_rows(path)
        detections = _detections(video_ids, rows, classes, lambda row: _place(path, video_ids, rows, row))
        detections = replace(detections, classifier=classifier)
    beyond = int(((detections.score < 0) | (detections.score > 1)).sum())
    if beyond:
        logger.warning("%s: %d of %d scores are not between 0 and 1", path, beyond, len(detections))
    return detections.sorted()


def write_detections(detections: Detections, path: Path | str) -> None:
    """Write a .json or .csv file, by falling score (in JSON, of each video).

    The same detections give the same file, in whatever order they come. Raises ValueError where a time or
    score is not finite, InputError where the path has another ending, or a name cannot stand in a table.
    """
    with detections_file(path, detections.classes, detections.classifier) as add:
        add(detections)


@contextmanager
def detections_file(
    path: Path | str, classes: Sequence[str], classifier: str = ""
) -> Iterator[Callable[[Detections], None]]:
    """What adds the detections of some videos to a file, which is whole when the block ends, and else not there.

    Each video comes once. A .json file is written as they come; a .csv file, which is sorted by score over all
    videos, only at the end. Raises as `write_detections`.

    Args:
        path: .json or .csv.
        classes: the class names of all that is added.
        classifier: whose video scores named the classes, "" for nobody's; only JSON says so.
    """
    path = Path(path)
    if is_json(path):
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
            results = JsonStream(stream)
            yield lambda detections: results.add(_checked(detections).sorted())
            results.end(classifier)
        return
    parts: list[Detections] = []
    yield lambda detections: parts.append(_checked(detections))
    together = joined(parts, classes)
    check_names_for_csv(path, (*together.video_ids, *together.classes))
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        write_csv(together.sorted(), stream)


def _checked(detections: Detections) -> Detections:
    """The detections; ValueError where a number is not finite."""
    for name in ("start_seconds", "end_seconds", "score"):
        wrong = int((~np.isfinite(getattr(detections, name))).sum())
        if wrong:
            raise ValueError(f"{wrong} of {len(detections)} detections have a {name} that is not finite")
    return detections


def is_json(path: Path) -> bool:
    """Whether a file of detections is JSON, not CSV; InputError where it has another ending."""
    suffix = path.suffix.lower()
    if suffix not in (".json", ".csv"):
        raise InputError(f"{path} must end in .json (ActivityNet's results) or .csv to hold detections")
    return suffix == ".json"


def _place(path: Path, video_ids: Sequence[str], rows: Rows, row: int) -> str:
    if is_json(path):
        return f"{path}, video {quoted(video_ids[rows.video[row]])}, detection {rows.number[row]}"
    return f"{path}, line {rows.number[row]}"


def _detections(
    video_ids: tuple[str, ...], rows: Rows, classes: Sequence[str] | None, place: PlaceOf
) -> Detections:
    """The rows as checked columns, in their order."""
    names, label = _labels(rows.label, classes, place)
    start, end = _numbers(rows.start, "start", place), _numbers(rows.end, "end", place)
    for row in np.flatnonzero(end < start)[:1]:
        raise InputError(f"{place(row)}: the end, {end[row]:g}, must not be before the start, {start[row]:g}")
    score = _numbers(rows.score, "score", place)
    return Detections(names, video_ids, np.array(rows.video, dtype=np.int64), start, end, label, score)


def _numbers(values: Sequence[object], name: str, place: PlaceOf) -> FloatArray:
    """The column as an array; InputError for the first that is no finite number."""
    if set(map(type, values)) <= {float}:
        numbers = np.array(values, dtype=np.float64)
        if np.isfinite(numbers).all():
            return numbers
    checked = [finite_number(value) for value in values]
    if None in checked:
        row = checked.index(None)
        given = "missing" if values[row] is None else described(values[row])
        raise InputError(f"{place(row)}: the {name} must be a finite number, but is {given}")
    return np.array(checked, dtype=np.float64)


def _labels(
    labels: Sequence[object], classes: Sequence[str] | None, place: PlaceOf
) -> tuple[tuple[str, ...], IntArray]:
    """The class names, and the index of each label in them; InputError for the first that is none."""
    for row, label in enumerate(labels):
        if not isinstance(label, str) or not label.strip():
            given = "missing" if label is None or label == "" else described(label)
            raise InputError(f"{place(row)}: the label must be the name of a class, but is {given}")
    names = tuple(sorted(set(map(str, labels)))) if classes is None else tuple(classes)
    index = {name: number for number, name in enumerate(names)}
    numbers = [index.get(label, -1) for label in map(str, labels)]
    if -1 in numbers:
        row = numbers.index(-1)
        alike = get_close_matches(str(labels[row]), names, n=1)
        hint = f"; did you mean {quoted(alike[0])}?" if alike else ""
        raise InputError(
            f"{place(row)}: the label {quoted(str(labels[row]))} is none of the {len(names)} classes{hint}"
        )
    return names, np.array(numbers, dtype=np.int64)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Pause the search for garbage that is millions of live objects: reading takes half the time without."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
