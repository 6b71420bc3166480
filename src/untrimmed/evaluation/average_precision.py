"""Average precision (AP) as ActivityNet's evaluator defines it."""

import numpy as np

from untrimmed.annotations.annotations import FloatArray, IntArray, Segments
from untrimmed.detection.detections import Detections
from untrimmed.evaluation.grouping import rank_within
from untrimmed.evaluation.matching import NOT_FOUND, match


def precision_by_recall(
    detections: Detections, segments: Segments, tiou_thresholds: FloatArray
) -> dict[int, FloatArray]:
    """The interpolated precision-recall curve of each class that has ground truth, by the class's number.

    A curve is (n, G): at threshold t, `curve[t, g - 1]` is the interpolated precision at recall g / G, for
    g = 1 .. G ground truths found: the highest precision of any cut of the ranking at which at least g are
    found, and 0 where fewer are ever found. `average_precision` is its mean.

    The detections are in order of rank, the best first, and numbered as the ground truth, as for
    `matching.match`.
    """
    found_by = match(detections, segments, tiou_thresholds)
    return curves_of(found_by, rank_within(detections.label), segments)


def curves_of(found_by: IntArray, rank: IntArray, segments: Segments) -> dict[int, FloatArray]:
    """The curves of `precision_by_recall`, given which detection finds which segment and the ranks in classes.

    `found_by` (n, S) is that of `matching.match`; `rank` is (N,), or (n, N) where it depends on the threshold,
    as with `ignoring.ranks_without`.
    """
    rank = np.broadcast_to(rank, (len(found_by), rank.shape[-1]))
    by_class = np.argsort(segments.label, kind="stable")
    classes, begins = np.unique(segments.label[by_class], return_index=True)
    return {
        int(number): _interpolated_precision(found_by[:, rows], rank)
        for number, rows in zip(classes, np.split(by_class, begins[1:]), strict=True)
    }


def average_precision(precision: FloatArray) -> FloatArray:
    """The AP (n,) of a curve (n, G): precision summed over the increases of recall, which are all 1 / G."""
    average: FloatArray = precision.mean(axis=-1)
    return average


def _interpolated_precision(found_by: IntArray, rank: IntArray) -> FloatArray:
    """The curve (n, G) of a class: `found_by` is (n, G), and `rank` (n, N) of all detections.

    Down to the rank at which the g-th ground truth is found, g of that many detections are right. Between
    two such ranks precision only falls, so the interpolation needs no other.
    """
    ranks = np.full(found_by.shape, np.inf)
    threshold, place = np.nonzero(found_by != NOT_FOUND)
    ranks[threshold, place] = rank[threshold, found_by[threshold, place]]
    ranks.sort(axis=1)
    precision: FloatArray = np.arange(1, found_by.shape[1] + 1) / ranks
    return np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
