"""The two formats of detections, each to and from rows whose values are still as the file has them."""

import csv
import io
import logging
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np

from untrimmed.annotations.json_file import RepeatedKeys, plain_object, read_json
from untrimmed.annotations.problems import described, first_few, quoted
from untrimmed.detection.detections import Detections
from untrimmed.errors import InputError
from untrimmed.files import read_text

logger = logging.getLogger(__name__)

_COLUMNS = ("video", "start", "end", "label", "score")
#: How "external_data" of ActivityNet's results says whose video scores gave the classes.
_SCORES_FROM = "video scores from "


class Item(NamedTuple):
    """One detection of a JSON file, its values as they stand there."""

    start: object
    end: object
    label: object
    score: object


@dataclass(frozen=True)
class Rows:
    """Detections as a file has them: a row each, in columns, which take a fraction of the room of objects.

    Attributes:
        video: index of its video.
        number: of the detection in its video, or of its line.
        start, end, label, score: its values.
    """

    video: "array[int]" = field(default_factory=lambda: array("q"))
    number: "array[int]" = field(default_factory=lambda: array("q"))
    start: list[object] = field(default_factory=list)
    end: list[object] = field(default_factory=list)
    label: list[object] = field(default_factory=list)
    score: list[object] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.video)

    def add(self, video: int, number: int, item: Item) -> None:
        """One more row."""
        self.video.append(video)
        self.number.append(number)
        self.start.append(item.start)
        self.end.append(item.end)
        self.label.append(item.label)
        self.score.append(item.score)


class Found(NamedTuple):
    """What a file holds: the videos, the detections in them, and whose video scores gave the classes."""

    video_ids: tuple[str, ...]
    rows: Rows
    classifier: str = ""


def read_json_rows(path: Path) -> Found:
    """The videos of ActivityNet's results, and the detections in them, each with its number in its video."""
    results, classifier = _results(path)
    rows = Rows()
    for video, (video_id, items) in enumerate(results.items()):
        if not isinstance(items, list):
            place = f"{path}, video {quoted(video_id)}"
            given = "an object" if isinstance(items, Item) else described(items)
            raise InputError(f"{place}: its detections must be a list, but are {given}")
        for number, item in enumerate(items, start=1):
            if not isinstance(item, Item):
                place = f"{path}, video {quoted(video_id)}, detection {number}"
                raise InputError(f"{place}: {_what_is_wrong(item)}")
            rows.add(video, number, item)
    return Found(tuple(results), rows, classifier)


def _compact(pairs: list[tuple[str, object]]) -> "Item | dict[str, object]":
    """An object of JSON; a detection as an Item, since as a dict it would take several times the room."""
    values: dict[str, Any] = plain_object(pairs)
    try:
        start, end = values["segment"]
        label, score = values["label"], values["score"]
    except (KeyError, TypeError, ValueError):
        return values
    # One text for all detections of a class.
    return Item(start, end, sys.intern(label) if isinstance(label, str) else label, score)


class JsonStream:
    """ActivityNet's results, written video by video, so that those of many videos need not be held at once.

    Args:
        stream: what to write to; what it holds is valid JSON after `end`.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._separator = ""
        stream.write('{"version": "VERSION 1.3", "results": {')

    def add(self, detections: Detections) -> None:
        """A line for each of these videos, its detections in the order given."""
        ordered = detections[np.argsort(detections.video, kind="stable")]
        labels = [quoted(name) for name in detections.classes]
        rows = zip(
            ordered.label.tolist(),
            ordered.score.tolist(),
            ordered.start_seconds.tolist(),
            ordered.end_seconds.tolist(),
            strict=True,
        )
        counts = np.bincount(ordered.video, minlength=len(detections.video_ids)).tolist()
        for video_id, count in zip(detections.video_ids, counts, strict=True):
            items = ", ".join(
                f'{{"label": {labels[label]}, "score": {score!r}, "segment": [{start!r}, {end!r}]}}'
                for label, score, start, end in islice(rows, count)
            )
            self._stream.write(f"{self._separator}\n{quoted(video_id)}: [{items}]")
            self._separator = ","

    def end(self, classifier: str) -> None:
        """What comes after the last video: whose video scores named the classes, "" for nobody's."""
        self._stream.write(f'\n}}, "external_data": {external_data(classifier)}}}\n')


def external_data(classifier: str) -> str:
    """What ActivityNet's results say, in JSON, of scores that are not the detector's own."""
    if not classifier:
        return "{}"
    return f'{{"used": true, "details": {quoted(_SCORES_FROM + classifier)}}}'


