"""Which points must learn which action: the ground truth in the form of a decoder's predictions.

Shape letters: B sequences, K classes, N points, G ground-truth segments, L levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from untrimmed.models.predictions import Places, Points, Predictions


@dataclass(frozen=True)
class SequenceTruth:
    """The action instances of one sequence.

    Attributes:
        segments: (G, 2), start and end in steps of level 0.
        labels: (G,), class indices.
    """

    segments: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Targets:
    """What each point should predict.

    Attributes:
        labels: (B, K, N), 1 where the point should report the class, otherwise 0.
        distances: (B, N, 2), to the start and the end of the segment of a positive point, in units of the
            stride of its level; elsewhere without meaning.
        valid: (B, N), false behind the end of a sequence.
        weights: (B, N), how much each positive point counts, in [0, 1]; None: all as one.
    """

    labels: Tensor
    distances: Tensor
    valid: Tensor
    weights: Tensor | None = None

    @property
    def positive(self) -> Tensor:
        """(B, N), the points that belong to an action."""
        return self.labels.any(dim=1)

    @property
    def number(self) -> Tensor:
        """How many positive points there are, by their weights."""
        return self.positive.sum() if self.weights is None else (self.weights * self.positive).sum()

    def positive_places(self) -> Places:
        """Each positive point once for each of its classes."""
        sequence, label, point = torch.nonzero(self.labels, as_tuple=True)
        return Places(sequence, point, label)


class Assignment(Protocol):
    """A rule by which points are given what to learn."""

    def assign(self, predictions: Predictions, truths: Sequence[SequenceTruth]) -> Targets:
        """Targets of the B sequences of a batch, from which no gradient flows."""
        ...


@dataclass(frozen=True)
class CenterSampling:
    """Points near the middle of a segment learn it, on the level whose range its length fits.

    A point at t with stride s learns the segment [a, b] if it lies inside, closer to the middle than
    `radius` * s, and if the larger of t - a and b - t is in the regression range of its level. Where several
    segments qualify the shortest wins; classes of segments that are equally short are all learned.
    (Tian et al. 2019 for images; ActionFormer, section 3.3, for actions.)

    Attributes:
        regression_ranges: L pairs (least, most) in steps of level 0, both included.
        radius: in strides.
    """

    regression_ranges: Sequence[tuple[float, float]]
    radius: float = 1.5

    def assign(self, predictions: Predictions, truths: Sequence[SequenceTruth]) -> Targets:
        """Targets of the B sequences of a batch; what is predicted makes no difference."""
        return self.assign_points(predictions.points, truths, predictions.class_logits.shape[1])

    def assign_points(self, points: Points, truths: Sequence[SequenceTruth], classes: int) -> Targets:
        """Targets of the B sequences of a batch."""
        if len(self.regression_ranges) != len(points.sizes):
            raise ValueError(
                f"{len(self.regression_ranges)} regression ranges were given for {len(points.sizes)} levels"
            )
        assigned = [self._assign_one(points, truth, classes) for truth in truths]
        valid = points.valid
        labels = torch.stack([labels for labels, _ in assigned]) * valid[:, None]
        return Targets(labels, torch.stack([distances for _, distances in assigned]), valid)

    def _assign_one(self, points: Points, truth: SequenceTruth, classes: int) -> tuple[Tensor, Tensor]:
        """Labels (K, N) and distances (N, 2) of one sequence."""
        device = points.level.device
        if len(truth.labels) == 0:
            return torch.zeros(classes, len(points), device=device), torch.zeros(len(points), 2, device=device)
        position = points.position_steps[:, None].float()
        stride = points.stride[:, None].float()
        start, end = truth.segments.to(device).float().unbind(1)
        middle = 0.5 * (start + end)
        to_start, to_end = position - start, end - position
        near = (
            torch.minimum(
                position - torch.maximum(middle - self.radius * stride, start),
                torch.minimum(middle + self.radius * stride, end) - position,
            )
            > 0
        )
        ranges = torch.tensor(self.regression_ranges, device=device)[points.level]
        reach = torch.maximum(to_start, to_end)
        fits = (reach >= ranges[:, :1]) & (reach <= ranges[:, 1:])
        length = torch.where(near & fits, (end - start).expand_as(reach), torch.inf)
        shortest, winner = length.min(dim=1)
        learned = (length <= shortest[:, None] + 1e-3) & torch.isfinite(length)
        one_hot = torch.nn.functional.one_hot(truth.labels.to(device), classes).float()
        labels = (learned.float() @ one_hot).clamp(max=1).t()
        rows = torch.arange(len(points), device=device)
        distances = torch.stack((to_start[rows, winner], to_end[rows, winner]), dim=1) / stride
        return labels, distances
