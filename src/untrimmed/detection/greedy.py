"""The greedy run of non-maximum suppression, many steps at a time and exact.

By definition (Bodla et al. 2017, "Soft-NMS") the best remaining candidate is emitted, the scores of those
that overlap it fall, and so on: one pass over all candidates a step. Here steps are taken together:

1. A front. Scores only ever fall, so while the best of the leading 128 candidates scores at least what the
   128th scored, nothing outside can overtake it. These steps work on one 128 x 128 matrix.
2. A sweep. What the front has emitted then acts on all others at once, tile by tile along the time line, and
   tiles that nothing emitted overlaps are skipped. Candidates that fall below the minimum leave for good.

Scores are kept as logarithms: a decay exp(-tIoU^2 / sigma) is a subtraction, a removal that of infinity, and
what several emitted candidates take from another is a sum, always added in the order of their emission.
Candidates with equal segments and scores therefore stay exactly equal, and ties do not depend on the blocks.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from untrimmed.annotations.annotations import BoolArray, FloatArray, IntArray
from untrimmed.detection.pairs import intersection, overlapping_tiles

Penalty = Callable[[FloatArray], FloatArray]

# A longer front needs fewer sweeps, but a larger matrix; 64 and 512 are slower (benchmarks/nms.py).
_FRONT = 128
# Added to every length, as in the releases: two equal segments of zero length have tIoU 0, not 0/0.
_LENGTH_EPSILON = 1e-6


def greedy(
    start: FloatArray,
    end: FloatArray,
    log_score: FloatArray,
    priority: IntArray,
    *,
    penalty: Penalty,
    minimum: float,
    limit: int,
) -> tuple[IntArray, FloatArray]:
    """The rows emitted, in order, and what each had lost from its log score by then.

    Args:
        start, end, log_score: (N,) float64; log scores finite and at least `minimum`.
        priority: (N,) distinct; among equal scores the lowest goes first.
        penalty: what an emitted candidate takes from the log score of another, at least 0, given a matrix of
            their tIoU, which it may overwrite; nothing where the tIoU is 0.
        minimum: log score below which candidates leave.
        limit: how many are emitted at most.
    """
    pool = _Pool(np.arange(len(start)), start, end, log_score, priority)[np.argsort(start, kind="stable")]
    rows: list[IntArray] = []
    keys: list[FloatArray] = []
    room = limit
    while len(pool) > 0 and room > 0:
        front, bound = _front(pool)
        picks, picked_keys = _emit(pool[front], max(bound, minimum), room, penalty)
        emitted = pool[front[picks]]
        rows.append(emitted.row)
        keys.append(picked_keys)
        room -= len(picks)
        pool.key[front[picks]] = -np.inf
        for hit, tile in overlapping_tiles(emitted.start, emitted.end, pool.start, pool.end):
            tiou = _tiou(emitted.start[hit], emitted.end[hit], pool.start[tile], pool.end[tile])
            pool.key[tile] -= penalty(tiou).sum(axis=0)
        pool = pool[pool.key >= minimum]
    emitted_rows = np.concatenate([np.empty(0, np.int64), *rows])
    return emitted_rows, log_score[emitted_rows] - np.concatenate([np.empty(0), *keys])


@dataclass(frozen=True)
class _Pool:
    """Candidates that may still be emitted; `key` is the log score as it is now."""

    row: IntArray
    start: FloatArray
    end: FloatArray
    key: FloatArray
    priority: IntArray

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, rows: IntArray | BoolArray | slice) -> "_Pool":
        return _Pool(self.row[rows], self.start[rows], self.end[rows], self.key[rows], self.priority[rows])


def _front(pool: _Pool) -> tuple[IntArray, float]:
    """The leading candidates, sorted by priority, and a bound that no key outside exceeds."""
    if len(pool) <= _FRONT:
        return np.argsort(pool.priority), -np.inf
    bound = np.partition(pool.key, -_FRONT)[-_FRONT]
    above = np.flatnonzero(pool.key > bound)
    equal = np.flatnonzero(pool.key == bound)
    equal = equal[np.argsort(pool.priority[equal])][: _FRONT - len(above)]
    front = np.concatenate([above, equal])
    return front[np.argsort(pool.priority[front])], float(bound)


def _emit(front: _Pool, bound: float, room: int, penalty: Penalty) -> tuple[IntArray, FloatArray]:
    """Greedy steps within the front while its best key is at least `bound`: positions and keys, in order."""
    taken = penalty(_tiou(front.start, front.end, front.start, front.end))
    np.fill_diagonal(taken, np.inf)
    key = front.key.copy()
    picks: list[int] = []
    keys: list[float] = []
    while len(picks) < room:
        best = int(key.argmax())
        if key[best] < bound:
            break
        picks.append(best)
        keys.append(key[best])
        key -= taken[best]
    return np.array(picks, dtype=np.int64), np.array(keys)


def _tiou(start: FloatArray, end: FloatArray, other_start: FloatArray, other_end: FloatArray) -> FloatArray:
    """The tIoU of each of A emitted candidates with each of N others, (A, N)."""
    shared = intersection(start, end, other_start, other_end)
    union = (end - start + _LENGTH_EPSILON)[:, None] + (other_end - other_start + _LENGTH_EPSILON)
    union -= shared
    shared /= union
    return shared
