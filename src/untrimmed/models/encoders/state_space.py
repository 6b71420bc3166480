"""What encoders of state spaces share: both directions of time, the block, and the pyramid of blocks.

Shape letters: B sequences, C channels, T steps, L levels, K window.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.encoders.pooled import PooledEncoder
from untrimmed.models.layers import ResidualPath
from untrimmed.models.sequences import Padding


class StateSpaceEncoder(PooledEncoder):
    """A pyramid of blocks; each level is what a block makes of the one below, then halved by max pooling.

    Args:
        levels: L.
        block: makes a block, (B, C, T) and its padding to the same.
        stem_blocks: blocks at level 0.
    """

    def __init__(self, levels: int, block: Callable[[], nn.Module], *, stem_blocks: int) -> None:
        super().__init__((block() for _ in range(stem_blocks)), (block() for _ in range(levels - 1)))

    def _ascend(self, block: nn.Module, x: Tensor, padding: Padding) -> Tensor:
        """A block, and every second step of what it returns."""
        return padding.halved().zero_as_released(self.pool(block(x, padding), padding))


class StateSpaceBlock(nn.Module):
    """x + scale * BothWays(norm(x)); there is no feed-forward network.

    Args:
        channels: C.
        recurrence: what mixes time, (B, T, C) to the same, no step of the result seeing a later one.
        window: K of the convolution before it.
        drop_path: probability of leaving out the mixing in training.
        layer_scale: its initial factor.
    """

    def __init__(
        self, channels: int, recurrence: nn.Module, *, window: int, drop_path: float, layer_scale: float
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.mixer = BothWays(channels, recurrence, window)
        self.path = ResidualPath(channels, drop_path, layer_scale)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, C, T), zero behind each sequence, to the same."""
        mixed = self.mixer(self.norm(x.mT), padding).mT
        out: Tensor = self.path(x, padding.zero_as_released(padding.zero(mixed)))
        return out


class BothWays(nn.Module):
    """One gated recurrence, run forwards and backwards in time (ActionMamba; Chen et al. 2024, section 3.3).

    The directions have projections of their own and share all else. The backward one begins at each sequence's
    own end, or that of its padded row where the padding takes part.

    Args:
        channels: C.
        recurrence: (B, T, C) to the same.
        window: K.
    """

    def __init__(self, channels: int, recurrence: nn.Module, window: int) -> None:
        super().__init__()
        #: To what is mixed and its gate, forwards, then to the same backwards.
        self.project_in = nn.Linear(channels, 4 * channels, bias=False)
        self.convolution = CausalConvolution(channels, window)
        self.recurrence = recurrence
        self.project_out = nn.Linear(2 * channels, channels, bias=False)

    def forward(self, u: Tensor, padding: Padding) -> Tensor:
        """(B, T, C), whatever stands behind the sequences, to the same."""
        both = torch.stack([u, reverse(u, padding)])
        weight = self.project_in.weight.view(2, -1, u.shape[2])
        projected = torch.bmm(both.flatten(1, 2), weight.mT).view(-1, u.shape[1], 2 * u.shape[2])
        x, gate = projected.chunk(2, dim=2)
        forwards, backwards = (self.recurrence(F.silu(self.convolution(x))) * F.silu(gate)).chunk(2)
        out: Tensor = self.project_out(torch.cat([forwards, reverse(backwards, padding)], dim=2))
        return out


def reverse(x: Tensor, padding: Padding) -> Tensor:
    """x (B, T, C) with each sequence backwards in its place, zeros behind it."""
    spans, steps = padding.spans, padding.steps
    if all(span == steps for span in spans):
        return x.flip(1)
    rows = zip(x, spans, strict=True)
    return torch.stack([F.pad(row[:span].flip(0), (0, 0, 0, steps - span)) for row, span in rows])


class CausalConvolution(nn.Module):
    """A convolution of each channel alone over a step and those just before it.

    Args:
        channels: C.
        window: K, the step itself included.
    """

    def __init__(self, channels: int, window: int) -> None:
        super().__init__()
        # PyTorch's initial weights of a depth-wise convolution.
        bound = 1 / math.sqrt(window)
        self.weight = nn.Parameter(torch.empty(channels, window).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) to the same; the last weight meets the step itself, and zeros lie before the first."""
        steps, window = x.shape[1], self.weight.shape[1]
        x = F.pad(x, (0, 0, window - 1, 0))
        y = x[:, :steps] * self.weight[:, 0] + self.bias
        for shift in range(1, window):
            y = torch.addcmul(y, x[:, shift : shift + steps], self.weight[:, shift])
        return y
