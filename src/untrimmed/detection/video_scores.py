"""How likely each class is in each whole video, as a classifier of videos said: files that people have.

{"results": {"v1": [0.9, 0.1], "v2": [0.2, 0.7]}, "class": ["Dive", "Swim"]}

as in cuhk_val_simp_share.json, which papers on ActivityNet share; without "class" the order must be known.

{"results": {"v1": [{"label": "Dive", "score": 0.9}], "v2": [{"label": "Swim", "score": 0.7}]}}
{"v1": {"Dive": 0.9, "Swim": 0.1}, "v2": {"Swim": 0.7}}

ActivityNet's results of classification, or the same in fewer words; what is not named scores 0.

Or a matrix (V, K) in scores.npy, with the names of its rows in scores.videos.txt and those of its columns in
scores.classes.txt, one a line.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from untrimmed.annotations.annotations import FloatArray
from untrimmed.detection.video_score_formats import NamedScores, read_json_scores, read_npy_scores
from untrimmed.errors import InputError

logger = logging.getLogger(__name__)

#: What the names of ActivityNet's videos begin with in some files and not in others.
PREFIX = "v_"


@dataclass(frozen=True)
class VideoScores:
    """The scores of V whole videos.

    Attributes:
        classes: K names, each once.
        video_ids: V names, each once.
        scores: (V, K) in [0, 1].
        name: of the file they come from.
    """

    classes: tuple[str, ...]
    video_ids: tuple[str, ...]
    scores: FloatArray
    name: str

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {video_id: row for row, video_id in enumerate(self.video_ids)}

    def __contains__(self, video_id: object) -> bool:
        return isinstance(video_id, str) and self._row(video_id) is not None

    def of(self, video_id: str) -> FloatArray:
        """The scores (K,) of a video, with or without the v_ before its name; InputError where it has none."""
        row = self._row(video_id)
        if row is None:
            raise InputError(
                f"{self.name} has no scores of the video {video_id!r}, so nothing says what it shows"
            )
        scores: FloatArray = self.scores[row]
        return scores

    def _row(self, video_id: str) -> int | None:
        other = video_id.removeprefix(PREFIX) if video_id.startswith(PREFIX) else PREFIX + video_id
        return self._rows.get(video_id, self._rows.get(other))


def read_video_scores(path: Path | str, classes: Sequence[str] | None = None) -> VideoScores:
    """The scores of a .json or .npy file.

    Scores of which one is outside [0, 1] are taken for logits, all of them, and turned into probabilities by
    softmax, with a warning.

    Args:
        path: the file.
        classes: K names in the order of the scores, for a file that names none.

    Raises:
        InputError: the file cannot be read or does not name what it must; with the place of what is wrong.
    """
    path = Path(path)
    if path.suffix.lower() == ".json":
        read = read_json_scores(path, classes)
    elif path.suffix.lower() == ".npy":
        read = read_npy_scores(path)
    else:
        raise InputError(f"{path} must end in .json or .npy to hold scores of videos")
    return VideoScores(read.classes, read.video_ids, _probabilities(path, read), path.name)


def _probabilities(path: Path, read: NamedScores) -> FloatArray:
    """The scores in [0, 1]; NaN, a class that a video does not name, counts nothing."""
    scores, known = read.scores, ~np.isnan(read.scores)
    beyond = int(((scores < 0) | (scores > 1)).sum())
    if beyond == 0:
        return np.where(known, scores, 0.0)
    logger.warning(
        "%s: %d of %d scores are not between 0 and 1, so all are taken for logits and turned into probabilities "
        "by softmax",
        path,
        beyond,
        int(known.sum()),
    )
    powers = np.exp(scores - np.nanmax(scores, axis=1, keepdims=True))
    powers = np.where(known, powers, 0.0)
    probabilities: FloatArray = powers / powers.sum(axis=1, keepdims=True)
    return probabilities
