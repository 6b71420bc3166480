"""The names of a checkpoint's classes, which it does not hold: the releases number classes by label ids."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from untrimmed.annotations.class_agnostic import ACTION
from untrimmed.annotations.formats import read_annotations
from untrimmed.annotations.json_file import read_json
from untrimmed.annotations.problems import first_few
from untrimmed.annotations.recognition import ENDINGS
from untrimmed.config import DataSection
from untrimmed.errors import InputError
from untrimmed.files import read_text

logger = logging.getLogger(__name__)


def class_names(count: int, data: DataSection, file: Path | None) -> tuple[tuple[str, ...], str]:
    """K names in the order of the logits, and where they are from, in words.

    Args:
        count: K.
        data: of the recipe, whose annotations are read where there is no other file and they are there.
        file: annotations, or text with one name a line.

    Raises:
        InputError: a file cannot be read, or names another number of classes.
    """
    if data.class_agnostic:
        if count != 1:
            raise InputError(
                f"data.class_agnostic is true, but the checkpoint tells {count} classes apart: set it to false"
            )
        if file is not None:
            raise InputError(
                f"data.class_agnostic is true, so that there is one class, {ACTION}, and {file} names none: "
                "leave out --classes, or set data.class_agnostic to false"
            )
        return (ACTION,), "data.class_agnostic"
    place = file or (data.annotations if data.annotations.exists() else None)
    if place is None:
        logger.warning(
            "nobody says what the %d classes are called, so they are class-0 to class-%d; name them with "
            "--classes FILE: annotations that number their labels (label_id), or one name a line",
            count,
            count - 1,
        )
        return tuple(map(_numbered, range(count))), "numbers"
    is_listed = not place.is_dir() and place.suffix.lower() not in ENDINGS
    names = _listed(place) if is_listed else _annotated(place, data, count)
    if len(names) != count:
        raise InputError(
            f"the checkpoint tells {count} classes apart, but {place} names {len(names)}; give the file that it "
            "was trained with, or one name a line, with --classes FILE"
        )
    return names, str(place)


def _numbered(number: int) -> str:
    return f"class-{number}"


def _listed(path: Path) -> tuple[str, ...]:
    """The lines of a text file, InputError where one is empty or stands twice."""
    lines = [line.strip() for line in read_text(path).rstrip().splitlines()]
    for number, line in enumerate(lines, start=1):
        if not line:
            raise InputError(f"{path}, line {number}, is empty; give one class name a line")
        if line in lines[: number - 1]:
            raise InputError(f"{path}, line {number}: the class {line} stands there twice")
    return tuple(lines)


def _annotated(path: Path, data: DataSection, count: int) -> tuple[str, ...]:
    """The classes of annotations; a number of which they hold no segment keeps its place."""
    # Only names are wanted of it: what would be mended in its segments is nobody's concern here.
    names = read_annotations(path, label=data.label, as_written=True).classes
    label_of = _label_ids(path)
    if len(names) >= count or len(label_of) != len(names) or not 0 <= min(label_of) <= max(label_of) < count:
        return names
    nameless = [_numbered(number) for number in range(count) if number not in label_of]
    logger.warning(
        "%s has no segment of %d of %d classes, which are called by their numbers: %s",
        path,
        len(nameless),
        count,
        first_few(nameless),
    )
    return tuple(label_of.get(number, _numbered(number)) for number in range(count))


def _label_ids(path: Path) -> Mapping[int, str]:
    """The labels of valid annotations by their numbers; none where the file gives no numbers."""
    if path.is_dir() or path.suffix.lower() != ".json":
        return {}
    content: Any = read_json(path)
    entries = content["database"].values() if "database" in content else ()
    segments = [segment for entry in entries for segment in entry["annotations"]]
    return {segment["label_id"]: segment["label"] for segment in segments if "label_id" in segment}
