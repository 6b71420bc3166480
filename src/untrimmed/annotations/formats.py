"""Reading annotations in whichever format a file or folder is in, and writing them by the ending of the file.

docs/annotation-files.md tells of all formats; to add one, see recognition.py.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from untrimmed.annotations import activitynet, epic_kitchens, plain_csv
from untrimmed.annotations.annotations import Annotations
from untrimmed.annotations.problems import Problem, log_warnings, raise_errors
from untrimmed.annotations.recognition import ENDINGS, read_rows, read_videos
from untrimmed.annotations.validation import validated
from untrimmed.annotations.video_info import filled
from untrimmed.errors import InputError

#: Which of several labels of a segment counts, in files that give several (EPIC-KITCHENS-100).
LabelKind: TypeAlias = epic_kitchens.LabelKind

_WRITERS: dict[str, Callable[[Annotations, Path], None]] = {
    ".csv": plain_csv.write,
    ".json": activitynet.write,
    ".tsv": plain_csv.write,
}


def read_annotations(
    path: Path | str,
    *,
    strict: bool = False,
    classes: Sequence[str] | None = None,
    label: LabelKind | None = None,
    videos: Path | str | None = None,
    as_written: bool = False,
) -> Annotations:
    """The annotations of a file, with one logged line for each kind of thing that was mended in them.

    Args:
        path: a .json, .csv or .tsv file, or a folder as of THUMOS14; what it holds says which format it is.
        strict: make segments that end after their video, start before 0 or are empty errors.
        classes: the class names in their order; a label outside them is an error. By default the file's own.
        label: which label of a segment counts, where the file gives several.
        videos: another file or folder, which says the durations and frame rates that the first one lacks.
        as_written: leave segments as they are, whatever their times, as published evaluators do.

    Raises:
        InputError: the file cannot be read, or has errors: how many, and the first few with their places.
    """
    annotations, problems = inspect_annotations(
        path, strict=strict, classes=classes, label=label, videos=videos, as_written=as_written
    )
    raise_errors(path, problems)
    log_warnings(path, problems)
    assert annotations is not None
    return annotations


def inspect_annotations(
    path: Path | str,
    *,
    strict: bool = False,
    classes: Sequence[str] | None = None,
    label: LabelKind | None = None,
    videos: Path | str | None = None,
    as_written: bool = False,
) -> tuple[Annotations | None, list[Problem]]:
    """The annotations of a file, None where it has errors, and every problem in it; nothing is logged.

    Raises InputError only where the file cannot be read at all: it is absent, broken or of an unknown format.
    """
    rows = read_rows(Path(path), label)
    if videos is not None:
        rows = filled(rows, read_videos(Path(videos), rows.problems), Path(videos))
    return validated(rows, strict=strict, classes=classes, as_written=as_written)


def write_annotations(annotations: Annotations, path: Path | str) -> None:
    """Write annotations to a file, whole or not at all; InputError where the format or the place is unfit."""
    path = Path(path)
    expected = f"annotations are written to files that end in {', '.join(ENDINGS)}"
    if path.is_dir():
        raise InputError(f"{path} is a folder; {expected}")
    if path.suffix.lower() not in _WRITERS:
        raise InputError(f"{path} has no known ending; {expected}")
    _WRITERS[path.suffix.lower()](annotations, path)
