"""Ground truth with the characteristics that DETAD, a diagnosis of errors, sorts segments by.

{"taxonomy": [], "version": [], "database": {"video_test_0000292": {"subset": "testing", "annotations": [
    {"segment": [65.9, 67.4], "label": "SoccerPenalty", "length": 1.5, "coverage": 0.0197, "num-instances": 1,
     "context-size": null, "context-distance": null, "agreement": null, "all-segments": null}]}}}

The layout of ActivityNet, whose segments have more keys: the length in seconds, the part of the video that it
covers, the number of segments in the video; and, only where people were asked, how much context they need, how
far away that is, and how well they agree. Names are written with "-" in one file and with "_" in another.
Where a video states no duration, and those of THUMOS14 do not, it is the median of length / coverage.

Source: https://github.com/HumamAlwassel/DETAD, under the MIT licence: thumos14_test_extra_characteristics.json
(212 videos, 3,358 segments) and thumos14_val_extra_characteristics.json (200 videos, 3,003 segments, 4 fewer
than THUMOS14 has).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from untrimmed.annotations import activitynet
from untrimmed.annotations.annotations import FloatArray
from untrimmed.annotations.json_file import pairs_of, read_json
from untrimmed.annotations.problems import Problem, described, quoted
from untrimmed.annotations.rows import Rows, VideoRow
from untrimmed.annotations.values import finite_number
from untrimmed.errors import InputError

_KEYS = ("coverage", "length", "num-instances", "context-size", "context-distance", "agreement")


@dataclass(frozen=True)
class Characteristics:
    """What DETAD's files say of S segments besides their times; NaN where they say nothing.

    Attributes:
        coverage: (S,) the length as a part of the video's duration.
        length_seconds: (S,).
        instances: (S,) the number of segments, of all classes, in the segment's video.
        context_size: (S,) how much of what surrounds it a person needs to know the action, 0 to 6.
        context_distance: (S,) how far away that is, 0 to 3.
        agreement: (S,) how well the times that several people gave agree, 0 to 1.
    """

    coverage: FloatArray
    length_seconds: FloatArray
    instances: FloatArray
    context_size: FloatArray
    context_distance: FloatArray
    agreement: FloatArray

    def __len__(self) -> int:
        return len(self.coverage)


def is_layout(content: dict[str, object]) -> bool:
    """Whether some segment of a file in ActivityNet's layout has a "coverage"."""
    return any("coverage" in segment for _, _, segment in _segments(content))


def read_rows(path: Path, content: dict[str, object]) -> Rows:
    """The rows of a file, `content`, with a warning where durations are computed."""
    rows = activitynet.read_rows(path, content)
    quotients: dict[str, list[float]] = {}
    for video_id, _, segment in _segments(content):
        length, coverage = finite_number(segment.get("length")), finite_number(segment.get("coverage"))
        if length and coverage and length > 0 and coverage > 0:
            quotients.setdefault(video_id, []).append(length / coverage)
    computed = {row.video_id for row in rows.videos if row.duration is None and row.video_id in quotients}
    if computed:
        message = "states no durations, which are computed: the median of length / coverage in each video"
        detail = f"{len(computed)} of {len(rows.videos)} videos"
        rows.problems.append(Problem("the file", message, "warning", detail))
    rows.videos[:] = [
        _with_duration(row, quotients[row.video_id]) if row.video_id in computed else row for row in rows.videos
    ]
    return rows


def read_characteristics(path: Path | str) -> Characteristics:
    """The characteristics of all segments of a file, in its order.

    A row belongs to the segment of the same row of `read_annotations(path, as_written=True)`; without
    `as_written`, segments that are dropped would be missing there. InputError where the file is not of this
    layout, or a value neither a number nor null.
    """
    path = Path(path)
    content = read_json(path)
    if not isinstance(content, dict) or not is_layout(content):
        raise InputError(
            f'{path} holds no characteristics of segments; expected those of DETAD: "segment", "label", '
            + ", ".join(quoted(key) for key in _KEYS)
        )
    rows = [
        [_value(path, f"video {quoted(video_id)}, segment {number}", segment, key) for key in _KEYS]
        for video_id, number, segment in _segments(content)
    ]
    return Characteristics(*np.array(rows, dtype=np.float64).T)


def _segments(content: dict[str, object]) -> Iterator[tuple[str, int, dict[str, object]]]:
    """The name of its video, its number there from 1 on, and each segment that is an object."""
    database = content.get("database")
    for video_id, entry in pairs_of(database) if isinstance(database, dict) else []:
        own = entry.get("annotations") if isinstance(entry, dict) else None
        for number, segment in enumerate(own if isinstance(own, list) else [], start=1):
            if isinstance(segment, dict):
                yield video_id, number, segment


def _with_duration(row: VideoRow, quotients: list[float]) -> VideoRow:
    return row._replace(duration=float(np.median(quotients)))


def _value(path: Path, place: str, segment: dict[str, object], key: str) -> float:
    value = segment.get(key)
    if value is None:
        value = segment.get(key.replace("-", "_"))
    number = np.nan if value is None else finite_number(value)
    if number is None:
        raise InputError(f'{path}, {place}: "{key}" must be a number or null, but is {described(value)}')
    return number
