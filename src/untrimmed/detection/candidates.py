"""Dense predictions to the few candidates that are worth a segment.

Shape letters: B sequences, K classes, L levels, N points, M candidates.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from untrimmed.models.predictions import Places, Predictions


@dataclass(frozen=True)
class Candidates:
    """M candidate segments of one sequence, the levels one after another, each by falling score.

    Attributes:
        start_steps, end_steps: (M,), in steps of level 0, start before end; may reach beyond the sequence.
        score: (M,) in (0, 1].
        label: (M,), class indices.
    """

    start_steps: Tensor
    end_steps: Tensor
    score: Tensor
    label: Tensor


def candidates(
    predictions: Predictions, *, threshold: float, per_level: int, min_steps: float
) -> list[Candidates]:
    """The candidates of each of the B sequences.

    Boundaries are computed for these alone.

    Args:
        predictions: of a batch.
        threshold: scores must exceed it.
        per_level: the most that one level of one sequence may give; the best are kept.
        min_steps: segments must be longer, in steps of level 0.
    """
    places, scores = _best_places(predictions, threshold, per_level)
    points = predictions.points
    stride = points.stride[places.point]
    position = points.position_steps[places.point]
    distances = predictions.regression.distances(places) * stride[:, None]
    start, end = position - distances[:, 0], position + distances[:, 1]
    kept = end - start > min_steps
    found = []
    for sequence in range(len(predictions.class_logits)):
        rows = torch.nonzero(kept & (places.sequence == sequence))[:, 0]
        found.append(Candidates(start[rows], end[rows], scores[rows], places.label[rows]))
    return found


def _best_places(predictions: Predictions, threshold: float, per_level: int) -> tuple[Places, Tensor]:
    """Places that score above the threshold, at most `per_level` of a level and sequence, and their scores."""
    points = predictions.points
    probability = torch.sigmoid(predictions.class_logits.float()) * points.valid[:, None]
    classes = probability.shape[1]
    sequences, found_points, labels, scores = [], [], [], []
    for first, level in zip(points.first, probability.split_with_sizes(list(points.sizes), dim=-1), strict=True):
        # Point by point, class by class: among equal scores the earlier point comes first, on every machine.
        flat = level.transpose(1, 2).flatten(1)
        for sequence, row in enumerate(flat):
            chosen = _best(row, threshold, per_level)
            found_points.append(first + chosen // classes)
            labels.append(chosen % classes)
            scores.append(row[chosen])
            sequences.append(torch.full_like(chosen, sequence))
    return Places(torch.cat(sequences), torch.cat(found_points), torch.cat(labels)), torch.cat(scores)


def _best(row: Tensor, threshold: float, most: int) -> Tensor:
    """Where scores (N,) exceed the threshold: the `most` best of them, by falling score, of equals the first."""
    above = torch.nonzero(row > threshold)[:, 0]
    if len(above) > most:
        # To put all of them in order would take several times as long as to pick the best first.
        least = torch.topk(row, most, sorted=False).values.min()
        above = torch.nonzero(row >= least)[:, 0]
    order = torch.argsort(row[above], descending=True, stable=True)[:most]
    return above[order]
