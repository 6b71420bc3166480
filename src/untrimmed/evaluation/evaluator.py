"""How good detections are: ActivityNet's mAP, and what a reader of it should know, counted and named."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from untrimmed.annotations.annotations import Annotations, BoolArray, FloatArray, IntArray
from untrimmed.annotations.problems import first_few
from untrimmed.annotations.subsets import chosen_subset
from untrimmed.detection.detections import Detections
from untrimmed.errors import InputError
from untrimmed.evaluation.average_precision import average_precision, curves_of
from untrimmed.evaluation.grouping import in_numbering_of, rank_within
from untrimmed.evaluation.ignoring import left_out, ranks_without
from untrimmed.evaluation.matching import match
from untrimmed.evaluation.provenance import Provenance
from untrimmed.evaluation.recall import AverageRecall, RecallAtMultiples, average_recall_of, recall_at_kx_of
from untrimmed.evaluation.thresholds import checked_tiou


@dataclass(frozen=True)
class Evaluation:
    """How good detections are, at n tIoU thresholds, over the K classes that have ground truth.

    Attributes:
        tiou_thresholds: (n,).
        classes: K names, in the order of the annotations.
        precision_by_recall: K curves (n, G): interpolated precision at recall 1 / G, 2 / G, .. 1, for plots.
        n_segments: (K,) ground truths of each class, its G.
        n_detections: (K,) detections of each class.
        n_videos: videos evaluated.
        videos_without_detections: those of the evaluated videos in which nothing was detected.
        videos_of_other_subsets: videos with detections that the annotations know, but that are not evaluated.
        unknown_videos: videos with detections that the annotations do not know. Detections of both are false
            positives, as in ActivityNet's evaluator.
        ignored_classes: classes with detections but without ground truth, and how many detections each has.
            They do not enter any mean.
        average_recall: the proposal evaluator's curve over its own thresholds, if asked for.
        recall_at_multiples: Recall@1x and @5x of each class, if asked for.
        n_left_out: (n,) detections of these classes that were left out of the ranking, because they find nothing
            but overlap an ignored stretch.
        n_ignored: ignored stretches in the evaluated videos.
        n_repeats: instances that were not counted, because they repeat another.
        provenance: what was judged with what.
    """

    tiou_thresholds: FloatArray
    classes: tuple[str, ...]
    precision_by_recall: tuple[FloatArray, ...]
    n_segments: IntArray
    n_detections: IntArray
    n_videos: int
    videos_without_detections: tuple[str, ...]
    videos_of_other_subsets: tuple[str, ...]
    unknown_videos: tuple[str, ...]
    ignored_classes: Mapping[str, int]
    average_recall: AverageRecall | None = None
    recall_at_multiples: RecallAtMultiples | None = None
    n_left_out: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    n_ignored: int = 0
    n_repeats: int = 0
    provenance: Provenance = field(default_factory=Provenance)

    @cached_property
    def average_precision(self) -> FloatArray:
        """AP (K, n) in [0, 1]; 0 for a class without detections."""
        return np.stack([average_precision(curve) for curve in self.precision_by_recall])

    @cached_property
    def mean_average_precision(self) -> FloatArray:
        """The mAP (n,) at each threshold: AP averaged over the classes."""
        mean: FloatArray = self.average_precision.mean(axis=0)
        return mean

    @property
    def average_map(self) -> float:
        """The average mAP: mAP averaged over the thresholds."""
        return float(self.mean_average_precision.mean())

    def remarks(self) -> list[str]:
        """One sentence for each thing that a reader of the numbers should know of."""
        ignored = self.ignored_classes
        found: tuple[tuple[Collection[str], str], ...] = (
            (
                ignored,
                f"classes have no ground truth, so their {sum(ignored.values())} detections are ignored",
            ),
            (
                self.unknown_videos,
                "videos with detections are not in the annotations, so these detections are all false positives",
            ),
            (
                self.videos_of_other_subsets,
                "videos with detections are of other subsets, so these detections are all false positives",
            ),
            (
                self.videos_without_detections,
                f"of {self.n_videos} videos have no detections, so all actions in them are missed",
            ),
        )
        return [f"{len(names)} {meaning}: {first_few(tuple(names))}" for names, meaning in found if names]


def evaluate(
    detections: Detections,
    annotations: Annotations,
    *,
    tiou_thresholds: ArrayLike,
    subset: str | None = None,
    with_average_recall: bool = False,
    with_recall: bool = False,
) -> Evaluation:
    """Compare detections with the ground truth of one subset, or of all videos.

    The numbers are those of ActivityNet's evaluator. Where that depends on the order of the input, namely
    between equal scores, detections are ranked by video name, start, end and class name, so the result is
    always one. Videos and classes are told apart by name. Segments without length, or that end before they
    start, or lie outside their video, have tIoU 0 with everything: they count, and are missed.

    Where the annotations hold ignored stretches, a detection that finds no ground truth at a threshold but
    shares time with such a stretch of its video is left out of that threshold's ranking, instead of being a
    false positive. That is THUMOS14's rule for Ambiguous. The matching stays ActivityNet's, by which figures
    have been published for years: detection after detection chooses. In THUMOS14's own evaluation ground truth
    after ground truth takes the detection that overlaps it most, whatever its score.

    Raises InputError where the thresholds are wrong, the subset is not in the annotations, or holds no
    ground truth.
    """
    thresholds = checked_tiou(tiou_thresholds)
    evaluated = _evaluated(annotations, subset)
    ranked = in_numbering_of(evaluated, detections.sorted())
    found_by = match(ranked, evaluated.segments, thresholds)
    excluded = left_out(ranked, found_by, evaluated.ignored) if len(evaluated.ignored) else None
    ranks = rank_within(ranked.label) if excluded is None else ranks_without(excluded, ranked.label)
    curves = curves_of(found_by, ranks, evaluated.segments)
    numbers = sorted(curves)
    n_segments = np.bincount(evaluated.segments.label, minlength=len(ranked.classes))
    n_detections = np.bincount(ranked.label, minlength=len(ranked.classes))
    missed, foreign = _videos(ranked, len(evaluated.videos))
    return Evaluation(
        tiou_thresholds=thresholds,
        classes=tuple(ranked.classes[number] for number in numbers),
        precision_by_recall=tuple(curves[number] for number in numbers),
        n_segments=n_segments[numbers],
        n_detections=n_detections[numbers],
        n_videos=len(evaluated.videos),
        videos_without_detections=missed,
        videos_of_other_subsets=tuple(name for name in foreign if name in annotations.videos.index),
        unknown_videos=tuple(name for name in foreign if name not in annotations.videos.index),
        ignored_classes={
            name: int(count)
            for name, count, truths in sorted(zip(ranked.classes, n_detections, n_segments, strict=True))
            if count and not truths
        },
        average_recall=average_recall_of(ranked, evaluated.segments) if with_average_recall else None,
        recall_at_multiples=_recall_at_multiples(ranked, evaluated, thresholds, numbers) if with_recall else None,
        n_left_out=_count_left_out(excluded, ranked, numbers, len(thresholds)),
        n_ignored=len(evaluated.ignored),
        provenance=Provenance(subset=subset, classifier=detections.classifier or None),
    )


def without_other_subsets(detections: Detections, annotations: Annotations, subset: str) -> Detections:
    """Only the detections in videos of the subset and in videos that the annotations do not know."""
    others = set(annotations.videos.ids) - set(chosen_subset(annotations, subset).videos.ids)
    stays = np.array([video_id not in others for video_id in detections.video_ids], dtype=bool)
    return detections[stays[detections.video]]


def require_common_names(detections: Detections, annotations: Annotations) -> None:
    """InputError where no video, or no class, of the detections is in the annotations: then both are not of
    one data set, and every number would be 0."""
    for what, found, known in (
        ("videos", detections.video_ids, annotations.videos.ids),
        ("classes", detections.classes, annotations.classes),
    ):
        if found and known and not set(found) & set(known):
            raise InputError(
                f"the {what} of the detections ({first_few(found)}) are not in the annotations, whose {what} are "
                f"{first_few(known)}; give annotations of the same data set"
            )


def _evaluated(annotations: Annotations, subset: str | None) -> Annotations:
    """The annotations of the subset, which must contain ground truth; InputError where they do not."""
    if subset is None:
        evaluated, place = annotations, "the annotations"
    else:
        evaluated, place = chosen_subset(annotations, subset), f'subset "{subset}" of the annotations'
    if len(evaluated.segments) == 0:
        raise InputError(
            f"{place} hold no action instance in {len(evaluated.videos)} videos: nothing to evaluate"
        )
    return evaluated


def _recall_at_multiples(
    ranked: Detections, evaluated: Annotations, thresholds: FloatArray, numbers: list[int]
) -> RecallAtMultiples:
    """Recall@1x and @5x of the classes of these numbers."""
    multiples = (1, 5)
    recall = recall_at_kx_of(
        ranked,
        evaluated.segments,
        len(evaluated.classes),
        tiou_thresholds=thresholds,
        multiples=multiples,
    )
    return RecallAtMultiples(multiples, recall[:, numbers])


def _count_left_out(excluded: BoolArray | None, ranked: Detections, numbers: list[int], n: int) -> IntArray:
    """How many detections (n,) of the classes of these numbers are left out at each of n thresholds."""
    if excluded is None:
        return np.zeros(n, dtype=np.int64)
    count: IntArray = (excluded & np.isin(ranked.label, numbers)).sum(axis=1)
    return count


def _videos(ranked: Detections, n_evaluated: int) -> tuple[tuple[str, ...], list[str]]:
    """The evaluated videos (the first in `ranked`) that have no detections, and the others that have some."""
    has_detections = np.bincount(ranked.video, minlength=len(ranked.video_ids)) > 0
    named = list(zip(ranked.video_ids, has_detections, strict=True))
    without = tuple(name for name, some in named[:n_evaluated] if not some)
    return without, sorted(name for name, some in named[n_evaluated:] if some)
