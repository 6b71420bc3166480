"""The evaluation that a run leaves behind, read from its file."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from untrimmed.annotations.annotations import FloatArray
from untrimmed.annotations.json_file import read_json
from untrimmed.annotations.problems import described
from untrimmed.annotations.values import finite_number
from untrimmed.errors import InputError
from untrimmed.evaluation.thresholds import checked_tiou

#: The evaluation in a run folder.
EVALUATION = "evaluation.json"

T = TypeVar("T")
Content = dict[str, object]


@dataclass(frozen=True)
class RunEvaluation:
    """How good the detections of one run are.

    Attributes:
        path: of the file.
        recipe, seed: of the run.
        protocol: name of the protocol that it was judged under; None for the user's own way.
        subset: whose videos were judged; None for all, or for those that the detections name.
        only_named_videos: whether only the videos that the detections name were judged.
        videos: how many were judged.
        label: which label of a segment counted, where the annotations give several.
        annotations, classifier: names of the files of ground truth and of class scores; None where not said, or
            where there was no classifier.
        changes: what the run changed in the recipe, each as `section.key=value`.
        tiou_thresholds: (n,).
        mean_average_precision: (n,), in [0, 1].
    """

    path: Path
    recipe: str
    seed: int
    protocol: str | None
    subset: str | None
    only_named_videos: bool
    videos: int | None
    label: str | None
    annotations: str | None
    classifier: str | None
    changes: tuple[str, ...]
    tiou_thresholds: FloatArray
    mean_average_precision: FloatArray

    @property
    def average_map(self) -> float:
        """mAP averaged over the thresholds."""
        return float(self.mean_average_precision.mean())


def read_run(path: Path) -> RunEvaluation:
    """The evaluation of a run folder, or of a file that `untrimmed evaluate --out` wrote.

    Raises InputError where there is none, it is something else, or it does not say of which recipe and seed.
    """
    if not path.exists():
        raise InputError(f"there is no file or run folder {path}; check its name")
    if path.is_dir() and not (path / EVALUATION).exists():
        raise InputError(f"{path} holds no {EVALUATION}; make it first: untrimmed evaluate {path}")
    file = path / EVALUATION if path.is_dir() else path
    content = _content(file)
    tiou, values = _curve(file, content)
    return RunEvaluation(
        path=file,
        recipe=_required(file, content, "recipe", str, "text"),
        seed=_required(file, content, "seed", int, "a whole number"),
        protocol=_text(file, content, "protocol"),
        subset=_text(file, content, "subset"),
        only_named_videos=content.get("only_named_videos") is True,
        videos=_optional(file, content, "videos", int, "a whole number"),
        label=_text(file, content, "label"),
        annotations=_file_name(_text(file, content, "annotations")),
        classifier=_file_name(_text(file, content, "classifier")),
        changes=_changes(file, content),
        tiou_thresholds=tiou,
        mean_average_precision=values,
    )


def _content(file: Path) -> Content:
    """What the file holds, which is an evaluation of some run."""
    if file.suffix.lower() != ".json":
        raise InputError(f"{file} must be a run folder, or an evaluation that ends in .json")
    content = read_json(file)
    if not isinstance(content, dict) or not {"tiou_thresholds", "mAP"} <= content.keys():
        raise InputError(f"{file} is no evaluation; one is written by: untrimmed evaluate RUN")
    for key in ("recipe", "seed"):
        if content.get(key) is None:
            raise InputError(
                f"{file} does not say of which {key} it is; evaluate the run itself: untrimmed evaluate RUN"
            )
    return content


def _curve(file: Path, content: Content) -> tuple[FloatArray, FloatArray]:
    """The thresholds, and mAP at each."""
    thresholds, values = (_numbers(file, content, key) for key in ("tiou_thresholds", "mAP"))
    try:
        checked_tiou(thresholds)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    if len(values) != len(thresholds) or not ((values >= 0) & (values <= 1)).all():
        raise InputError(
            f"{file}: mAP must hold {len(thresholds)} fractions of 1, one for each of tiou_thresholds"
        )
    return thresholds, values


def _numbers(file: Path, content: Content, key: str) -> FloatArray:
    numbers = [finite_number(value) for value in _required(file, content, key, list, "a list of numbers")]
    if None in numbers:
        raise InputError(f"{file}: {key} must be a list of numbers, all of them finite")
    return np.array(numbers, dtype=np.float64)


def _required(file: Path, content: Content, key: str, kind: type[T], meaning: str) -> T:
    value = content[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InputError(f"{file}: {key} must be {meaning}, but is {described(value)}")
    return value


def _optional(file: Path, content: Content, key: str, kind: type[T], meaning: str) -> T | None:
    return None if content.get(key) is None else _required(file, content, key, kind, f"{meaning} or null")


def _text(file: Path, content: Content, key: str) -> str | None:
    return _optional(file, content, key, str, "text")


def _changes(file: Path, content: Content) -> tuple[str, ...]:
    changes = _optional(file, content, "changes", list, "a list of text") or []
    if not all(isinstance(change, str) for change in changes):
        raise InputError(f"{file}: changes must be a list of text, such as training.epochs=2")
    return tuple(changes)


def _file_name(path: str | None) -> str | None:
    """Without the folders above it, which are those of one machine; of any machine's kind."""
    return None if path is None else path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
