"""Convolutional heads that run over all levels of a pyramid at once.

The levels are laid end to end, with zeros between them as wide as a kernel reaches: one long convolution gives
what one of each level would, and is faster than many short ones.

Shape letters: B sequences, C and H channels, K classes, L levels, N points, P steps of the strip.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.layers import ChannelNorm, Convolution
from untrimmed.models.predictions import Points


@dataclass(frozen=True)
class Strip:
    """The levels of a pyramid laid end to end.

    Attributes:
        points: the points of the pyramid.
        gap: number of zeros between levels: half of the widest kernel that will pass over them.
    """

    points: Points
    gap: int

    def lay(self, levels: Sequence[Tensor]) -> Tensor:
        """L tensors (B, C, T_l) to one (B, C, P)."""
        first = levels[0]
        zeros = first.new_zeros(*first.shape[:2], self.gap)
        return torch.cat([part for level in levels for part in (zeros, level)][1:], dim=-1)

    def take(self, x: Tensor) -> Tensor:
        """(B, C, P) to (B, C, N), without the gaps."""
        sizes = [piece for size in self.points.sizes for piece in (self.gap, size)][1:]
        return torch.cat(x.split_with_sizes(sizes, dim=-1)[::2], dim=-1)

    def zero(self, x: Tensor) -> Tensor:
        """x (B, C, P) with zeros in the gaps and behind the end of each sequence."""
        return x * self._mask

    @cached_property
    def _mask(self) -> Tensor:
        """(B, 1, P), false where `zero` puts zeros."""
        return self.lay([padding.mask for padding in self.points.paddings])


class Trunk(nn.Module):
    """Convolutions with layer normalisation and ReLU.

    Args:
        inputs: C.
        channels: H.
        kernel_size: odd.
        layers: number of convolutions.
    """

    def __init__(self, inputs: int, channels: int, kernel_size: int, layers: int) -> None:
        super().__init__()
        widths = [inputs] + [channels] * layers
        # The norm subtracts the mean that a bias would add, so the convolutions have none.
        self.convolutions = nn.ModuleList(Convolution(a, b, kernel_size, bias=False) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(ChannelNorm(channels) for _ in range(layers))

    def forward(self, x: Tensor, strip: Strip) -> Tensor:
        """(B, C, P) to (B, H, P)."""
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = strip.zero(F.relu(norm(convolution(x))))
        return x


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
        self.convolution = Convolution(channels, outputs, kernel_size)
        bias = self.convolution.conv.bias
        assert bias is not None
        nn.init.constant_(bias, -math.log((1 - prior) / prior))

    def forward(self, x: Tensor, strip: Strip) -> Tensor:
        """(B, H, P) to (B, outputs, N)."""
        return strip.take(self.convolution(x))


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
        """(B, C, P) to logits (B, K, N)."""
        logits: Tensor = self.output(self.trunk(x, strip), strip)
        return logits
