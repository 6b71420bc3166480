"""From features of any dimension to the width of the network."""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.rows import Rows, Trunk
from untrimmed.models.sequences import Padding, ReleasePadding


class Embedding(nn.Module):
    """Two convolutions, each with layer normalisation and ReLU: P^0 (paper, "Encoder with GMG").

    Args:
        input_dim: D, the dimension of a feature vector.
        channels: C, the width of the network.
        kernel_size: steps that each convolution sees.
        layers: number of convolutions.
        positions: whether a sinusoidal code of each step's position is added to the result.
    """

    def __init__(
        self,
        input_dim: int,
        channels: int = 512,
        kernel_size: int = 3,
        layers: int = 2,
        *,
        positions: bool = False,
    ) -> None:
        super().__init__()
        self.positions = positions
        self.gap = kernel_size // 2
        self.trunk = Trunk(input_dim, channels, kernel_size, layers)

    def forward(self, features: Tensor, padding: Padding) -> Tensor:
        """Features (B, T, D), whatever stands behind the sequences, to (B, C, T), zero there."""
        rows = Rows.of([padding], self.gap)
        table = rows.lay([row[:span] for row, span in zip(features, padding.spans, strict=True)])
        sequences = rows.take(self.trunk(table, rows))
        x = torch.stack([F.pad(x.t(), (0, padding.steps - len(x))) for x in sequences])
        if self.positions:
            code = _code_of(padding, x.shape[1])
            x = x + (code if padding.is_empty else code * padding.mask)
        return x


def _code_of(padding: Padding, channels: int) -> Tensor:
    """(C, T), the code of positions of a batch."""
    if not isinstance(padding, ReleasePadding) or padding.steps <= padding.code_steps:
        return position_code(padding.steps, channels, padding.device).t()
    held = position_code(padding.code_steps, channels, padding.device).t()
    return F.interpolate(held[None], padding.steps, mode="linear", align_corners=False)[0]


def position_code(steps: int, channels: int, device: torch.device) -> Tensor:
    """The code of a sequence's steps, (T, C) float32: sines and cosines of t, counted from its own start.

    Channel c of step t holds sin(t / 10000^(2 floor(c / 2) / C)) where c is even and the cosine of the same
    angle where it is odd (Vaswani et al. 2017, section 3.5), divided by sqrt(C). The released systems hold it
    for the length they train with, and stretch it over longer sequences at inference, together with their
    padding; here it goes on, so that a step has the same code whatever follows it.
    """
    return _code(1 << max(steps - 1, 4095).bit_length(), channels, device)[:steps]


@lru_cache(maxsize=2)
def _code(steps: int, channels: int, device: torch.device) -> Tensor:
    """As `position_code`; kept, for numbers of steps of which few occur."""
    # Otherwise what is first needed in a validation could not be used in training.
    with torch.inference_mode(False):
        channel = torch.arange(channels, device=device)
        frequency = 10000.0 ** (-2.0 * (channel // 2).double() / channels)
        angle = torch.arange(steps, device=device).double()[:, None] * frequency
        code = torch.where(channel % 2 == 0, angle.sin(), angle.cos())
        return (code / math.sqrt(channels)).to(torch.float32)
