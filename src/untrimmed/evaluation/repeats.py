"""Ground truth that a file holds twice: ActivityNet's has some, which many evaluators count once."""

import numpy as np

from untrimmed.annotations.annotations import BoolArray, IntArray, Segments

#: Two segments whose starts and whose ends are this close are one.
TOLERANCE_SECONDS = 1e-3


def first_of_each(segments: Segments) -> BoolArray:
    """(S,) false for a segment that repeats an earlier one of its video and class, both ends within 1 ms.

    Earlier in the order of the rows, and itself no repeat: of three in a row, each 1 ms after the one before,
    the second alone is one. The rule is that of the evaluators of ActionFormer and TriDet.
    """
    is_first = np.ones(len(segments), dtype=bool)
    earlier, later = _close_pairs(segments)
    for row in np.argsort(later, kind="stable"):
        if is_first[earlier[row]]:
            is_first[later[row]] = False
    return is_first


def _close_pairs(segments: Segments) -> tuple[IntArray, IntArray]:
    """All pairs of rows of one video and class whose ends agree: the earlier row, and the later."""
    video, label, start, end = segments.video, segments.label, segments.start_seconds, segments.end_seconds
    order = np.lexsort((start, label, video))
    pairs = [np.zeros((2, 0), dtype=np.int64)]
    # A segment's partners follow it in order of start: first all neighbours are looked at, then all that have one
    # between them, until none is close enough.
    for distance in range(1, len(order)):
        one, other = order[:-distance], order[distance:]
        near = (video[one] == video[other]) & (label[one] == label[other])
        near &= np.abs(start[other] - start[one]) <= TOLERANCE_SECONDS
        if not near.any():
            break
        near &= np.abs(end[other] - end[one]) <= TOLERANCE_SECONDS
        pairs.append(np.stack([one[near], other[near]]))
    rows = np.concatenate(pairs, axis=1)
    return rows.min(axis=0), rows.max(axis=0)
