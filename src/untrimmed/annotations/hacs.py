"""HACS Segments: HACS_segments_v1.1.1.json, which is in the layout of ActivityNet with durations as text.

{"database": {"--0edUL8zmA": {"annotations": [{"label": "Dodgeball", "segment": [5.4, 11.6]}],
                              "subset": "training", "duration": "92.166667",
                              "url": "https://www.youtube.com/watch?v=--0edUL8zmA"}}}

200 classes; 37,613 videos of the subset "training", 5,981 "validation" and 5,987 "testing", by the README of
version 1.1.1. The labels of "testing" are withheld, so its videos come without segments.

Source: https://github.com/hangzhaomit/HACS-dataset. That repository is under the BSD 3-Clause licence; of the
annotations themselves, as far as we know, it says nothing.
"""

from dataclasses import replace
from pathlib import Path

from untrimmed.annotations import activitynet
from untrimmed.annotations.rows import Rows
from untrimmed.annotations.values import number_or_text


def is_layout(content: dict[str, object]) -> bool:
    """Whether every duration that a file in ActivityNet's layout states, one or more, is a number as text."""
    database = content.get("database")
    entries = database.values() if isinstance(database, dict) else []
    durations = [entry.get("duration") for entry in entries if isinstance(entry, dict)]
    stated = [duration for duration in durations if duration is not None]
    return bool(stated) and all(isinstance(_from_text(duration), float) for duration in stated)


def read_rows(path: Path, content: dict[str, object]) -> Rows:
    """The rows of a file of this layout, `content`."""
    rows = activitynet.read_rows(path, content)
    return replace(rows, videos=[row._replace(duration=_from_text(row.duration)) for row in rows.videos])


def _from_text(duration: object) -> float | str | None:
    """What a duration says as text; None where it is no text, as where it is missing."""
    return number_or_text(duration) if isinstance(duration, str) else None
