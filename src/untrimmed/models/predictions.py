"""What a decoder says of every point of a pyramid.

Shape letters: B sequences, K classes, L levels, N points (the steps of all levels, the finest level first),
M chosen places (a sequence, a point and a class each).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from untrimmed.models.sequences import Padding


@dataclass(frozen=True)
class Points:
    """The N points of a pyramid, the steps of level 0 first.

    A point of level l stands at step i * 2^l of level 0, its stride is 2^l.

    Attributes:
        paddings: L paddings, one a level.
    """

    paddings: tuple[Padding, ...]

    def __len__(self) -> int:
        return sum(self.sizes)

    @property
    def sizes(self) -> tuple[int, ...]:
        """T_l, the padded number of steps of each level."""
        return tuple(padding.steps for padding in self.paddings)

    @cached_property
    def first(self) -> tuple[int, ...]:
        """The number of the first point of each level."""
        return tuple(sum(self.sizes[:level]) for level in range(len(self.sizes)))

    @cached_property
    def first_of_level(self) -> Tensor:
        """(L,), `first` as a tensor."""
        return torch.tensor(self.first, device=self.paddings[0].device)

    @cached_property
    def level(self) -> Tensor:
        """(N,), the level of each point."""
        device = self.paddings[0].device
        return torch.repeat_interleave(
            torch.arange(len(self.sizes), device=device), torch.tensor(self.sizes, device=device)
        )

    @cached_property
    def stride(self) -> Tensor:
        """(N,), 2^level, in steps of level 0."""
        return 2**self.level

    @cached_property
    def position_steps(self) -> Tensor:
        """(N,), where each point stands, in steps of level 0."""
        points = torch.arange(len(self), device=self.level.device)
        return (points - self.first_of_level[self.level]) * self.stride

    @cached_property
    def valid(self) -> Tensor:
        """(B, N), false at the points behind the end of a sequence."""
        return torch.cat([padding.mask[:, 0] for padding in self.paddings], dim=1)

    @cached_property
    def spanned(self) -> Tensor:
        """(B, N), true at the points that are computed: the valid ones, or with `ReleasePadding` all."""
        return torch.cat([padding.spanned[:, 0] for padding in self.paddings], dim=1)


@dataclass(frozen=True)
class Places:
    """M places to ask a regression for: columns of (M,) indices."""

    sequence: Tensor
    point: Tensor
    label: Tensor


class Regression(Protocol):
    """Distances from points to the start and the end of the action around them, computed where asked for.

    Only a few points are ever decoded or trained on, while a distribution over bins for every class and point
    would be the largest tensor of the network.
    """

    def distances(self, places: Places) -> Tensor:
        """(M, 2): to the start and to the end, in units of the stride of each point's level."""
        ...


@dataclass(frozen=True)
class Predictions:
    """What a decoder returns, in training and in inference alike.

    Attributes:
        points: the N points.
        class_logits: (B, K, N); their sigmoid is the probability of each class at each point. Behind the end
            of a sequence they mean nothing.
        regression: the distances of any place.
        coarse: what was predicted before refinement, of a decoder that refines.
    """

    points: Points
    class_logits: Tensor
    regression: Regression
    coarse: "Predictions | None" = None


@dataclass(frozen=True)
class DirectRegression:
    """Two distances a point, the same for every class.

    Attributes:
        values: (B, 2, N), in units of the stride.
    """

    values: Tensor

    def distances(self, places: Places) -> Tensor:
        """See `Regression`."""
        return self.values[places.sequence, :, places.point]
