"""Convolutional heads that run over all levels and sequences of a batch at once.

Shape letters: B sequences, C and H channels, K classes, L levels, N points, R rows of the table.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from untrimmed.models.predictions import Points
from untrimmed.models.rows import RowConvolution, Rows, Trunk


@dataclass(frozen=True)
class Strip:
    """The levels of all sequences of a batch as one table.

    Attributes:
        points: the points of the pyramid.
        gap: rows of zeros between levels: half of the widest kernel that will pass over them.
    """

    points: Points
    gap: int

    @cached_property
    def rows(self) -> Rows:
        """Where the steps of each level of each sequence lie, the finest levels first."""
        return Rows.of(self.points.paddings, self.gap)

    def lay(self, levels: Sequence[Tensor]) -> Tensor:
        """L tensors (B, T_l, C) to one table (R, C), without what stands behind the sequences."""
        return self.rows.lay(
            [
                row[:span]
                for level, padding in zip(levels, self.points.paddings, strict=True)
                for row, span in zip(level, padding.spans, strict=True)
            ]
        )

    def take(self, table: Tensor) -> Tensor:
        """A table (R, C) to (B, C, N), zero behind the sequences."""
        steps = torch.cat(self.rows.take(table))
        batch, points = self._places
        taken = steps.new_zeros(len(self.points.paddings[0].lengths), len(self.points), table.shape[1])
        return taken.index_put((batch, points), steps).transpose(1, 2)

    @cached_property
    def _places(self) -> tuple[Tensor, Tensor]:
        """The sequence and the point of each step of the table, without the gaps."""
        batch = len(self.points.paddings[0].lengths)
        level = self.points.level.expand(batch, -1)
        sequence, point = torch.nonzero(self.points.spanned, as_tuple=True)
        by_level = torch.argsort(level[sequence, point], stable=True)
        return sequence[by_level], point[by_level]


class OutputLayer(nn.Module):
    """The last convolution of a head.

    Args:
        channels: H.
        outputs: channels that it makes.
        kernel_size: odd.
        prior: the probability that the sigmoid of every output starts near; 0.5 is a bias of zero.
    """

    def __init__(self, channels: int, outputs: int, kernel_size: int, *, prior: float = 0.5) -> None:
        super().__init__()
        self.convolution = RowConvolution(channels, outputs, kernel_size)
        assert self.convolution.bias is not None
        nn.init.constant_(self.convolution.bias, -math.log((1 - prior) / prior))

    def forward(self, x: Tensor, strip: Strip) -> Tensor:
        """(R, H) to (B, outputs, N)."""
        return strip.take(strip.rows.zero_as_released(self.convolution(x)))


class ClassHead(nn.Module):
    """A logit a class for each point: three convolutions (paper, below Eq. 6).

    Args:
        inputs: C.
        classes: K.
        channels: H.
        kernel_size: odd.
        layers: number of convolutions, the last one included.
        prior: the probability of every class at the start of training.
    """

    def __init__(
        self,
        inputs: int,
        classes: int,
        *,
        channels: int,
        kernel_size: int = 3,
        layers: int = 3,
        prior: float = 0.01,
    ) -> None:
        super().__init__()
        self.trunk = Trunk(inputs, channels, kernel_size, layers - 1)
        self.output = OutputLayer(channels, classes, kernel_size, prior=prior)

    def forward(self, x: Tensor, strip: Strip) -> Tensor:
        """(R, C) to logits (B, K, N)."""
        logits: Tensor = self.output(self.trunk(x, strip.rows), strip)
        return logits
