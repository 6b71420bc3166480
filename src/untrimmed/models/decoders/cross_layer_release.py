"""How the authors' code joins levels of the pyramid: as `cross_layer`, with dense convolutions.

Shape letters: B sequences, C channels, L levels, T steps.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.decoders.cross_layer import mean_over_time
from untrimmed.models.pyramid_norms import zero
from untrimmed.models.sequences import Padding


def upsampling(channels: int) -> nn.Module:
    """The transposed convolution that doubles the steps of the level above."""
    return nn.ConvTranspose1d(channels, channels, 3, stride=2, padding=1, output_padding=1)


def downsampling(channels: int) -> nn.Module:
    """The convolution that halves the steps of the level below."""
    return nn.Conv1d(channels, channels, 3, stride=2, padding=1)


class DenseAttention(nn.Module):
    """Levels with what is worth taking from a neighbouring one; a level without that neighbour stays as it is.

    With the levels above this is the release's DCM, with the levels below its DRM. A neighbour that is brought to
    the length of its level, v, is weighted by sigmoid(attention(mean over time of relu(v + own(level)))).

    Args:
        channels: C.
        resampling: brings a neighbour (B, C, T) to the length of the level.
    """

    def __init__(self, channels: int, resampling: nn.Module) -> None:
        super().__init__()
        self.resampling = resampling
        self.own = nn.Linear(channels, channels)
        self.attention = nn.Linear(channels, channels)

    def forward(
        self, levels: Sequence[Tensor], neighbours: Sequence[Tensor | None], paddings: Sequence[Padding]
    ) -> list[Tensor]:
        """L levels (B, T_l, C) and their neighbours to as many of the same shapes."""
        return list(map(self._joined, levels, neighbours, paddings))

    def _joined(self, level: Tensor, neighbour: Tensor | None, padding: Padding) -> Tensor:
        if neighbour is None:
            return level
        neighbour = _resampled(self.resampling, neighbour, padding)
        both = F.relu(neighbour + self.own(level)).float()
        weights = torch.sigmoid(self.attention(mean_over_time(zero(both, padding), padding)))
        return level + weights * neighbour


class DenseSum(nn.Module):
    """Levels plus those of their neighbours that there are: the release's CLFF.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down = downsampling(channels)
        self.up = upsampling(channels)

    def forward(
        self,
        below: Sequence[Tensor | None],
        levels: Sequence[Tensor],
        above: Sequence[Tensor | None],
        paddings: Sequence[Padding],
    ) -> list[Tensor]:
        """L levels (B, T_l, C) with the levels below and above each to as many of the same shapes."""
        return list(map(self._total, below, levels, above, paddings))

    def _total(self, below: Tensor | None, level: Tensor, above: Tensor | None, padding: Padding) -> Tensor:
        if above is not None:
            level = level + _resampled(self.up, above, padding)
        if below is not None:
            level = level + _resampled(self.down, below, padding)
        return level


def _resampled(convolution: nn.Module, x: Tensor, padding: Padding) -> Tensor:
    """A neighbour (B, T, C) to (B, T_l, C), zero behind each sequence, with the padding of the level."""
    # What doubles an odd number of steps that were halved has made one too many.
    return zero(convolution(x.mT).mT[:, : padding.steps], padding)
