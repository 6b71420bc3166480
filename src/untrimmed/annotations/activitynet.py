"""The JSON layout of ActivityNet, which most data sets of the field are also given in.

{"version": ..., "taxonomy": ...,
 "classes": ["Dive", "Jump"],
 "database": {"v1": {"subset": "training", "duration": 60.0, "fps": 30.0,
                     "annotations": [{"segment": [1.5, 3.0], "label": "Dive", "label_id": 0}],
                     "ignored": [[7.0, 8.5]]}}}

Only "database" with "annotations", "segment" and "label" is needed. Two keys are our own: "classes" keeps the
order of the classes and those without a segment, "ignored" the stretches of a video that nobody is judged in.
Other keys are not used. The format is described at
https://github.com/activitynet/ActivityNet/blob/master/Evaluation/README.md

ActivityNet-1.3 itself is activity_net.v1-3.min.json, http://activity-net.org/download.html; the repository of
its evaluation is under the MIT licence. Its names of videos are those of YouTube, of 11 characters, and two of
them begin with "v_" themselves. Features, and some files of annotations, write "v_" before every name.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from untrimmed.annotations.annotations import Annotations
from untrimmed.annotations.json_file import pairs_of, report_repeated_keys
from untrimmed.annotations.problems import Problem, described, quoted
from untrimmed.annotations.rows import Rows, SegmentRow, StretchRow, VideoRow, segments_by_video
from untrimmed.errors import InputError
from untrimmed.files import write_text

#: What a file must hold, for messages.
LAYOUT = '{"database": {VIDEO: {"duration": SECONDS, "annotations": [...]}}}'

_PREFIX = "v_"
_PREFIXED_NAME = re.compile(rf"{_PREFIX}[\w-]{{11}}", re.ASCII)
# Below this share of such names the prefix is taken for a part of those names.
_SHARE_OF_PREFIXED = 0.99


def read_rows(path: Path, content: dict[str, object]) -> Rows:
    """The rows of a file in ActivityNet's layout, `content`; InputError where its database is none.

    The classes are in the order of "classes"; without it, by "label_id" where every segment has one.
    """
    database = content.get("database")
    if not isinstance(database, dict):
        raise InputError(f'{path} holds {described(database)} as "database"; expected {LAYOUT}')

    rows = Rows()
    report_repeated_keys("the top level", content, rows.problems)
    label_ids: list[object] = []
    for video_id, entry in pairs_of(database):
        _read_video(video_id, entry, rows, label_ids)
    listed = _listed_classes(content.get("classes"), rows)
    by_id = _classes_by_id(rows, label_ids, is_needed=listed is None)
    rows = replace(rows, classes=by_id if listed is None else listed)
    # What we wrote ourselves has the names that it should have.
    return rows if "classes" in content else _without_prefix(rows)


def _without_prefix(rows: Rows) -> Rows:
    """The rows without "v_" before the names of videos, where nearly all are YouTube's with that before them."""
    prefixed = {row.video_id for row in rows.videos if _PREFIXED_NAME.fullmatch(row.video_id)}
    if not prefixed or len(prefixed) < _SHARE_OF_PREFIXED * len(rows.videos):
        return rows

    def name(video_id: str) -> str:
        return video_id.removeprefix(_PREFIX) if video_id in prefixed else video_id

    message = 'the names of the videos have "v_" before YouTube\'s, which is taken away'
    detail = f"{len(prefixed)} of {len(rows.videos)} videos"
    return replace(
        rows,
        videos=[row._replace(video_id=name(row.video_id)) for row in rows.videos],
        segments=[row._replace(video_id=name(row.video_id)) for row in rows.segments],
        ignored=[row._replace(video_id=name(row.video_id)) for row in rows.ignored],
        problems=[*rows.problems, Problem("the file", message, "warning", detail)],
    )


def write(annotations: Annotations, path: Path) -> None:
    """Write ActivityNet's layout, one video a line; reading it gives the same annotations again.

    Segments stand under their video, so they come back in the order of the videos.
    """
    videos = annotations.videos
    lines = ",\n".join(
        f"{_json(video_id)}: {_json(_entry(duration, fps, subset, own, annotations.classes) | ignored)}"
        for video_id, duration, fps, subset, own, ignored in zip(
            videos.ids,
            videos.duration_seconds.tolist(),
            videos.fps.tolist(),
            videos.subsets,
            segments_by_video(annotations),
            _ignored_by_video(annotations),
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


def _ignored_by_video(annotations: Annotations) -> list[dict[str, object]]:
    """For each video our own key "ignored", where it has any stretch."""
    grouped: list[list[list[float]]] = [[] for _ in annotations.videos.ids]
    ignored = annotations.ignored
    for video, start, end in zip(
        ignored.video.tolist(), ignored.start_seconds.tolist(), ignored.end_seconds.tolist(), strict=True
    ):
        grouped[video].append([start, end])
    return [{"ignored": stretches} if stretches else {} for stretches in grouped]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _read_video(video_id: str, entry: object, rows: Rows, label_ids: list[object]) -> None:
    place = f"video {quoted(video_id)}"
    if not isinstance(entry, dict):
        rows.videos.append(VideoRow(place, video_id))
        rows.problems.append(Problem(place, "must be an object", detail=f"it is {described(entry)}"))
        return
    report_repeated_keys(place, entry, rows.problems)
    rows.videos.append(VideoRow(place, video_id, entry.get("duration"), entry.get("fps"), entry.get("subset")))
    _read_ignored(place, video_id, entry.get("ignored"), rows)
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
    report_repeated_keys(place, annotation, rows.problems)
    segment = annotation.get("segment")
    if not isinstance(segment, list) or len(segment) != 2:
        detail = f"it is {described(segment)}" if "segment" in annotation else "it is missing"
        rows.problems.append(
            Problem(place, '"segment" must be a list of start and end in seconds', detail=detail)
        )
        return
    rows.segments.append(SegmentRow(place, video_id, segment[0], segment[1], annotation.get("label")))
    label_ids.append(annotation.get("label_id"))


def _read_ignored(place: str, video_id: str, ignored: object, rows: Rows) -> None:
    for number, stretch in enumerate(ignored if isinstance(ignored, list) else [], start=1):
        if isinstance(stretch, list) and len(stretch) == 2:
            rows.ignored.append(StretchRow(f"{place}, ignored {number}", video_id, stretch[0], stretch[1]))
        else:
            message = "an ignored stretch must be a list of start and end in seconds"
            detail = f"it is {described(stretch)}"
            rows.problems.append(Problem(f"{place}, ignored {number}", message, detail=detail))
    if ignored is not None and not isinstance(ignored, list):
        message = '"ignored" must be a list of stretches, each [start, end] in seconds'
        rows.problems.append(Problem(place, message, detail=f"it is {described(ignored)}"))


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
