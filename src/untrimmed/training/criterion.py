"""What makes predictions good: the losses of a batch, by name.

Shape letters: B sequences, K classes, N points, M positive places (a positive point with one of its classes).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.distributed
from torch import Tensor, nn

from untrimmed.models.predictions import Places, Predictions
from untrimmed.training.losses import tiou
from untrimmed.training.targets import Assignment, SequenceTruth, Targets

ClassLoss = Callable[[Tensor, Tensor], Tensor]
DistanceLoss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Losses:
    """The losses of one batch: each a number; `total` is what training lowers."""

    total: Tensor
    classification: Tensor
    regression: Tensor
    coarse_classification: Tensor | None = None
    coarse_regression: Tensor | None = None

    def named(self) -> dict[str, Tensor]:
        """Each loss that there is, by name, cut off from the graph."""
        return {name: value.detach() for name, value in vars(self).items() if value is not None}


class Normalizer(nn.Module, ABC):
    """By what the sums over positive and over negative points are divided."""

    #: Whether it is asked again for the coarse losses.
    moves_twice = False

    @abstractmethod
    def forward(self, positives: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
        """The counts of a batch, over all processes, to two divisors."""


class CountNormalizer(Normalizer):
    """Each sum by its own count, 1 / N_pos and 1 / N_neg (paper, Eq. 13)."""

    def forward(self, positives: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
        """The counts themselves, at least 1."""
        return positives.clamp(min=1), negatives.clamp(min=1)


class RunningNormalizer(Normalizer):
    """Both sums by a running mean of the number of positive points, as the released systems do.

    Args:
        initial: where the mean starts.
        momentum: how much of it stays at each step.
        moves_twice: whether it counts a batch again before the coarse losses (release of CLTDR-GMG).
    """

    value: Tensor

    def __init__(self, initial: float = 100.0, momentum: float = 0.9, *, moves_twice: bool = False) -> None:
        super().__init__()
        self.moves_twice = moves_twice
        self.momentum = momentum
        self.register_buffer("value", torch.tensor(initial))

    def forward(self, positives: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
        """The mean, twice; in training this batch is counted in first."""
        if self.training:
            self.value.lerp_(positives.clamp(min=1), 1 - self.momentum)
        # A copy, since the next step changes the buffer in place.
        return self.value.clone(), self.value.clone()


class Criterion(nn.Module):
    """The losses of a decoder's predictions on the ground truth.

    For refined predictions (paper, Eq. 13): the class loss of every valid point, at positive places weighted by
    the tIoU of what is predicted there, and the distance loss of every positive place. A decoder that refines
    may be held to its coarse predictions as well.

    Args:
        assignment: which points learn what.
        class_loss: logits and targets (B, K, N) to losses of the same shape.
        distance_loss: predicted and true distances (M, 2) to losses (M,).
        normalizer: what the sums are divided by.
        quality_power: the weight of a positive place is its tIoU to this power; 0 leaves it 1.
        quality_gradient: whether that weight has a gradient.
        regression_weight: of the distance loss.
        coarse_weight: share of the coarse predictions in the total, in [0, 1].
        coarse_class_loss: as `class_loss`, for them.
    """

    def __init__(
        self,
        assignment: Assignment,
        *,
        class_loss: ClassLoss,
        distance_loss: DistanceLoss,
        normalizer: Normalizer,
        quality_power: float,
        quality_gradient: bool = False,
        regression_weight: float = 1.0,
        coarse_weight: float = 0.0,
        coarse_class_loss: ClassLoss,
    ) -> None:
        super().__init__()
        self.assignment = assignment
        self.class_loss = class_loss
        self.distance_loss = distance_loss
        self.normalizer = normalizer
        self.quality_power = quality_power
        self.quality_gradient = quality_gradient
        self.regression_weight = regression_weight
        self.coarse_weight = coarse_weight
        self.coarse_class_loss = coarse_class_loss

    def forward(self, predictions: Predictions, truths: Sequence[SequenceTruth]) -> Losses:
        """The losses of one batch; in training, their mean over several processes is that of the whole batch."""
        targets = self.assignment.assign(predictions, truths)
        places = targets.positive_places()
        divisors = self._divisors(targets)
        classes, distances = self._terms(
            predictions, targets, places, divisors, self.class_loss, self.quality_power
        )
        total = classes + self.regression_weight * distances
        if predictions.coarse is None or self.coarse_weight == 0:
            return Losses(total, classes, distances)
        if self.normalizer.moves_twice:
            divisors = self._divisors(targets)
        coarse_classes, coarse_distances = self._terms(
            predictions.coarse, targets, places, divisors, self.coarse_class_loss, 0.0
        )
        coarse = coarse_classes + self.regression_weight * coarse_distances
        total = (1 - self.coarse_weight) * total + self.coarse_weight * coarse
        return Losses(total, classes, distances, coarse_classes, coarse_distances)

    def _divisors(self, targets: Targets) -> tuple[Tensor, Tensor]:
        """What the sums over positive and negative points of this process are divided by."""
        positive = targets.positive
        counts = torch.stack((targets.number.float(), (targets.valid & ~positive).sum().float()))
        processes = 1
        # Not in validation, where one process may have more videos to look at than another.
        if self.training and torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(counts)
            processes = torch.distributed.get_world_size()
        positives, negatives = self.normalizer(counts[0], counts[1])
        # Gradients of several processes are averaged, so that each must bring its share times their number.
        return positives / processes, negatives / processes

    def _terms(
        self,
        predictions: Predictions,
        targets: Targets,
        places: Places,
        divisors: tuple[Tensor, Tensor],
        class_loss: ClassLoss,
        quality_power: float,
    ) -> tuple[Tensor, Tensor]:
        """The class loss and the distance loss of one set of predictions."""
        predicted = predictions.regression.distances(places)
        true = targets.distances[places.sequence, places.point]
        losses = class_loss(predictions.class_logits.float(), targets.labels) * targets.valid[:, None]
        if quality_power > 0:
            weights = torch.ones_like(losses)
            overlap = tiou(predicted, true)
            overlap = overlap if self.quality_gradient else overlap.detach()
            # A power of 0 has an infinite gradient.
            quality = torch.where(overlap > 0, overlap, 1.0) ** quality_power * (overlap > 0)
            losses = losses * weights.index_put((places.sequence, places.label, places.point), quality)
        by_point = losses.sum(dim=1)
        by_place = self.distance_loss(predicted, true)
        positive = targets.positive
        counted = positive.float()
        if targets.weights is not None:
            counted = counted * targets.weights
            by_place = by_place * targets.weights[places.sequence, places.point]
        classes = (by_point * counted).sum() / divisors[0] + (by_point * ~positive).sum() / divisors[1]
        return classes, by_place.sum() / divisors[0]
