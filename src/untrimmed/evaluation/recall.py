"""How much of the ground truth is found at all, by how many detections: average recall and recall at kx."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from untrimmed.annotations.annotations import Annotations, FloatArray, IntArray, Segments
from untrimmed.detection.detections import Detections
from untrimmed.evaluation.grouping import group_of, in_numbering_of, rank_within
from untrimmed.evaluation.overlaps import find_overlaps

PROPOSAL_TIOU = np.linspace(0.5, 0.95, 10)
"""The thresholds over which ActivityNet averages recall."""

CURVE_POINTS = 100
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class AverageRecall:
    """Recall by the average number of proposals (AN) taken from a video, regardless of class.

    Attributes:
        tiou_thresholds: (n,).
        average_number: (P,) AN at each of P points, rising.
        recall: (n, P) in [0, 1].
    """

    tiou_thresholds: FloatArray
    average_number: FloatArray
    recall: FloatArray

    @property
    def average(self) -> FloatArray:
        """AR (P,): recall averaged over the thresholds."""
        average: FloatArray = self.recall.mean(axis=0)
        return average

    def at(self, average_number: float) -> float:
        """AR@AN, for an AN that is a point of the curve (1, 2, .. 100 by default); ValueError for others."""
        points = np.flatnonzero(np.isclose(self.average_number, average_number, rtol=1e-9))
        if len(points) == 0:
            raise ValueError(f"AN {average_number} is no point of the curve, which has {self.average_number}")
        return float(self.average[points[0]])

    @property
    def area(self) -> float:
        """The area under AR over AN, in [0, 1]: trapezoids from the first point on, over the last AN."""
        width, average = np.diff(self.average_number), self.average
        return float((width * (average[1:] + average[:-1]) / 2).sum() / self.average_number[-1])


def average_recall(
    detections: Detections,
    annotations: Annotations,
    *,
    tiou_thresholds: FloatArray = PROPOSAL_TIOU,
    max_average_number: int | None = 100,
) -> AverageRecall:
    """Average recall as ActivityNet's proposal evaluator defines it, at 100 points of AN.

    A segment is found at a point if any detection that the point takes from its video, of whatever class,
    has a tIoU of at least the threshold. AN is an average: a video gives detections in proportion to how
    many it has, so at AN 1 a video with fewer than the average gives none. Detections of videos without
    ground truth count in that average, and nowhere else. `max_average_number=None` goes up to all.
    """
    ranked = in_numbering_of(annotations, detections.sorted())
    return average_recall_of(
        ranked, annotations.segments, tiou_thresholds=tiou_thresholds, max_average_number=max_average_number
    )


def average_recall_of(
    ranked: Detections,
    segments: Segments,
    *,
    tiou_thresholds: FloatArray = PROPOSAL_TIOU,
    max_average_number: int | None = 100,
) -> AverageRecall:
    """As `average_recall`, of detections in order of rank and numbered as the ground truth."""
    available = np.bincount(ranked.video, minlength=len(ranked.video_ids))
    videos = np.unique(segments.video)
    used, average_number = _cuts(available[videos], len(ranked), max_average_number)
    first_rank = _first_rank(ranked, segments, ranked.video, segments.video, tiou_thresholds)
    used_in_video = used[np.searchsorted(videos, segments.video)]
    found = [(first[:, None] <= used_in_video).sum(axis=0) for first in first_rank]
    return AverageRecall(tiou_thresholds, average_number, np.stack(found) / max(len(segments), 1))


@dataclass(frozen=True)
class RecallAtMultiples:
    """Recall when k detections are taken for each segment: "Recall@kx" of ActionFormer's evaluator.

    Attributes:
        multiples: M values of k.
        recall: (M, K, n) of the K classes that have ground truth, at n thresholds, in [0, 1].
    """

    multiples: tuple[int, ...]
    recall: FloatArray

    @property
    def mean(self) -> FloatArray:
        """(M, n), the mean over the classes."""
        mean: FloatArray = self.recall.mean(axis=1)
        return mean


def recall_at_kx(
    detections: Detections,
    annotations: Annotations,
    *,
    tiou_thresholds: FloatArray,
    multiples: Sequence[int] = (1, 5),
) -> FloatArray:
    """Recall (M, K, n) of each class for M multiples k: k detections are taken for each segment.

    Of a video with g segments of a class, the k * g best detections of this class are taken; a segment is
    found if any of them has a tIoU of at least the threshold, even one that finds another segment too. This
    is "Recall@kx" of ActionFormer's evaluator. NaN for classes without ground truth.
    """
    ranked = in_numbering_of(annotations, detections.sorted())
    return recall_at_kx_of(
        ranked,
        annotations.segments,
        len(annotations.classes),
        tiou_thresholds=tiou_thresholds,
        multiples=multiples,
    )


def recall_at_kx_of(
    ranked: Detections,
    segments: Segments,
    n_classes: int,
    *,
    tiou_thresholds: FloatArray,
    multiples: Sequence[int] = (1, 5),
) -> FloatArray:
    """As `recall_at_kx`, of detections in order of rank and numbered as the ground truth."""
    segment_groups = group_of(segments, len(ranked.classes))
    first_rank = _first_rank(
        ranked, segments, group_of(ranked, len(ranked.classes)), segment_groups, tiou_thresholds
    )
    _, place, size = np.unique(segment_groups, return_inverse=True, return_counts=True)
    n_segments = np.bincount(segments.label, minlength=n_classes)
    recall = np.full((len(multiples), n_classes, len(tiou_thresholds)), np.nan)
    for row, multiple in enumerate(multiples):
        for column, first in enumerate(first_rank):
            found = np.bincount(segments.label[first <= multiple * size[place]], minlength=n_classes)
            np.divide(found, n_segments, out=recall[row, :, column], where=n_segments > 0)
    return recall


def _first_rank(
    ranked: Detections,
    segments: Segments,
    detection_groups: IntArray,
    segment_groups: IntArray,
    tiou_thresholds: FloatArray,
) -> IntArray:
    """The rank (n, S) in its group of the first detection that overlaps each segment enough, or NEVER."""
    overlaps = find_overlaps(ranked, segments, detection_groups, segment_groups, min_tiou=tiou_thresholds.min())
    rank = rank_within(detection_groups)
    first = np.full((len(tiou_thresholds), len(segments)), NEVER)
    for row, tiou in zip(first, tiou_thresholds, strict=True):
        enough = overlaps.reaching(tiou)
        np.minimum.at(row, enough.segment, rank[enough.detection])
    return first


def _cuts(available: IntArray, n_detections: int, max_average_number: int | None) -> tuple[IntArray, FloatArray]:
    """How many detections of each of V videos are used at each point (V, P), and the AN of the points (P,).

    Each video first keeps its share of V * `max_average_number`, and each point uses its share of the kept.
    The floors depend on the last bit, so products and quotients are taken in the official order.
    """
    n_videos = len(available)
    points = np.arange(1, CURVE_POINTS + 1) / 100.0
    maximum = n_detections / max(n_videos, 1) if max_average_number is None else float(max_average_number)
    ratio = maximum * n_videos / max(n_detections, 1)
    kept = np.minimum((available * ratio).astype(np.int64), available)
    n_kept = int(kept.sum())
    if n_kept == 0:
        return np.zeros((n_videos, CURVE_POINTS), dtype=np.int64), points * maximum
    share = points * (maximum * n_videos / n_kept)
    used = np.minimum((kept[:, None] * share).astype(np.int64), kept[:, None])
    return used, share * (n_kept / n_videos)
