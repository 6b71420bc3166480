"""Score voting: a kept segment moves to the weighted mean of the candidates that agree with it."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from untrimmed.annotations.annotations import FloatArray
from untrimmed.detection.pairs import intersection, overlapping_tiles

RealArray = NDArray[np.floating[Any]]
VotingWeight = Literal["score", "score_tiou"]


def vote(
    kept_start: RealArray,
    kept_end: RealArray,
    start: RealArray,
    end: RealArray,
    score: RealArray,
    *,
    tiou: float,
    weight: VotingWeight,
) -> tuple[RealArray, RealArray]:
    """New starts and ends of A kept segments, from all N candidates as they were before suppression.

    A candidate votes for a kept segment where their tIoU is at least `tiou`, above 0, with its score
    (TriDet, CLTDR-GMG) or with its score times their tIoU (ActionFormer, TemporalMaxer). A kept segment for
    which nothing votes, such as one of zero length, stays where it was; the releases make it NaN.

    Args:
        kept_start, kept_end: (A,), in the unit of the candidates.
        start, end, score: (N,).
        tiou: from which tIoU on a candidate votes, in (0, 1].
        weight: "score" or "score_tiou".
    """
    order = np.argsort(start, kind="stable")
    start, end, score = (column[order].astype(np.float64) for column in (start, end, score))
    low, high = kept_start.astype(np.float64), kept_end.astype(np.float64)
    ballots = np.stack([np.ones(len(order)), start, end], axis=1)
    sums = np.zeros((len(kept_start), 3))
    for rows, tile in overlapping_tiles(low, high, start, end):
        overlap = _tiou(low[rows], high[rows], start[tile], end[tile])
        weights = np.where(overlap >= tiou, score[tile], 0.0)
        if weight == "score_tiou":
            weights *= overlap
        sums[rows] += weights @ ballots[tile]
    total = sums[:, 0]
    voted = np.stack([kept_start, kept_end], axis=1)
    np.divide(sums[:, 1:], total[:, None], out=voted, where=total[:, None] > 0)
    return voted[:, 0], voted[:, 1]


def _tiou(start: FloatArray, end: FloatArray, other_start: FloatArray, other_end: FloatArray) -> FloatArray:
    """The tIoU of each of A segments with each of N others, (A, N); 0 between two of zero length."""
    shared = intersection(start, end, other_start, other_end)
    union = (end - start)[:, None] + (other_end - other_start) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
