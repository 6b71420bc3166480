"""How a level of the pyramid is joined with its neighbours (paper, Eq. 5-9, Tables 9 and 11).

Every module here is given levels that are padded with one step of zeros at each end. Those that join take the
level below, the level itself and the level above, of which only the middle one is always there, and return the
level without its ends.

Shape letters: B sequences, C channels, T steps.
"""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.layers import linear
from untrimmed.models.pyramid_norms import zero
from untrimmed.models.sequences import Padding


class Resampling(nn.Module, ABC):
    """Brings a neighbour to the length of a level, by a depth-wise convolution of kernel 3 and stride 2.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = _depthwise_weights(channels)

    @abstractmethod
    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """The padded neighbour to (B, T_l, C), with the padding of the level that it is brought to."""

    @abstractmethod
    def source(self, below: Tensor | None, above: Tensor | None) -> Tensor | None:
        """Which of two neighbours it is about."""


class Upsampling(Resampling):
    """The transposed convolution, of the level above.

    Computed as its two phases: an even step meets the middle weight, an odd one the outer two.
    """

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """Padded (B, T_{l+1} + 2, C) to (B, T_l, C), with the padding of the level below."""
        at, after = x[:, 1:-1], x[:, 2:]
        even = torch.addcmul(self.bias, at, self.weight[1])
        odd = torch.addcmul(self.bias, at, self.weight[2]).addcmul_(after, self.weight[0])
        return zero(torch.stack((even, odd), dim=2).flatten(1, 2)[:, : padding.steps], padding)

    def source(self, below: Tensor | None, above: Tensor | None) -> Tensor | None:
        """The one above."""
        return above


class Downsampling(Resampling):
    """The convolution, of the level below."""

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """Padded (B, T_{l-1} + 2, C) to (B, T_l, C), with the padding of the level above."""
        steps = padding.steps
        before, at, after = x[:, : 2 * steps : 2], x[:, 1 : 2 * steps : 2], x[:, 2 : 2 * steps + 1 : 2]
        return zero(_three_steps(self.bias, before, at, after, self.weight), padding)

    def source(self, below: Tensor | None, above: Tensor | None) -> Tensor | None:
        """The one below."""
        return below


class OwnLevel(nn.Module):
    """A level without its neighbours."""

    def forward(self, below: Tensor | None, level: Tensor, above: Tensor | None, padding: Padding) -> Tensor:
        """The level."""
        return level[:, 1:-1]


class CrossLayerAttention(nn.Module):
    """A level with what is worth taking from a neighbouring one.

    With the level above this is the decoupled classification module (DCM, Eq. 5-6), with the level below the
    decoupled regression module (DRM, Eq. 7-8). A level without that neighbour stays as it is.

    Args:
        channels: C.
        resampling: brings the neighbour to the length of the level.
    """

    def __init__(self, channels: int, resampling: Resampling) -> None:
        super().__init__()
        self.resampling = resampling
        self.weight, self.bias = _depthwise_weights(channels)
        # PyTorch's initial weights of a depth-wise convolution of kernel 1.
        self.attention_weight = nn.Parameter(torch.empty(channels).uniform_(-1, 1))
        self.attention_bias = nn.Parameter(torch.zeros(channels))

    def forward(self, below: Tensor | None, level: Tensor, above: Tensor | None, padding: Padding) -> Tensor:
        """To f_cls^l or f_reg^l (B, T_l, C)."""
        return self.onto(level[:, 1:-1], below, level, above, padding)

    def onto(
        self, total: Tensor, below: Tensor | None, level: Tensor, above: Tensor | None, padding: Padding
    ) -> Tensor:
        """What is taken from the neighbour added to a total (B, T_l, C)."""
        neighbour = self.resampling.source(below, above)
        if neighbour is None:
            return total
        neighbour = self.resampling(neighbour, padding)
        before, at, after = level[:, :-2], level[:, 1:-1], level[:, 2:]
        both = _three_steps(neighbour, before, at, after, self.weight).add_(self.bias)
        pooled = mean_over_time(zero(F.relu_(both), padding), padding)
        weights = torch.sigmoid(torch.addcmul(self.attention_bias, pooled, self.attention_weight))
        return torch.addcmul(total, neighbour, weights)


class AttentionToBoth(nn.Module):
    """A level with what is worth taking from each of its neighbours: the second terms of Eq. 6 and of Eq. 8.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.below = CrossLayerAttention(channels, Downsampling(channels))
        self.above = CrossLayerAttention(channels, Upsampling(channels))

    def forward(self, below: Tensor | None, level: Tensor, above: Tensor | None, padding: Padding) -> Tensor:
        """To (B, T_l, C)."""
        total = self.below(below, level, above, padding)
        return self.above.onto(total, below, level, above, padding)


class CrossLayerSum(nn.Module):
    """A level plus its neighbours; with both of them this is CLFF (Eq. 9).

    A level without a neighbour is the sum of what there is.

    Args:
        channels: C.
        below, above: which neighbours.
    """

    def __init__(self, channels: int, *, below: bool = True, above: bool = True) -> None:
        super().__init__()
        self.down = Downsampling(channels) if below else None
        self.up = Upsampling(channels) if above else None

    def forward(self, below: Tensor | None, level: Tensor, above: Tensor | None, padding: Padding) -> Tensor:
        """To f_c^l (B, T_l, C)."""
        total = level[:, 1:-1]
        if self.down is not None and below is not None:
            total = total + self.down(below, padding)
        if self.up is not None and above is not None:
            total = total + self.up(above, padding)
        return total


class CrossLayerConcatenation(nn.Module):
    """The channels of a level and of its neighbours joined, and a convolution of kernel 1 back to C channels.

    In the place of a neighbour that a level does not have are zeros.

    Args:
        channels: C.
        below, above: which neighbours.
    """

    def __init__(self, channels: int, *, below: bool = True, above: bool = True) -> None:
        super().__init__()
        self.down = Downsampling(channels) if below else None
        self.up = Upsampling(channels) if above else None
        self.join = linear((1 + below + above) * channels, channels)

    def forward(self, below: Tensor | None, level: Tensor, above: Tensor | None, padding: Padding) -> Tensor:
        """To (B, T_l, C)."""
        at = level[:, 1:-1]
        parts = [at]
        for resampling, neighbour in ((self.down, below), (self.up, above)):
            if resampling is not None:
                parts.append(torch.zeros_like(at) if neighbour is None else resampling(neighbour, padding))
        joined: Tensor = self.join(torch.cat(parts, dim=2))
        return joined


def mean_over_time(x: Tensor, padding: Padding) -> Tensor:
    """The mean of each sequence, (B, 1, C); x (B, T, C) is zero behind the sequences."""
    counts = torch.tensor(padding.spans, device=x.device, dtype=x.dtype)
    return x.sum(1, keepdim=True) / counts[:, None, None]


def _depthwise_weights(channels: int) -> tuple[nn.Parameter, nn.Parameter]:
    """Weight (3, C) and bias (C) of a depth-wise convolution, as PyTorch starts them but for a bias of zero."""
    weight = torch.empty(3, channels).uniform_(-(3**-0.5), 3**-0.5)
    return nn.Parameter(weight), nn.Parameter(torch.zeros(channels))


def _three_steps(start: Tensor, before: Tensor, at: Tensor, after: Tensor, weight: Tensor) -> Tensor:
    """start + the sum of three (B, T, C) with the weights (3, C) of a depth-wise convolution."""
    return torch.addcmul(start, before, weight[0]).addcmul_(at, weight[1]).addcmul_(after, weight[2])
