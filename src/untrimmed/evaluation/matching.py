"""Which detection finds which ground truth: one to one, the highest score choosing first."""

import numpy as np

from untrimmed.annotations.annotations import FloatArray, IntArray, Segments
from untrimmed.detection.detections import Detections
from untrimmed.evaluation.grouping import group_of
from untrimmed.evaluation.overlaps import Overlaps, find_overlaps

NOT_FOUND = -1


def match(detections: Detections, segments: Segments, tiou_thresholds: FloatArray) -> IntArray:
    """The detection that finds each ground truth: row (n, S) into the detections, or NOT_FOUND.

    The detections are in order of rank, the best first, and numbered as the ground truth
    (`grouping.in_numbering_of`). The rule is ActivityNet's, at each of n thresholds: detection after
    detection, each takes, of the segments of its class in its video that are still free and that it
    overlaps with a tIoU of at least the threshold, the one it overlaps most; of equally good ones, the last
    in the list. A detection that finds none is a false positive.
    """
    n_classes = len(detections.classes)
    overlaps = find_overlaps(
        detections,
        segments,
        group_of(detections, n_classes),
        group_of(segments, n_classes),
        min_tiou=tiou_thresholds.min(),
    )
    by_preference = overlaps[np.lexsort((-overlaps.segment, -overlaps.tiou, overlaps.detection))]
    return np.stack([_match_at(by_preference.reaching(tiou), len(segments)) for tiou in tiou_thresholds])


def _match_at(wishes: Overlaps, n_segments: int) -> IntArray:
    """The detection (S,) that takes each segment, given each detection's segments, the preferred first.

    Detections need not be walked one by one: all ask at once for the segment they like best, a segment
    keeps the best of those who ask and of the one it has, and whoever is refused or ousted asks for the
    next on their list. This is the deferred acceptance of Gale and Shapley (1962). Its outcome is the only
    stable one, and since all segments rank the detections alike, the only stable one is that of choosing in
    turn. It takes few rounds, each over the refused only.
    """
    begins = np.flatnonzero(np.diff(wishes.detection, prepend=-1))
    ends = np.append(begins[1:], len(wishes.detection))
    nobody = len(begins)
    keeper = np.full(n_segments, nobody)
    wish = begins.copy()
    asking = np.arange(len(begins))
    while len(asking):
        asked = wishes.segment[wish[asking]]
        kept_before = keeper[asked]
        np.minimum.at(keeper, asked, asking)
        accepted = keeper[asked] == asking
        ousted = kept_before[accepted]
        refused = np.concatenate([asking[~accepted], ousted[ousted != nobody]])
        wish[refused] += 1
        asking = refused[wish[refused] < ends[refused]]
    found_by: IntArray = np.append(wishes.detection[begins], NOT_FOUND)[keeper]
    return found_by
