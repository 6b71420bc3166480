"""Non-maximum suppression: of the many candidates around one action, few remain.

Classes are shifted apart in time, so that candidates of different classes never overlap and one greedy run
serves them all. It emits by falling score over all classes and therefore ends, exactly, as soon as
`max_detections` are found; nothing is computed for the many that would be cut off.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from untrimmed.annotations.annotations import FloatArray, IntArray
from untrimmed.detection.greedy import Penalty, greedy
from untrimmed.detection.voting import RealArray, VotingWeight, vote


@dataclass(frozen=True)
class Suppression:
    """How candidates of one sequence are thinned out.

    Attributes:
        method: "soft" lowers the scores of overlapping candidates by a gaussian of their tIoU, "hard" removes
            them, "none" only applies `min_score` and `max_detections`.
        sigma: width of the gaussian of "soft", above 0: scores are multiplied by exp(-tIoU^2 / sigma).
        tiou_threshold: "hard" removes candidates from this tIoU on, in (0, 1].
        min_score: candidates below it are dropped, in [0, 1); "hard" drops those equal to it too. As in the
            releases, "soft" spares a class's best candidate, so that no class that has one is left without.
        max_detections: how many are kept at most, the best over all classes.
        per_class: candidates suppress only those of their own class; otherwise all.
        voting_tiou: kept segments move to the mean of the candidates, whichever their class, that overlap
            them by at least this tIoU, in (0, 1]; None: they stay. Only without `per_class`.
        voting_weight: a candidate's weight in that mean: its "score", or "score_tiou", score times tIoU.
    """

    method: Literal["soft", "hard", "none"] = "soft"
    sigma: float = 0.5
    tiou_threshold: float = 0.1
    min_score: float = 0.001
    max_detections: int = 2000
    per_class: bool = True
    voting_tiou: float | None = None
    voting_weight: VotingWeight = "score"

    def __post_init__(self) -> None:
        for name, fits, allowed in (
            ("method", self.method in ("soft", "hard", "none"), "soft, hard or none"),
            ("sigma", 0 < self.sigma < np.inf, "a number above 0"),
            ("tiou_threshold", 0 < self.tiou_threshold <= 1, "above 0 and at most 1"),
            ("min_score", 0 <= self.min_score < 1, "at least 0 and below 1"),
            ("max_detections", self.max_detections >= 1, "at least 1"),
            ("voting_tiou", self.voting_tiou is None or 0 < self.voting_tiou <= 1, "above 0 and at most 1"),
            ("voting_weight", self.voting_weight in ("score", "score_tiou"), "score or score_tiou"),
        ):
            if not fits:
                raise ValueError(f"{name} of the suppression is {getattr(self, name)}, but must be {allowed}")
        if self.per_class and self.voting_tiou is not None:
            raise ValueError(
                "voting averages candidates of all classes: set per_class to false, or voting_tiou to null"
            )


@dataclass(frozen=True)
class Kept:
    """M candidates that remain, by falling score; equal scores as `suppress` says.

    Attributes:
        index: (M,) row of the candidate.
        start, end: (M,), the candidate's own, or after voting; unit and type of the candidates.
        score: (M,), lowered by "soft".
    """

    index: IntArray
    start: RealArray
    end: RealArray
    score: RealArray

    def __len__(self) -> int:
        return len(self.index)


def suppress(
    start: RealArray, end: RealArray, score: RealArray, label: IntArray, suppression: Suppression
) -> Kept:
    """Suppress the N candidates of one sequence.

    Among equal scores the candidate with the lowest index goes first; with `per_class` those of the lowest
    class come first. The releases leave this to chance.

    Args:
        start, end: (N,) float32 or float64, in any unit; end not before start.
        score: (N,) float32 or float64, in [0, 1].
        label: (N,) class indices.
        suppression: what to do.

    Raises:
        ValueError: a candidate is not as described above; names the first.
    """
    _check(start, end, score)
    group = label if suppression.per_class else np.zeros_like(label)
    by_group = np.argsort(group, kind="stable")
    priority = np.empty_like(by_group)
    priority[by_group] = np.arange(len(by_group))

    rows, scores = _survivors(start, end, score, group, priority, suppression)
    order = np.lexsort((priority[rows], -scores))[: suppression.max_detections]
    rows, scores = rows[order], scores[order]
    kept_start, kept_end = start[rows], end[rows]
    if suppression.voting_tiou is not None:
        tiou, weight = suppression.voting_tiou, suppression.voting_weight
        kept_start, kept_end = vote(kept_start, kept_end, start, end, score, tiou=tiou, weight=weight)
    return Kept(rows, kept_start, kept_end, scores)


def _check(start: RealArray, end: RealArray, score: RealArray) -> None:
    good = np.isfinite(start) & np.isfinite(end) & (start <= end) & (score >= 0) & (score <= 1)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(
            f"candidate {row} has start {start[row]}, end {end[row]} and score {score[row]}, but needs "
            "finite times, an end not before its start, and a score between 0 and 1"
        )


def _survivors(
    start: RealArray,
    end: RealArray,
    score: RealArray,
    group: IntArray,
    priority: IntArray,
    suppression: Suppression,
) -> tuple[IntArray, RealArray]:
    """Rows and scores of what remains, the best `max_detections` among them, in any order."""
    # Compared in the type of the scores: a float32 score of 0.001 is not quite the number 0.001.
    minimum = max(float(score.dtype.type(suppression.min_score)), np.finfo(np.float64).tiny)
    wide = score.astype(np.float64)
    if suppression.method == "none":
        rows = np.flatnonzero(wide >= minimum)
        return rows, score[rows]
    hard = suppression.method == "hard"
    rows = np.flatnonzero(wide > minimum if hard else wide >= minimum)
    shift = _shift(start, end, group)[rows]
    emitted, lost = greedy(
        start[rows] + shift,
        end[rows] + shift,
        np.log(wide[rows]),
        priority[rows],
        penalty=_hard(suppression.tiou_threshold) if hard else _soft(suppression.sigma),
        minimum=float(np.log(minimum)),
        limit=suppression.max_detections,
    )
    scores = (wide[rows[emitted]] * np.exp(-lost)).astype(score.dtype)
    if hard:
        return rows[emitted], scores
    spared = _best_of_absent_groups(score, group, group[rows])
    return np.concatenate([rows[emitted], spared]), np.concatenate([scores, score[spared]])


def _shift(start: RealArray, end: RealArray, group: IntArray) -> FloatArray:
    """(N,) float64: what moves each group to its own stretch of the time line.

    Multiples of a power of two, so that the digits of float32 times stay as they are.
    """
    if len(group) == 0:
        return np.zeros(0)
    extent = float(end.max()) - float(start.min())
    width = 2.0 ** math.ceil(math.log2(extent + 1))
    _, place = np.unique(group, return_inverse=True)
    return place.astype(np.float64) * width


def _best_of_absent_groups(score: RealArray, group: IntArray, present: IntArray) -> IntArray:
    """The row of the highest score, the first such, of each group that is not among those present."""
    absent = np.flatnonzero(~np.isin(group, present))
    absent = absent[np.lexsort((-score[absent], group[absent]))]
    _, first = np.unique(group[absent], return_index=True)
    return absent[first]


def _soft(sigma: float) -> Penalty:
    """The logarithm of the gaussian decay, as a loss."""

    def penalty(tiou: FloatArray) -> FloatArray:
        np.square(tiou, out=tiou)
        return np.multiply(tiou, 1 / sigma, out=tiou)

    return penalty


def _hard(threshold: float) -> Penalty:
    """Everything is lost from the threshold on."""
    return lambda tiou: np.where(tiou >= threshold, np.inf, 0.0)
