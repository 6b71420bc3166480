"""The Scalable-Granularity Perception encoder (TriDet, Shi et al. 2023, "Feature Pyramid with SGP Layer").

Shape letters: B sequences, C channels, T steps, L levels.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.encoders.pooled import Addition, PooledEncoder
from untrimmed.models.layers import (
    ChannelAffine,
    ChannelNorm,
    DepthwiseConvolution,
    FeedForward,
    GroupNorm,
    ResidualPath,
    convolve_depthwise,
)
from untrimmed.models.sequences import Padding


class SGPEncoder(PooledEncoder):
    """A pyramid in which every level sees single steps beside their mean, and windows of two widths.

    The first blocks work at full length and with a narrow window of one step; each further level halves the one
    below by max pooling and adds a block.

    Args:
        channels: C, a multiple of 16.
        levels: L.
        stem_blocks: blocks at level 0.
        hidden: width inside the feed-forward networks.
        kernel_size: w, steps that the narrow window sees above the stem; odd.
        window_factor: k, from which `wide_kernel_size` makes the width of the wide window; above 0.
        initial_std: standard deviation of the initial weights of all that is computed channel by channel; None:
            PyTorch's initial weights. With 0, as in TriDet's release for THUMOS14, no gradient ever reaches them,
            since each is multiplied by another.
        drop_path: probability of leaving out a branch of a block above the stem in training.
        layer_scale: initial factor of each branch of a block above the stem.
    """

    def __init__(
        self,
        channels: int = 512,
        levels: int = 6,
        *,
        stem_blocks: int = 2,
        hidden: int = 768,
        kernel_size: int = 1,
        window_factor: float = 5.0,
        initial_std: float | None = None,
        drop_path: float = 0.1,
        layer_scale: float = 1.0,
    ) -> None:
        def block(width: int, addition: Callable[[], Addition]) -> SGPBlock:
            return SGPBlock(
                channels,
                hidden=hidden,
                kernel_size=width,
                wide_kernel_size=wide_kernel_size(width, window_factor),
                initial_std=initial_std,
                mix_path=addition(),
                feed_forward_path=addition(),
            )

        scaled = partial(ResidualPath, channels, drop_path, layer_scale)
        super().__init__(
            (block(1, lambda: torch.add) for _ in range(stem_blocks)),
            (block(kernel_size, scaled) for _ in range(levels - 1)),
        )


def wide_kernel_size(kernel_size: int, factor: float) -> int:
    """Steps of the wide window: (w + 1) k rounded, a half to the even neighbour, and one more where that is even.

    Raises:
        ValueError: if the factor is not above 0.
    """
    if factor <= 0:
        raise ValueError(f"the wide window of SGP needs a factor above 0, not {factor:g}")
    rounded = round((kernel_size + 1) * factor)
    return rounded + 1 - rounded % 2


class SGPBlock(nn.Module):
    """Steps gated by the mean and windows gated by the step, then a feed-forward network.

    Args:
        channels: C, a multiple of 16.
        hidden: width inside the feed-forward network.
        kernel_size: steps that the narrow window and the gate of both windows see; odd.
        wide_kernel_size: steps that the wide window sees; odd.
        initial_std: of the weights that work channel by channel; None: PyTorch's.
        mix_path, feed_forward_path: how the branches, and how the feed-forward network, are added.
    """

    def __init__(
        self,
        channels: int,
        *,
        hidden: int,
        kernel_size: int,
        wide_kernel_size: int,
        initial_std: float | None,
        mix_path: Addition,
        feed_forward_path: Addition,
    ) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.instant = ChannelAffine(channels)
        self.instant_gate = ChannelAffine(channels)
        self.narrow = DepthwiseConvolution(channels, kernel_size)
        self.wide = DepthwiseConvolution(channels, wide_kernel_size)
        self.window_gate = DepthwiseConvolution(channels, kernel_size)
        self.mix_path = mix_path
        self.group_norm = GroupNorm(16, channels)
        self.feed_forward = FeedForward(channels, hidden)
        self.feed_forward_path = feed_forward_path
        if initial_std is not None:
            for layer in (self.instant, self.instant_gate, self.narrow, self.wide, self.window_gate):
                nn.init.normal_(layer.weight, std=initial_std)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, C, T) to the same."""
        mixed = self._granularities(padding.zero(self.norm(x)), padding)
        x = self.mix_path(padding.zero_as_released(x), mixed)
        x = self.feed_forward_path(x, self.feed_forward(self.group_norm(x, padding)))
        return padding.zero(x)

    def _granularities(self, x: Tensor, padding: Padding) -> Tensor:
        """The instant branch, the window branch, and x itself; x (B, C, T) is zero behind the sequences."""
        gate = F.relu(self.instant_gate(_mean(x, padding)))
        instant = torch.addcmul(x, self.instant(x), gate)
        return torch.addcmul(instant, self._windows(x), self.window_gate(x))

    def _windows(self, x: Tensor) -> Tensor:
        """What the narrow and the wide window see, (B, C, T)."""
        # Two kernels about one middle are one kernel: one pass over the sequence.
        width = max(self.narrow.weight.shape[1], self.wide.weight.shape[1])
        weight = _widened(self.narrow.weight, width) + _widened(self.wide.weight, width)
        return convolve_depthwise([(x, weight)], self.narrow.bias + self.wide.bias)


def _widened(weight: Tensor, width: int) -> Tensor:
    """A kernel (C, K) with zeros on both sides, (C, width)."""
    beside = (width - weight.shape[1]) // 2
    return F.pad(weight, (beside, beside))


def _mean(x: Tensor, padding: Padding) -> Tensor:
    """The mean of each sequence over time, (B, C, 1); x (B, C, T) is zero behind the sequences."""
    counts = torch.tensor(padding.spans, device=x.device, dtype=x.dtype)
    return x.sum(2, keepdim=True) / counts[:, None, None]