def read_csv_rows(path: Path) -> Found:
    """The videos of a table, and the detections in them, each with its line; it says of no classifier."""
    text = read_text(path)
    if not text.strip():
        raise InputError(f"{path} is empty; its first line should be {','.join(_COLUMNS)}")
    # Strict, because a quote that is never closed would otherwise swallow the rest of the file unseen.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    index: dict[str, int] = {}
    rows = Rows()
    try:
        header = next(reader)
        cells_of = itemgetter(*_places_of_columns(path, header))
        for line in reader:
            if not any(line):
                continue
            if len(line) != len(header):
                raise InputError(
                    f"{path}, line {reader.line_num}: it has {len(line)} cells where the first line has "
                    f"{len(header)}; quote a cell that holds a comma, and write decimals with a point"
                )
            video_id, start, end, label, score = cells_of(line)
            if not video_id.strip():
                raise InputError(f"{path}, line {reader.line_num}: the video is missing")
            video = index.setdefault(video_id.strip(), len(index))
            if start or end or label or score:
                item = Item(_number(start), _number(end), sys.intern(label.strip()), _number(score))
                rows.add(video, reader.line_num, item)
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}; is a quote there not closed?") from error
    return Found(tuple(index), rows)


def write_csv(detections: Detections, stream: TextIO) -> None:
    """A table, the detections in the order given, then the videos in which nothing was found."""
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(_COLUMNS)
    table.writerows(
        zip(
            [detections.video_ids[video] for video in detections.video.tolist()],
            detections.start_seconds.tolist(),
            detections.end_seconds.tolist(),
            [detections.classes[label] for label in detections.label.tolist()],
            detections.score.tolist(),
            strict=True,
        )
    )
    found_in = set(detections.video.tolist())
    nothing = (name for video, name in enumerate(detections.video_ids) if video not in found_in)
    table.writerows((name, "", "", "", "") for name in nothing)


def check_names_for_csv(path: Path, names: Sequence[str]) -> None:
    """InputError where a name would not come back from a table as it was."""
    unfit = [name for name in names if name.strip() != name or not name or set(name) & set("\r\n\0")]
    if unfit:
        raise InputError(
            f"{path} cannot hold {len(unfit)} of the names, which are empty, begin or end with a space or "
            f"hold a line break: {first_few([quoted(name) for name in unfit])}; write a .json file instead"
        )


def _results(path: Path) -> tuple[dict[str, object], str]:
    """What a results file holds of each video, and its classifier."""
    content = read_json(path, _compact)
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(results, dict):
        keys = first_few([quoted(key) for key in content]) if isinstance(content, dict) else ""
        held = f"an object with the keys {keys}" if keys else described(content)
        raise InputError(
            f'{path} must hold ActivityNet\'s results, {{"results": {{video: [detection, ..]}}}}, '
            f"but holds {held}"
        )
    if isinstance(results, RepeatedKeys):
        repeated = first_few([quoted(name) for name in results.repeated])
        raise InputError(f"{path} holds more than one list of detections for video {repeated}; join them")
    return results, _classifier(content.get("external_data"))


def _classifier(external: object) -> str:
    """Whose video scores gave the classes: the name that we wrote, or other people's words on one line."""
    if not isinstance(external, dict) or external.get("used") is False:
        return ""
    details = external.get("details")
    said = " ".join(details.split()) if isinstance(details, str) else ""
    nameless = "unnamed external data" if external.get("used") is True else ""
    return said.removeprefix(_SCORES_FROM) or nameless


def _what_is_wrong(item: object) -> str:
    """With an item that has no label, score and segment of two."""
    if not isinstance(item, dict):
        return f"it must be an object with label, score and segment, but is {described(item)}"
    for key in ("label", "score", "segment"):
        if key not in item:
            return f'its "{key}" is missing'
    return f'its "segment" must be [start, end] in seconds, but is {described(item["segment"])}'


def _places_of_columns(path: Path, header: Sequence[str]) -> list[int]:
    names = [name.strip().casefold() for name in header]
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise InputError(
            f"{path} lacks the column {' and '.join(missing)}: its first line should name the columns "
            f"{', '.join(_COLUMNS)}, separated by commas, but holds {quoted(','.join(header))}"
        )
    repeated = [name for name in _COLUMNS if names.count(name) > 1]
    if repeated:
        raise InputError(f"{path} has more than one column {' and '.join(repeated)}; keep one of each")
    unused = [quoted(name) for name in header if name.strip().casefold() not in _COLUMNS]
    if unused:
        logger.warning("%s: %d columns are not used: %s", path, len(unused), first_few(unused))
    return [names.index(name) for name in _COLUMNS]


def _number(cell: str) -> float | str | None:
    """A cell as a number where it is one, as it stands where not, None where empty."""
    try:
        return float(cell)
    except ValueError:
        return cell.strip() or None
