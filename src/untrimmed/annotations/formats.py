"""Reading and writing annotations in whichever format the ending of the file names.

To add a format: write a module with read_rows(path) and write(annotations, path), and name it in _FORMATS.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from untrimmed.annotations import activitynet, plain_csv
from untrimmed.annotations.annotations import Annotations
from untrimmed.annotations.problems import Problem, log_warnings, raise_errors
from untrimmed.annotations.rows import Rows
from untrimmed.annotations.validation import validated
from untrimmed.errors import InputError

#: Which of several labels of a segment counts, in files that give several (EPIC-KITCHENS-100).
LabelKind: TypeAlias = Literal["verb", "noun", "action"]


class _Format(NamedTuple):
    read_rows: Callable[[Path], Rows]
    write: Callable[[Annotations, Path], None]


_FORMATS = {
    ".json": _Format(activitynet.read_rows, activitynet.write),
    ".csv": _Format(plain_csv.read_rows, plain_csv.write),
    ".tsv": _Format(plain_csv.read_rows, plain_csv.write),
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
        path: .json (the layout of ActivityNet), .csv or .tsv (see plain_csv).
        strict: make segments that end after their video, start before 0 or are empty errors.
        classes: the class names in their order; a label outside them is an error. By default the file's own.
        label: which label of a segment counts, where the file gives several.
        videos: another file that says the durations and frame rates that the first one lacks.
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
    rows = _format_of(path).read_rows(Path(path))
    return validated(rows, strict=strict, classes=classes, as_written=as_written)


def write_annotations(annotations: Annotations, path: Path | str) -> None:
    """Write annotations to a file, whole or not at all; InputError where the format or the place is unfit."""
    _format_of(path).write(annotations, Path(path))


def _format_of(path: Path | str) -> _Format:
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a file of annotations, which ends in {_endings()}")
    if path.suffix.lower() not in _FORMATS:
        raise InputError(f"{path} has no known ending; annotations are files that end in {_endings()}")
    return _FORMATS[path.suffix.lower()]


def _endings() -> str:
    return ", ".join(sorted(_FORMATS))
