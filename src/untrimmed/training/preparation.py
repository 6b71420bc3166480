"""From a recipe's data section to the videos that are learned from and those that are held out."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from untrimmed.annotations.annotations import Annotations, BoolArray
from untrimmed.annotations.class_agnostic import class_agnostic
from untrimmed.annotations.formats import read_annotations
from untrimmed.annotations.problems import first_few
from untrimmed.annotations.subsets import chosen_subset
from untrimmed.config import DataSection, HoldOut
from untrimmed.detection.feature_reading import FeatureReading
from untrimmed.errors import InputError
from untrimmed.features.lengths import Lengths
from untrimmed.features.store import FeatureStore
from untrimmed.features.survey import survey

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Material:
    """What a run learns from and is checked with.

    Attributes:
        store: the features.
        training: the annotations to learn from; every video has features.
        held_out: those to validate on, or None.
    """

    store: FeatureStore
    training: Annotations
    held_out: Annotations | None


def prepare(data: DataSection, progress: Callable[[Iterable[str]], Iterable[str]] = iter) -> Material:
    """Read the annotations, open the features, and look at each of them once, whole or only at its header.

    Videos whose features are missing or broken are left out and named in a warning; what a header does not show
    is an InputError when training reads it.

    Args:
        data: the section of the recipe.
        progress: wraps the videos as they are read.

    Raises:
        InputError: a file is wrong, a subset does not exist, or nothing is left to learn from.
    """
    annotations = read_annotations(data.annotations, label=data.label, videos=data.videos)
    if data.class_agnostic:
        annotations = class_agnostic(annotations)
    training = chosen_subset(annotations, data.training_subset)
    held_out = None
    if data.validation_subset is not None:
        held_out = chosen_subset(annotations, data.validation_subset)
    elif data.hold_out is not None:
        held = in_fold(training.videos.ids, data.hold_out)
        training, held_out = training.select(~held), training.select(held)
    reading = FeatureReading(data)
    fps_of = dict(zip(annotations.videos.ids, annotations.videos.fps.tolist(), strict=True))
    store = reading.open(reading.sources, fps_of=fps_of)
    training = _readable(training, store, data.check_values, progress)
    if held_out is not None:
        held_out = _readable(held_out, store, data.check_values, progress)
    if len(training.segments) == 0:
        raise InputError(
            f"the subset {data.training_subset} holds no action in the videos that have features "
            f"({len(training.videos)}), so there is nothing to learn; choose another data.training_subset"
        )
    if held_out is not None and len(held_out.segments) == 0:
        raise InputError(
            f"the {len(held_out.videos)} videos to validate on hold no action; set data.validation_subset or "
            "data.hold_out to others, or leave both out"
        )
    return Material(store, training, held_out)


def in_fold(video_ids: tuple[str, ...], hold_out: HoldOut) -> BoolArray:
    """(V,), true for the videos of the fold: groups are dealt to the folds in alphabetical order.

    Raises:
        InputError: the fold does not exist, the expression is broken, or there are fewer groups than folds.
    """
    groups = [_group(video_id, hold_out.group) for video_id in video_ids]
    names = sorted(set(groups))
    if len(names) < hold_out.folds:
        raise InputError(
            f"data.hold_out.folds is {hold_out.folds}, but must be at most {len(names)}, the number of groups of "
            f"videos in the training subset: {first_few(names)}"
        )
    if hold_out.fold >= hold_out.folds:
        raise InputError(f"data.hold_out.fold is {hold_out.fold}, but must be below folds, {hold_out.folds}")
    held = {name for number, name in enumerate(names) if number % hold_out.folds == hold_out.fold}
    return np.array([group in held for group in groups], dtype=bool)


def _group(video_id: str, expression: str | None) -> str:
    if expression is None:
        return video_id
    try:
        found = re.search(expression, video_id)
    except re.error as error:
        raise InputError(f"data.hold_out.group is not a regular expression: {error}") from error
    return found.group(0) if found else video_id


def _readable(
    annotations: Annotations,
    store: FeatureStore,
    check_values: bool,
    progress: Callable[[Iterable[str]], Iterable[str]],
) -> Annotations:
    """Without the videos whose features cannot be used, which are named."""
    found = survey(store, progress(annotations.videos.ids), values=check_values)
    if not found.lengths:
        reasons = "; ".join(found.sentences())
        raise InputError(f"no video has features that can be used: {reasons}")
    for sentence in found.sentences():
        logger.warning("%s", sentence)
    readable = annotations.select([video_id in found.lengths for video_id in annotations.videos.ids])
    _require_fitting(readable, store, found.lengths)
    return readable


def _require_fitting(annotations: Annotations, store: FeatureStore, lengths: Mapping[str, int]) -> None:
    """InputError where the features as a whole are too short or too long for their videos.

    Their stride or rate is then another than the recipe says, and labels and features would lie at other times.
    """
    if store.resample_to is not None:
        lengths = {video_id: store.length_before_resampling(video_id) for video_id in lengths}
    videos = annotations.videos
    duration_of = dict(zip(videos.ids, videos.duration_seconds.tolist(), strict=True))
    wrong = Lengths.of(lengths, duration_of, store.timing).diagnosis()
    if wrong is not None:
        raise InputError(
            f"the features do not fit the durations of their videos: {wrong}; correct data.stride or data.fps, "
            "or the durations in the annotations (`untrimmed datasets check` tells more)"
        )
