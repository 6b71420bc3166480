"""Which detections overlap which ground truth: the sparse list that precision and recall are read from."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from untrimmed.annotations.annotations import BoolArray, FloatArray, IntArray, Segments
from untrimmed.detection.detections import Detections
from untrimmed.evaluation.tiou import aligned_tiou

PAIRS_AT_ONCE = 1 << 19
"""Pairs whose tIoU is computed at once; bounds the memory, whatever the number of detections in a video."""


@dataclass(frozen=True)
class Overlaps:
    """P pairs of a detection and a ground-truth segment of the same group, by rising detection row.

    Attributes:
        detection: (P,) row of the detection.
        segment: (P,) row of the ground truth.
        tiou: (P,).
    """

    detection: IntArray
    segment: IntArray
    tiou: FloatArray

    def __getitem__(self, rows: BoolArray | IntArray) -> "Overlaps":
        return Overlaps(self.detection[rows], self.segment[rows], self.tiou[rows])

    def reaching(self, tiou: float) -> "Overlaps":
        """Only the pairs with at least this tIoU."""
        return self[self.tiou >= tiou]


def find_overlaps(
    detections: Detections,
    segments: Segments,
    detection_groups: IntArray,
    segment_groups: IntArray,
    *,
    min_tiou: float,
) -> Overlaps:
    """All pairs of a detection and a segment of its group with a tIoU of at least `min_tiou`, above 0."""
    by_group = np.argsort(segment_groups, kind="stable")
    sorted_groups = segment_groups[by_group]
    first = np.searchsorted(sorted_groups, detection_groups, side="left")
    count = np.searchsorted(sorted_groups, detection_groups, side="right") - first
    blocks = [
        _pairs(detections, segments, rows, by_group, first[rows], count[rows]).reaching(min_tiou)
        for rows in _blocks(np.flatnonzero(count), count)
    ]
    return Overlaps(
        np.concatenate([np.empty(0, np.int64), *(block.detection for block in blocks)]),
        np.concatenate([np.empty(0, np.int64), *(block.segment for block in blocks)]),
        np.concatenate([np.empty(0), *(block.tiou for block in blocks)]),
    )


def _pairs(
    detections: Detections,
    segments: Segments,
    rows: IntArray,
    by_group: IntArray,
    first: IntArray,
    count: IntArray,
) -> Overlaps:
    """Each of these detections with all `count` segments of its group, from `first` on in `by_group`."""
    detection = np.repeat(rows, count)
    before = np.cumsum(count) - count
    segment = by_group[np.arange(len(detection)) + np.repeat(first - before, count)]
    tiou = aligned_tiou(
        detections.start_seconds[detection],
        detections.end_seconds[detection],
        segments.start_seconds[segment],
        segments.end_seconds[segment],
    )
    return Overlaps(detection, segment, tiou)


def _blocks(rows: IntArray, count: IntArray) -> Iterator[IntArray]:
    """The rows in turn, in blocks of about PAIRS_AT_ONCE pairs."""
    block = np.cumsum(count[rows]) // PAIRS_AT_ONCE
    yield from np.split(rows, np.flatnonzero(np.diff(block)) + 1)
