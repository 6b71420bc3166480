"""Which format a file or a folder of annotations is in, by its ending and what it holds.

To add a format: write a module that makes Rows, and name it in the function for its ending.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, get_args

from untrimmed.annotations import (
    activitynet,
    detad,
    epic_kitchens,
    hacs,
    multithumos,
    plain_csv,
    thumos14,
    video_info,
)
from untrimmed.annotations.csv_file import read_table
from untrimmed.annotations.epic_kitchens import LabelKind
from untrimmed.annotations.json_file import read_json
from untrimmed.annotations.problems import Problem, described, first_few, quoted
from untrimmed.annotations.rows import Rows, VideoRow
from untrimmed.errors import InputError

#: The endings of files of annotations.
ENDINGS = (".csv", ".json", ".tsv")

_FOLDERS = "of THUMOS14 (Diving_test.txt), MultiTHUMOS (Diving.txt) or EPIC-KITCHENS-100 (EPIC_100_train.csv)"


class _Source(NamedTuple):
    """How to read a path whose format is known, and whether its segments have more than one kind of label."""

    read: Callable[[LabelKind], Rows]
    has_kinds: bool = False


def read_rows(path: Path, label: LabelKind | None) -> Rows:
    """The rows of a file or folder; InputError where its format is unknown, or `label` does not suit it."""
    if label is not None and label not in get_args(LabelKind):
        raise InputError(f"the label must be verb, noun or action, not {described(label)}")
    source = _source(path)
    if source.has_kinds and label is None:
        raise InputError(
            f"{path} gives each segment a verb and a noun; say which label counts: --label verb, noun or action "
            "(data.label in a recipe)"
        )
    if not source.has_kinds and label is not None:
        raise InputError(
            f"{path} gives each segment one label, so there is none to choose; leave out --label (data.label in "
            "a recipe)"
        )
    return source.read(label or "verb")


def read_videos(path: Path, problems: list[Problem]) -> list[VideoRow]:
    """The videos of annotations, whatever else is wrong there, or of a table of durations and frame rates."""
    if path.suffix.lower() in (".csv", ".tsv") and not path.is_dir():
        table = read_table(path)
        if not video_info.holds_segments(table.columns):
            return video_info.read_video_table(table, problems)
    videos = _source(path).read("verb").videos
    return [row._replace(place=f"{path.name}, {row.place}") for row in videos]


def _source(path: Path) -> _Source:
    ending = path.suffix.lower()
    if path.is_dir():
        return _folder(path)
    if ending == ".json":
        return _json(path)
    if ending in ENDINGS:
        return _table(path)
    raise InputError(
        f"{path} has no known ending; annotations end in {', '.join(ENDINGS)}, or are folders {_FOLDERS}"
    )


def _folder(path: Path) -> _Source:
    files = epic_kitchens.files_in(path)
    if files:
        return _Source(lambda label: epic_kitchens.read_rows([read_table(file) for file in files], label), True)
    if thumos14.is_layout(path):
        return _Source(lambda _: thumos14.read_rows(path))
    if multithumos.is_folder_layout(path):
        return _Source(lambda _: multithumos.read_folder_rows(path))
    raise InputError(
        f"{path} is a folder, but holds no annotations {_FOLDERS}; give one that does, or a file that ends in "
        + ", ".join(ENDINGS)
    )


def _json(path: Path) -> _Source:
    content = read_json(path)
    layouts = f"expected {activitynet.LAYOUT} as of ActivityNet, or {multithumos.LAYOUT} as of MultiTHUMOS"
    if not isinstance(content, dict):
        raise InputError(f"{path} holds {described(content)} at its top level; {layouts}")
    if "database" in content:
        module = next((one for one in (detad, hacs) if one.is_layout(content)), activitynet)
        return _Source(lambda _: module.read_rows(path, content))
    if multithumos.is_json_layout(content):
        return _Source(lambda _: multithumos.read_json_rows(content))
    keys = first_few([quoted(key) for key in content]) or "none"
    raise InputError(f"{path} is in no layout that is known (its keys: {keys}); {layouts}")


def _table(path: Path) -> _Source:
    table = read_table(path)
    if epic_kitchens.is_layout(table.columns):
        return _Source(lambda label: epic_kitchens.read_rows([table], label), True)
    return _Source(lambda _: plain_csv.read_rows(table))
