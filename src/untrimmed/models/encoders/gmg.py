"""The Gated Multi-Granularity encoder (paper, "Encoder with GMG", Eq. 1-4, Fig. 3).

Shape letters: B sequences, C channels, T steps, L levels.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.encoders.pooled import PooledEncoder
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

#: From C to a module that takes x (B, C, T) and its padding to the same, zero behind the sequences.
GlobalBranch = Callable[[int], nn.Module]


class GMGEncoder(PooledEncoder):
    """A pyramid in which every level sees single steps, their neighbours, and the whole sequence.

    Args:
        channels: C, a multiple of 16.
        levels: L.
        stem_blocks: blocks at level 0.
        hidden: width inside the feed-forward networks.
        kernel_size: steps that the local branch sees; odd.
        instant, local: whether there are these branches (Table 6).
        whole: makes the global branch (Table 8); None: there is none.
        gated: whether each branch lets through what the next larger one has found (Table 7).
        initial_std: of the weights of the instant and the local branch at the start; None: PyTorch's own.
        drop_path: probability of leaving out a branch of a block in training.
        layer_scale: initial factor of each branch of a block.

    Raises:
        ValueError: where a block would have no branch.
    """

    def __init__(
        self,
        channels: int = 512,
        levels: int = 6,
        *,
        stem_blocks: int = 2,
        hidden: int = 768,
        kernel_size: int = 3,
        instant: bool = True,
        local: bool = True,
        whole: GlobalBranch | None = SpectralFilter,
        gated: bool = True,
        initial_std: float | None = None,
        drop_path: float = 0.1,
        layer_scale: float = 1.0,
    ) -> None:
        block = partial(
            GMGBlock,
            channels,
            hidden=hidden,
            kernel_size=kernel_size,
            instant=instant,
            local=local,
            whole=whole,
            gated=gated,
            initial_std=initial_std,
            drop_path=drop_path,
            layer_scale=layer_scale,
        )
        super().__init__((block() for _ in range(stem_blocks)), (block() for _ in range(levels - 1)))


class GMGBlock(nn.Module):
    """Three gated branches, then a feed-forward network, each added to what it was given.

    x + scale * GMG(norm(x)), and then x + scale * FFN(GN(x)). The norm before the branches and the scales are
    not in the paper; docs/paper.md tells how they were chosen. The arguments are those of `GMGEncoder`.
    """

    def __init__(
        self,
        channels: int,
        *,
        hidden: int,
        kernel_size: int,
        instant: bool = True,
        local: bool = True,
        whole: GlobalBranch | None = SpectralFilter,
        gated: bool = True,
        initial_std: float | None = None,
        drop_path: float,
        layer_scale: float,
    ) -> None:
        super().__init__()
        if not (instant or local or whole):
            raise ValueError("a GMG block needs at least one of its three branches")
        self.gated = gated
        self.norm = ChannelNorm(channels)
        self.instant = ChannelAffine(channels) if instant else None
        self.local = DepthwiseConvolution(channels, kernel_size) if local else None
        self.whole = None if whole is None else whole(channels)
        self.mix_path = ResidualPath(channels, drop_path, layer_scale)
        self.group_norm = GroupNorm(16, channels)
        self.feed_forward = FeedForward(channels, hidden)
        self.feed_forward_path = ResidualPath(channels, drop_path, layer_scale)
        for branch in (self.instant, self.local):
            if branch is not None and initial_std is not None:
                nn.init.normal_(branch.weight, std=initial_std)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, C, T) to the same."""
        x = self.mix_path(x, self._granularities(padding.zero(self.norm(x)), padding))
        x = self.feed_forward_path(x, self.feed_forward(self.group_norm(x, padding)))
        return padding.zero(x)

    def _granularities(self, x: Tensor, padding: Padding) -> Tensor:
        """Eq. 4 without its residual: each granularity lets through what the next larger one has found.

        Where there are fewer than three, a granularity is gated by the next larger one that there is, and the
        largest one by none.
        """
        coarsest, *finer = self._branches(x, padding)
        if not self.gated:
            return sum(finer, start=coarsest)
        if not finer:
            return coarsest
        total = coarse = coarsest
        for fine in finer[:-1]:
            coarse = F.relu(coarse) * fine
            total = total + coarse
        return torch.addcmul(total, F.relu(coarse), finer[-1])

    def _branches(self, x: Tensor, padding: Padding) -> list[Tensor]:
        """What each branch makes of x on its own, the largest granularity first."""
        whole = [] if self.whole is None else [self.whole(x, padding)]
        return whole + [branch(x) for branch in (self.local, self.instant) if branch is not None]
