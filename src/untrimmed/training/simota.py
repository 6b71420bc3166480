"""SimOTA: what a point learns is decided by what is predicted there (Ge et al. 2021, for images).

Here as in TemporalMaxer, where a point's classes are those of centre sampling, and what is predicted decides
which of several actions it learns the boundaries of, and how much it counts.

Shape letters: K classes, N points, G ground-truth segments, M places.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from untrimmed.models.predictions import Places, Predictions, Regression
from untrimmed.training.losses import diou_loss, focal_loss
from untrimmed.training.targets import CenterSampling, SequenceTruth, Targets

#: Places that are asked for at a time: a distribution over bins for each point of each segment can be large.
AT_A_TIME = 1 << 16


@dataclass(frozen=True)
class SimOTA:
    """Each point learns the boundaries of that action around it which costs least.

    The cost of a segment at a point that lies in it, both ends included, is
    class_weight * sum of focal losses against its class alone + tiou_weight * DIoU loss. Of the points in a
    segment a share, those of the least cost, count in full; a point that is in some segment, and in the share of
    none, counts by `other_weight`.

    Attributes:
        near: says which classes a point learns.
        class_weight: at least 0.
        tiou_weight: at least 0.
        keep: the share, in [0, 1]; 1 lets all points count in full.
        other_weight: in [0, 1].

    Raises:
        ValueError: keep or other_weight lies outside [0, 1].
    """

    near: CenterSampling
    class_weight: float = 1.0
    tiou_weight: float = 2.0
    keep: float = 1.0
    other_weight: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.keep <= 1 and 0 <= self.other_weight <= 1):
            raise ValueError(f"keep {self.keep:g} and other_weight {self.other_weight:g} must lie in [0, 1]")

    @torch.no_grad()
    def assign(self, predictions: Predictions, truths: Sequence[SequenceTruth]) -> Targets:
        """Targets of the B sequences of a batch, from which no gradient flows."""
        targets = self.near.assign(predictions, truths)
        learned = [self._learned(predictions, row, truth) for row, truth in enumerate(truths)]
        distances, weights = (torch.stack(parts) for parts in zip(*learned, strict=True))
        return Targets(targets.labels, distances, targets.valid, weights)

    def _learned(self, predictions: Predictions, row: int, truth: SequenceTruth) -> tuple[Tensor, Tensor]:
        """Distances (N, 2) and weights (N,) of one sequence."""
        points = predictions.points
        device = points.level.device
        if len(truth.labels) == 0:
            return torch.zeros(len(points), 2, device=device), torch.ones(len(points), device=device)
        start, end = truth.segments.to(device).float().unbind(1)
        position = points.position_steps[:, None].float()
        distances = torch.stack((position - start, end - position), dim=2) / points.stride[:, None, None]
        inside = (distances >= 0).all(dim=2) & points.valid[row][:, None]
        point, segment = torch.nonzero(inside, as_tuple=True)
        places = Places(torch.full_like(point, row), point, truth.labels.to(device)[segment])
        cost = torch.full_like(distances[..., 0], torch.inf)
        cost[point, segment] = self._cost(predictions, row, places, distances[point, segment])
        cheapest = distances[torch.arange(len(points), device=device), cost.argmin(dim=1)]
        return cheapest, self._weights(cost, inside)

    def _cost(self, predictions: Predictions, row: int, places: Places, true: Tensor) -> Tensor:
        """(M,), of places of one sequence with true distances (M, 2)."""
        predicted = _distances(predictions.regression, places).float()
        by_class = _class_costs(predictions.class_logits[row].float())
        by_tiou = diou_loss(predicted, true)
        return self.class_weight * by_class[places.label, places.point] + self.tiou_weight * by_tiou

    def _weights(self, cost: Tensor, inside: Tensor) -> Tensor:
        """(N,), from costs (N, G) that are infinite but inside."""
        weights = torch.ones_like(cost[:, 0])
        if self.keep == 1:
            return weights
        counted = (self.keep * inside.sum(dim=0)).floor()
        rank = cost.argsort(dim=0, stable=True).argsort(dim=0)
        in_full = (rank < counted).any(dim=1)
        return weights.masked_fill(inside.any(dim=1) & ~in_full, self.other_weight)


def _class_costs(logits: Tensor) -> Tensor:
    """(K, N): the focal losses of all logits (K, N) of a point, summed, if each class is the only one there."""
    # Two classes' sums differ in two terms alone, so that no tensor has an entry for each segment and class.
    absent = focal_loss(logits, torch.zeros_like(logits))
    return absent.sum(dim=0) + focal_loss(logits, torch.ones_like(logits)) - absent


def _distances(regression: Regression, places: Places) -> Tensor:
    """(M, 2), computed piece by piece."""
    columns = (places.sequence, places.point, places.label)
    pieces = [slice(first, first + AT_A_TIME) for first in range(0, max(len(places.point), 1), AT_A_TIME)]
    return torch.cat([regression.distances(Places(*(column[piece] for column in columns))) for piece in pieces])
