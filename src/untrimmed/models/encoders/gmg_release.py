"""The Gated Multi-Granularity encoder as its authors' code computes it, for their weights.

It differs from the equations of the paper (`gmg`): gates have no ReLU, the normalised input is one of the
summands, the filter sees single frequencies and is shrunk, and the first blocks see single steps and are added
at full size.

Shape letters: B sequences, C channels, T steps, L levels.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from untrimmed.models.encoders.pooled import Addition, PooledEncoder
from untrimmed.models.encoders.spectral import SpectralFilter
from untrimmed.models.layers import (
    ChannelAffine,
    ChannelNorm,
    DepthwiseConvolution,
    FeedForward,
    GroupNorm,
    ResidualPath,
)
from untrimmed.models.sequences import Padding

#: By how much the filter's parts move towards 0.
THRESHOLD = 0.001


class GMGReleaseEncoder(PooledEncoder):
    """A pyramid of the release's blocks.

    Args:
        channels: C, a multiple of 16.
        levels: L.
        stem_blocks: blocks at level 0.
        hidden: width inside the feed-forward networks.
        kernel_size: steps that the local branch sees above level 0; odd. At level 0 it sees one.
        initial_std: of the weights of the instant and the local branch at the start; None: PyTorch's own.
        drop_path: probability of leaving out a branch of a block above level 0 in training.
        layer_scale: initial factor of each branch of these blocks; 1e-4 in the release.
    """

    def __init__(
        self,
        channels: int = 512,
        levels: int = 6,
        *,
        stem_blocks: int = 2,
        hidden: int = 768,
        kernel_size: int = 1,
        initial_std: float | None = None,
        drop_path: float = 0.1,
        layer_scale: float = 1e-4,
    ) -> None:
        def block(kernel_size: int, addition: Callable[[], Addition]) -> GMGReleaseBlock:
            return GMGReleaseBlock(
                channels,
                hidden=hidden,
                kernel_size=kernel_size,
                initial_std=initial_std,
                mix_path=addition(),
                feed_forward_path=addition(),
            )

        scaled = partial(ResidualPath, channels, drop_path, layer_scale)
        super().__init__(
            (block(1, lambda: torch.add) for _ in range(stem_blocks)),
            (block(kernel_size, scaled) for _ in range(levels - 1)),
        )


class GMGReleaseBlock(nn.Module):
    """x + GMG(norm(x)), and then x + FFN(GN(x)), each added by a path of its own.

    Args:
        channels: C.
        hidden: width inside the feed-forward network.
        kernel_size: steps that the local branch sees; odd.
        initial_std: of the weights of the instant and the local branch at the start; None: PyTorch's own.
        mix_path, feed_forward_path: how a branch is added.
    """

    def __init__(
        self,
        channels: int,
        *,
        hidden: int,
        kernel_size: int,
        initial_std: float | None,
        mix_path: Addition,
        feed_forward_path: Addition,
    ) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.instant = ChannelAffine(channels)
        self.local = DepthwiseConvolution(channels, kernel_size)
        self.whole = SpectralFilter(channels, 1, THRESHOLD)
        self.mix_path = mix_path
        self.group_norm = GroupNorm(16, channels)
        self.feed_forward = FeedForward(channels, hidden)
        self.feed_forward_path = feed_forward_path
        if initial_std is not None:
            for branch in (self.instant, self.local):
                nn.init.normal_(branch.weight, std=initial_std)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, C, T) to the same."""
        mixed = self._granularities(padding.zero(self.norm(x)), padding)
        # The release masks what a branch is added to, and not the branch.
        x = self.mix_path(padding.zero_as_released(x), mixed)
        x = self.feed_forward_path(x, self.feed_forward(self.group_norm(x, padding)))
        return padding.zero(x)

    def _granularities(self, x: Tensor, padding: Padding) -> Tensor:
        """The three granularities and x itself."""
        whole: Tensor = self.whole(x, padding)
        local = self.local(x) * whole
        granularities: Tensor = self.instant(x) * local + local + whole + x
        return granularities
