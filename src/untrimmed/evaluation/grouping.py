"""Detections and ground truth in one numbering, and the groups in which they are compared."""

from collections.abc import Sequence

import numpy as np

from untrimmed.annotations.annotations import Annotations, IntArray, Segments
from untrimmed.detection.detections import Detections


def in_numbering_of(annotations: Annotations, detections: Detections) -> Detections:
    """The same rows with videos and classes numbered as in the annotations, whose names are compared exactly.

    Names that the annotations do not have get the numbers after theirs, so they meet no ground truth.
    """
    video_ids, video_number = _merged(annotations.videos.ids, detections.video_ids)
    classes, class_number = _merged(annotations.classes, detections.classes)
    return Detections(
        classes=classes,
        video_ids=video_ids,
        video=video_number[detections.video],
        start_seconds=detections.start_seconds,
        end_seconds=detections.end_seconds,
        label=class_number[detections.label],
        score=detections.score,
        classifier=detections.classifier,
    )


def group_of(rows: Detections | Segments, n_classes: int) -> IntArray:
    """A number (R,) for the video and class of each row, the same for detections and ground truth."""
    return rows.video * n_classes + rows.label


def rank_within(groups: IntArray) -> IntArray:
    """For each of R rows, how many rows up to it, itself included, have its group: 1, 2, .. in each group."""
    order = np.argsort(groups, kind="stable")
    begins = np.flatnonzero(np.diff(groups[order], prepend=-1))
    sizes = np.diff(begins, append=len(groups))
    rank = np.empty(len(groups), dtype=np.int64)
    rank[order] = np.arange(1, len(groups) + 1) - np.repeat(begins, sizes)
    return rank


def _merged(first: Sequence[str], second: Sequence[str]) -> tuple[tuple[str, ...], IntArray]:
    """All names, those of `first` in their places, and the new place of each name of `second`."""
    number = {name: place for place, name in enumerate(first)}
    places = [number.setdefault(name, len(number)) for name in second]
    return tuple(number), np.array(places, dtype=np.int64)
