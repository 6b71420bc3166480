"""The JSON layout of ActivityNet, which most data sets of the field are also given in.

{"version": ..., "taxonomy": ...,
 "classes": ["Dive", "Jump"],
 "database": {"v1": {"subset": "training", "duration": 60.0, "fps": 30.0,
                     "annotations": [{"segment": [1.5, 3.0], "label": "Dive", "label_id": 0}]}}}

Only "database" with "annotations", "segment" and "label" is needed. "classes" is our own: it keeps the order
of the classes and those without a segment. Other keys are ignored. The format is described at
https://github.com/activitynet/ActivityNet/blob/master/Evaluation/README.md
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from untrimmed.annotations.annotations import Annotations
from untrimmed.annotations.json_file import RepeatedKeys, read_json
from untrimmed.annotations.problems import Problem, described, quoted
from untrimmed.annotations.rows import Rows, SegmentRow, VideoRow, segments_by_video
from untrimmed.errors import InputError
from untrimmed.files import write_text

_EXPECTED = 'expected {"database": {VIDEO: {"duration": SECONDS, "annotations": [...]}}}'


def read_rows(path: Path) -> Rows:
    """The rows of a file in ActivityNet's layout; InputError where it is not JSON or has no database.

    The classes are in the order of "classes"; without it, by "label_id" where every segment has one.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path} holds {described(content)} at its top level; {_EXPECTED}")
    if "database" not in content:
        keys = ", ".join(quoted(key) for key in content) or "none"
        raise InputError(f'{path} lacks the key "database" (its keys: {keys}); {_EXPECTED}')
    database = content["database"]
    if not isinstance(database, dict):
        raise InputError(f'{path} holds {described(database)} as "database"; {_EXPECTED}')

    rows = Rows()
    _report_repeated_keys("the top level", content, rows)
    label_ids: list[object] = []
    for video_id, entry in database.pairs if isinstance(database, RepeatedKeys) else database.items():
        _read_video(video_id, entry, rows, label_ids)
    listed = _listed_classes(content.get("classes"), rows)
    by_id = _classes_by_id(rows, label_ids, is_needed=listed is None)
    return Rows(rows.videos, rows.segments, by_id if listed is None else listed, rows.problems)


def write(annotations: Annotations, path: Path) -> None:
    """Write ActivityNet's layout, one video a line; reading it gives the same annotations again.

    Segments stand under their video, so they come back in the order of the videos.
    """
    videos = annotations.videos
    lines = ",\n".join(
        f"{_json(video_id)}: {_json(_entry(duration, fps, subset, own, annotations.classes))}"
        for video_id, duration, fps, subset, own in zip(
            videos.ids,
            videos.duration_seconds.tolist(),
            videos.fps.tolist(),
            videos.subsets,
            segments_by_video(annotations),
            strict=True,
        )
    )
    # ActivityNet's own evaluation refuses a file without "version" and "taxonomy".
    head = f'"version": "untrimmed",\n"taxonomy": [],\n"classes": {_json(annotations.classes)}'
    write_text(path, f'{{\n{head},\n"database": {{\n{lines}\n}}\n}}\n')


def _entry(
    duration: float, fps: float, subset: str, own: list[tuple[float, float, int]], classes: Sequence[str]
) -> dict[str, object]:
    entry: dict[str, object] = {"subset": subset}
    entry |= {key: value for key, value in (("duration", duration), ("fps", fps)) if not math.isnan(value)}
    entry["annotations"] = [
        {"segment": [start, end], "label": classes[label], "label_id": label} for start, end, label in own
    ]
    return entry


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _read_video(video_id: str, entry: object, rows: Rows, label_ids: list[object]) -> None:
    place = f"video {quoted(video_id)}"
    if not isinstance(entry, dict):
        rows.videos.append(VideoRow(place, video_id))
        rows.problems.append(Problem(place, "must be an object", detail=f"it is {described(entry)}"))
        return
    _report_repeated_keys(place, entry, rows)
    rows.videos.append(VideoRow(place, video_id, entry.get("duration"), entry.get("fps"), entry.get("subset")))
    own = entry.get("annotations")
    if not isinstance(own, list):
        keys = ", ".join(quoted(key) for key in entry) or "none"
        detail = f"it is {described(own)}" if "annotations" in entry else f"its keys: {keys}"
        message = '"annotations" must be a list, [] for a video without actions'
        rows.problems.append(Problem(place, message, detail=detail))
        return
    for number, annotation in enumerate(own, start=1):
        _read_segment(f"{place}, segment {number}", video_id, annotation, rows, label_ids)


