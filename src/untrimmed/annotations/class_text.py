"""Text files, one a class, as THUMOS14 and MultiTHUMOS are distributed: `video start end` in seconds a line."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from untrimmed.annotations.problems import Problem, described, first_few
from untrimmed.annotations.rows import StretchRow
from untrimmed.annotations.values import number_or_text
from untrimmed.errors import InputError
from untrimmed.files import read_text

# What lies beside the files of the classes, by how its name begins.
_OTHERS = ("readme", "license", "detclasslist", "class_list", "class index")


def text_files(folder: Path, inner: Sequence[str]) -> list[Path]:
    """The files of classes in a folder and in those within it that match a pattern of `inner`, by name.

    InputError where two have one name, because their segments would count twice.
    """
    files: dict[str, Path] = {}
    for path in _found(folder, "*.txt", inner):
        if path.name.startswith(".") or path.name.casefold().startswith(_OTHERS):
            continue
        if path.name in files:
            raise InputError(
                f"{folder} holds {path.name} twice: {files[path.name]} and {path}; give a folder with one of them"
            )
        files[path.name] = path
    return [files[name] for name in sorted(files)]


def listed_classes(folder: Path, name: str, inner: Sequence[str]) -> tuple[str, ...] | None:
    """The classes that a file of lines like `7 BaseballPitch` lists, in its order; None where it is absent."""
    found = next(iter(_found(folder, name, inner)), None)
    if found is None:
        return None
    return tuple(line.split()[-1] for line in read_text(found).splitlines() if line.strip())


def read_lines(path: Path, problems: list[Problem]) -> list[StretchRow]:
    """The lines of a file, in its order; one that does not hold three values is a problem instead."""
    stretches = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        place, cells = f"{path.name}, line {number}", line.split()
        if len(cells) == 3:
            video_id, start, end = cells
            stretches.append(StretchRow(place, video_id, number_or_text(start), number_or_text(end)))
        elif cells:
            message = "must hold a video, a start and an end in seconds, separated by spaces"
            problems.append(Problem(place, message, detail=f"it is {described(line)}"))
    return stretches


def report_missing(classes: Sequence[str], found: Iterable[str], problems: list[Problem]) -> None:
    """Warn of classes that no file is named after."""
    known = set(found)
    missing = [name for name in classes if name not in known]
    if missing:
        detail = f"{len(missing)} of {len(classes)}: {first_few(missing)}"
        problems.append(Problem("the folder", "has no file for some of its classes", "warning", detail))


def _found(folder: Path, name: str, inner: Sequence[str]) -> list[Path]:
    """Files of a folder, then of those within it that match a pattern of `inner`, to any depth."""
    inside = sorted({path for pattern in inner for path in folder.glob(pattern) if path.is_dir()})
    deeper = [path for one in inside for path in _found(one, name, inner)]
    return [*sorted(path for path in folder.glob(name) if path.is_file()), *deeper]
