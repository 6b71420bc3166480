"""Feature files and folders, as they are named on the command line, to the videos to detect in."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from untrimmed.annotations.annotations import Annotations
from untrimmed.annotations.problems import first_few
from untrimmed.detection.feature_reading import FeatureReading
from untrimmed.detection.score_fusion import ScoreFusion
from untrimmed.errors import InputError
from untrimmed.features.readers import HDF5_EXTENSIONS
from untrimmed.features.store import FeatureStore

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Input:
    """Videos of one store.

    Attributes:
        store: their features.
        durations_seconds: the videos, and where each ends; NaN where that is unknown.
    """

    store: FeatureStore
    durations_seconds: Mapping[str, float]


def open_inputs(
    paths: Sequence[Path], reading: FeatureReading, annotations: Annotations | None = None
) -> tuple[list[Input], list[str]]:
    """The videos in feature files, folders and .h5 files.

    Args:
        paths: what was named; for a model of several sources, one folder for each in the recipe's order.
        reading: how the model's features are read.
        annotations: detect in these videos alone; they also give durations and frame rates.

    Returns:
        the videos by store, and the names of annotated videos that have no features.

    Raises:
        InputError: nothing is there, it cannot be opened, or two inputs hold the same video.
    """
    fps_of = None
    if annotations is not None:
        fps_of = dict(zip(annotations.videos.ids, annotations.videos.fps.tolist(), strict=True))
    inputs: list[Input] = []
    for store, video_ids in _stores(paths, reading, fps_of):
        if annotations is not None:
            video_ids = [video_id for video_id in video_ids if video_id in annotations.videos.index]
        inputs.append(Input(store, {video_id: _duration(video_id, annotations) for video_id in video_ids}))
    _require_distinct(inputs)
    missing: list[str] = []
    if annotations is not None:
        found = {video_id for one in inputs for video_id in one.durations_seconds}
        missing = [video_id for video_id in annotations.videos.ids if video_id not in found]
    if not any(one.durations_seconds for one in inputs):
        there = [video_id for one in inputs for video_id in one.store.ids]
        raise InputError(
            f"no video of the annotations ({first_few(missing)}) has features in "
            f"{', '.join(str(path) for path in paths)}, which has those of {first_few(there)}"
        )
    return inputs, missing


def with_scores(inputs: Sequence[Input], fusion: ScoreFusion | None) -> list[Input]:
    """Only the videos that can be labelled; those without class scores are named in a warning.

    Raises:
        InputError: no video has class scores.
    """
    if fusion is None:
        return list(inputs)
    scores = fusion.scores
    asked = [video_id for one in inputs for video_id in one.durations_seconds]
    lacking = [video_id for video_id in asked if video_id not in scores]
    if len(lacking) == len(asked):
        raise InputError(
            f"{scores.name} has scores of none of the {len(asked)} videos ({first_few(asked)}), but of "
            f"{first_few(scores.video_ids)}"
        )
    if lacking:
        logger.warning(
            "%d of %d videos are left out, because %s has no scores of them: %s",
            len(lacking),
            len(asked),
            scores.name,
            first_few(lacking),
        )
    return [
        replace(
            one, durations_seconds={name: end for name, end in one.durations_seconds.items() if name in scores}
        )
        for one in inputs
    ]


def _stores(
    paths: Sequence[Path], reading: FeatureReading, fps_of: Mapping[str, float] | None
) -> list[tuple[FeatureStore, list[str]]]:
    sources = len(reading.sources)
    if sources > 1:
        if len(paths) != sources:
            raise InputError(
                f"the model looks at {sources} sources at once, so give {sources} folders in the order of its "
                f"recipe, not {len(paths)}"
            )
        store = reading.open(paths, fps_of=fps_of)
        return [(store, list(store.ids))]
    files = [path for path in paths if _holds_one_video(path)]
    by_folder = {folder: [file for file in files if file.parent == folder] for folder in _parents(files)}
    found = [reading.open_files(folder, group, fps_of=fps_of) for folder, group in by_folder.items()]
    for path in paths:
        if path not in files:
            store = reading.open([path], fps_of=fps_of)
            found.append((store, list(store.ids)))
    return found


def _holds_one_video(path: Path) -> bool:
    """An HDF5 file is taken to hold many."""
    return not path.is_dir() and path.suffix.lower() not in HDF5_EXTENSIONS


def _parents(files: Sequence[Path]) -> list[Path]:
    return list(dict.fromkeys(file.parent for file in files))


def _duration(video_id: str, annotations: Annotations | None) -> float:
    if annotations is None:
        return math.nan
    return float(annotations.videos.duration_seconds[annotations.videos.index[video_id]])


def _require_distinct(inputs: Sequence[Input]) -> None:
    seen: set[str] = set()
    for one in inputs:
        twice = seen & one.durations_seconds.keys()
        if twice:
            raise InputError(f"the inputs hold the video {min(twice)!r} twice; name it once")
        seen |= one.durations_seconds.keys()
