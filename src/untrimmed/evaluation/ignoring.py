"""Ignored stretches: parts of videos in which a detection that finds nothing is no mistake either."""

import numpy as np

from untrimmed.annotations.annotations import BoolArray, IntArray, Segments, Stretches
from untrimmed.detection.detections import Detections
from untrimmed.evaluation.grouping import rank_within
from untrimmed.evaluation.matching import NOT_FOUND
from untrimmed.evaluation.overlaps import find_overlaps


def left_out(detections: Detections, found_by: IntArray, ignored: Stretches) -> BoolArray:
    """Whether each detection is left out of the ranking at each threshold, (n, N).

    It is where it finds no ground truth, but shares some time with an ignored stretch of its video. `found_by`
    (n, S) is that of `matching.match`.
    """
    found = np.zeros((len(found_by), len(detections)), dtype=bool)
    threshold, segment = np.nonzero(found_by != NOT_FOUND)
    found[threshold, found_by[threshold, segment]] = True
    return _touches(detections, ignored) & ~found


def ranks_without(left_out: BoolArray, label: IntArray) -> IntArray:
    """The rank (n, N) of each detection among those of its class that count; 0 for one that is left out."""
    ranks = np.zeros(left_out.shape, dtype=np.int64)
    for row, counts in zip(ranks, ~left_out, strict=True):
        row[counts] = rank_within(label[counts])
    return ranks


def _touches(detections: Detections, ignored: Stretches) -> BoolArray:
    """Whether each of N detections shares some time with an ignored stretch of its video."""
    stretches = Segments(ignored.video, ignored.start_seconds, ignored.end_seconds, np.zeros_like(ignored.video))
    any_overlap = float(np.nextafter(0, 1))
    overlaps = find_overlaps(detections, stretches, detections.video, ignored.video, min_tiou=any_overlap)
    touches = np.zeros(len(detections), dtype=bool)
    touches[overlaps.detection] = True
    return touches