def _read_segment(place: str, video_id: str, annotation: object, rows: Rows, label_ids: list[object]) -> None:
    if not isinstance(annotation, dict):
        rows.problems.append(Problem(place, "must be an object", detail=f"it is {described(annotation)}"))
        return
    _report_repeated_keys(place, annotation, rows)
    segment = annotation.get("segment")
    if not isinstance(segment, list) or len(segment) != 2:
        detail = f"it is {described(segment)}" if "segment" in annotation else "it is missing"
        rows.problems.append(
            Problem(place, '"segment" must be a list of start and end in seconds', detail=detail)
        )
        return
    rows.segments.append(SegmentRow(place, video_id, segment[0], segment[1], annotation.get("label")))
    label_ids.append(annotation.get("label_id"))


def _report_repeated_keys(place: str, entry: dict[str, object], rows: Rows) -> None:
    if isinstance(entry, RepeatedKeys):
        rows.problems.extend(
            Problem(place, "a key stands more than once", detail=quoted(key)) for key in entry.repeated
        )


def _listed_classes(listed: object, rows: Rows) -> tuple[str, ...] | None:
    """The names under our own key "classes", None where it is absent."""
    if listed is None:
        return None
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        detail = f"it is {described(listed)}" if not isinstance(listed, list) else ""
        rows.problems.append(Problem("the file", '"classes" must be a list of names', detail=detail))
        return None
    return tuple(listed)


def _classes_by_id(rows: Rows, label_ids: Sequence[object], *, is_needed: bool) -> tuple[str, ...] | None:
    """The classes by rising label_id, gaps closed; None where there are not ids for all.

    A label with two ids and an id with two labels are errors, whether the order is needed or not; a file with
    ids for only some segments gets a warning where the order is needed.
    """
    first_place: dict[tuple[str, int], str] = {}
    missing = []
    errors_before = len(rows.problems)
    for row, label_id in zip(rows.segments, label_ids, strict=True):
        if label_id is None:
            missing.append(row.place)
        elif not isinstance(label_id, int) or isinstance(label_id, bool):
            detail = f"it is {described(label_id)}"
            rows.problems.append(Problem(row.place, "label_id must be a whole number", detail=detail))
        elif isinstance(row.label, str):
            first_place.setdefault((row.label, label_id), row.place)

    id_of: dict[str, int] = {}
    label_of: dict[int, str] = {}
    for (label, label_id), place in first_place.items():
        if id_of.setdefault(label, label_id) != label_id:
            detail = f"{quoted(label)} has {label_id}, and before it {id_of[label]}"
            rows.problems.append(Problem(place, "a label has more than one label_id", detail=detail))
        elif label_of.setdefault(label_id, label) != label:
            detail = f"{label_id} is {quoted(label)}, and before it {quoted(label_of[label_id])}"
            rows.problems.append(Problem(place, "a label_id has more than one label", detail=detail))

    if len(rows.problems) > errors_before or not first_place:
        return None
    if missing and is_needed:
        message = "label_id is missing from some segments, so the classes are in alphabetical order"
        detail = f"{len(missing)} of {len(rows.segments)} segments"
        rows.problems.append(Problem(missing[0], message, "warning", detail))
    return None if missing else tuple(sorted(id_of, key=id_of.__getitem__))
