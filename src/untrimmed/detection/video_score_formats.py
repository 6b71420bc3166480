"""The layouts of files with scores of whole videos (see `video_scores`): names, and the numbers as written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from untrimmed.annotations.annotations import FloatArray
from untrimmed.annotations.json_file import RepeatedKeys, read_json
from untrimmed.annotations.problems import described, quoted
from untrimmed.annotations.values import finite_number
from untrimmed.errors import InputError
from untrimmed.features.readers import open_array, reported
from untrimmed.files import read_text


class NamedScores(NamedTuple):
    """K classes, V videos, each once, and scores (V, K): finite, or NaN where a video does not name a class."""

    classes: tuple[str, ...]
    video_ids: tuple[str, ...]
    scores: FloatArray


def read_json_scores(path: Path, classes: Sequence[str] | None) -> NamedScores:
    """The scores of a .json file, `classes` being those of one that does not name its own."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold an object with the scores of each video, but is {described(content)}")
    if isinstance(content, RepeatedKeys):
        raise InputError(f"{path} holds {quoted(content.repeated[0])} more than once")
    videos = content.get("results", content)
    if not isinstance(videos, dict) or not videos:
        raise InputError(f'{path}: "results" must be an object with the scores of each video')
    if isinstance(videos, RepeatedKeys):
        raise InputError(f"{path} holds the video {quoted(videos.repeated[0])} more than once")
    if all(_is_vector(given) for given in videos.values()):
        return _from_vectors(path, videos, _class_list(path, content, classes))
    return _from_labels(path, videos)


def _is_vector(given: object) -> bool:
    """Whether these are scores by the position of their class, not by its name."""
    return isinstance(given, list) and not any(isinstance(item, dict) for item in given)


def _class_list(path: Path, content: Mapping[str, object], classes: Sequence[str] | None) -> tuple[str, ...]:
    """The names of the classes, by the file itself or by whoever reads it."""
    named = content.get("class") if "results" in content else None
    if named is None:
        if classes is None:
            raise InputError(
                f'{path} does not say which class each score belongs to: add the list "class" to it, or give '
                "annotations, whose classes are then taken in their order"
            )
        return tuple(classes)
    if not isinstance(named, list) or not all(isinstance(name, str) and name.strip() for name in named):
        raise InputError(f'{path}: "class" must be a list of the names of the classes, but is {described(named)}')
    _require_distinct(str(path), "the class", named)
    return tuple(named)


def _from_vectors(path: Path, videos: Mapping[str, object], classes: tuple[str, ...]) -> NamedScores:
    rows = []
    for video_id, given in videos.items():
        assert isinstance(given, list)
        # Some write (1, K).
        row = given[0] if len(given) == 1 and isinstance(given[0], list) else given
        if len(row) != len(classes):
            raise InputError(
                f"{path}, video {quoted(video_id)}: there are {len(row)} scores, but {len(classes)} classes; "
                "give one score a class"
            )
        rows.append([_number(path, video_id, name, score) for name, score in zip(classes, row, strict=True)])
    return NamedScores(classes, tuple(videos), np.array(rows, dtype=np.float64))


def _from_labels(path: Path, videos: Mapping[str, object]) -> NamedScores:
    """Of videos that name their classes; one that names none has no scores."""
    by_label = {video_id: _labelled(path, video_id, given) for video_id, given in videos.items()}
    by_label = {video_id: scores for video_id, scores in by_label.items() if scores}
    classes = tuple(sorted({label for scores in by_label.values() for label in scores}))
    if not classes:
        raise InputError(f"{path} holds no score of any video")
    rows = [[scores.get(label, np.nan) for label in classes] for scores in by_label.values()]
    return NamedScores(classes, tuple(by_label), np.array(rows, dtype=np.float64))


def _labelled(path: Path, video_id: str, given: object) -> dict[str, float]:
    """The score of each class that one video names."""
    if isinstance(given, dict):
        pairs = given.pairs if isinstance(given, RepeatedKeys) else list(given.items())
    elif isinstance(given, list) and all(isinstance(item, dict) for item in given):
        pairs = [(item.get("label"), item.get("score")) for item in given]
    else:
        raise InputError(
            f"{path}, video {quoted(video_id)}: the scores must be a list of numbers in every video, or name "
            f"their classes in every video, but here they are {described(given)}"
        )
    for label, _ in pairs:
        if not isinstance(label, str) or not label.strip():
            missing = "missing" if label is None else described(label)
            raise InputError(
                f"{path}, video {quoted(video_id)}: the label must be the name of a class, but is {missing}"
            )
    _require_distinct(f"{path}, video {quoted(video_id)}", "the class", [label for label, _ in pairs])
    return {label: _number(path, video_id, label, score) for label, score in pairs}


def _number(path: Path, video_id: str, label: str, score: object) -> float:
    number = finite_number(score)
    if number is None:
        given = "missing" if score is None else described(score)
        place = f"{path}, video {quoted(video_id)}"
        raise InputError(f"{place}: the score of {quoted(label)} must be a finite number, but is {given}")
    return number


def read_npy_scores(path: Path) -> NamedScores:
    """The scores of a matrix in a .npy file, and the names in the two lists beside it."""
    with open_array(path) as array, reported(path):
        if len(array.shape) != 2:
            raise InputError(f"{path} has the shape {array.shape}; expected two axes (videos, classes)")
        scores = np.array(array[:, :], dtype=np.float64)
    video_ids = _names(path, ".videos.txt", "video", 0, scores.shape)
    classes = _names(path, ".classes.txt", "class", 1, scores.shape)
    if scores.size == 0:
        raise InputError(f"{path} is empty: its shape is {scores.shape}")
    unknown = np.argwhere(~np.isfinite(scores))
    if len(unknown):
        row, column = unknown[0]
        raise InputError(
            f"{path} holds {len(unknown)} scores that are NaN or infinite, the first that of "
            f"{quoted(classes[column])} in the video {quoted(video_ids[row])}"
        )
    return NamedScores(classes, video_ids, scores)


def _names(path: Path, ending: str, what: str, axis: int, shape: tuple[int, ...]) -> tuple[str, ...]:
    """The names of one axis of the matrix, from the file beside it."""
    beside = path.with_suffix(ending)
    if not beside.is_file():
        raise InputError(f"{path} needs {beside} beside it, with the name of one {what} a line")
    names = [line.strip() for line in read_text(beside).splitlines() if line.strip()]
    if len(names) != shape[axis]:
        swapped = "; its axes seem to be swapped" if len(names) == shape[1 - axis] else ""
        raise InputError(
            f"{beside} has {len(names)} names, but {path} has the shape {shape}, which must be (videos, "
            f"classes){swapped}"
        )
    _require_distinct(str(beside), f"the {what}", names)
    return tuple(names)


def _require_distinct(where: str, what: str, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"{where} names {what} {quoted(twice[0])} more than once")
