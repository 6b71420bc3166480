"""The Gated Multi-Granularity encoder (paper, "Encoder with GMG", Eq. 1-4, Fig. 3).

Shape letters: B sequences, C channels, T steps, U frequencies (T // 2 + 1), L levels.
"""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.encoders.climbing import climb
from untrimmed.models.layers import (
    ChannelAffine,
    ChannelNorm,
    DepthwiseConvolution,
    FeedForward,
    GroupNorm,
    MaxPool,
    ResidualPath,
    convolve_depthwise,
)
from untrimmed.models.sequences import Padding, Pyramid


class GMGEncoder(nn.Module):
    """A pyramid in which every level sees single steps, their neighbours, and the whole sequence.

    The first blocks work at full length; each further level halves the one below by max pooling and adds a
    block.

    Args:
        channels: C, a multiple of 16.
        levels: L.
        stem_blocks: blocks at level 0.
        hidden: width inside the feed-forward networks.
        kernel_size: steps that the local branch sees; odd.
        drop_path: probability of leaving out a branch of a block in training.
        layer_scale: initial factor of each branch of a block.
    """

    def __init__(
        self,
        channels: int = 512,
        levels: int = 6,
        *,
        stem_blocks: int = 2,
        hidden: int = 768,
        kernel_size: int = 3,
        drop_path: float = 0.1,
        layer_scale: float = 1.0,
    ) -> None:
        super().__init__()

        def blocks(count: int) -> nn.ModuleList:
            return nn.ModuleList(
                GMGBlock(
                    channels,
                    hidden=hidden,
                    kernel_size=kernel_size,
                    drop_path=drop_path,
                    layer_scale=layer_scale,
                )
                for _ in range(count)
            )

        self.stem = blocks(stem_blocks)
        self.branch = blocks(levels - 1)
        self.pool = MaxPool()

    def forward(self, x: Tensor, lengths: Padding | Sequence[int] | None = None) -> Pyramid:
        """Embedded features (B, C, T), zero behind each sequence, and their lengths to L levels."""
        padding = Padding.of(x, lengths)
        for block in self.stem:
            x = block(x, padding)
        return climb(x, padding, [partial(self._ascend, block) for block in self.branch])

    def _ascend(self, block: nn.Module, x: Tensor, padding: Padding) -> Tensor:
        """Every second step, and a block."""
        higher: Tensor = block(self.pool(x, padding), padding.halved())
        return higher


class GMGBlock(nn.Module):
    """Three gated branches, then a feed-forward network, each added to what it was given.

    x + scale * GMG(norm(x)), and then x + scale * FFN(GN(x)). The norm before the branches and the scales are
    not in the paper; docs/paper.md tells how they were chosen.
    """

    def __init__(
        self, channels: int, *, hidden: int, kernel_size: int, drop_path: float, layer_scale: float
    ) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.instant = ChannelAffine(channels)
        self.local = DepthwiseConvolution(channels, kernel_size)
        self.whole = SpectralFilter(channels)
        self.mix_path = ResidualPath(channels, drop_path, layer_scale)
        self.group_norm = GroupNorm(16, channels)
        self.feed_forward = FeedForward(channels, hidden)
        self.feed_forward_path = ResidualPath(channels, drop_path, layer_scale)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, C, T) to the same."""
        x = self.mix_path(x, self._granularities(padding.zero(self.norm(x)), padding))
        x = self.feed_forward_path(x, self.feed_forward(self.group_norm(x, padding)))
        return padding.zero(x)

    def _granularities(self, x: Tensor, padding: Padding) -> Tensor:
        """Eq. 4 without its residual: each granularity lets through what the next larger one has found."""
        # `whole` is zero in the padding, and with it all that it gates.
        whole: Tensor = self.whole(x, padding)
        local = F.relu(whole) * self.local(x)
        return torch.addcmul(local + whole, F.relu(local), self.instant(x))


class SpectralFilter(nn.Module):
    """The global branch, Eq. 1-3: the spectrum of a sequence, times a filter that is computed from it.

    Each sequence is transformed over its own length. The transform is orthonormal, so that the filter is given
    values of the same size whatever that length is.

    Args:
        channels: C.
        kernel_size: frequencies that each of the filter's two convolutions sees; odd.
    """

    def __init__(self, channels: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.first = ComplexConvolution(channels, kernel_size)
        self.second = ComplexConvolution(channels, kernel_size)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, C, T) to the same."""
        return padding.each(x, self._filtered)

    def _filtered(self, x: Tensor) -> Tensor:
        """As `forward`, of sequences that all fill their rows."""
        spectrum = torch.fft.rfft(x.float(), norm="ortho")
        # Eq. 2: W = Conv(ReLU(Conv(X))).
        real, imaginary = self.first(spectrum.real.contiguous(), spectrum.imag.contiguous())
        real, imaginary = self.second(F.relu_(real), F.relu_(imaginary))
        # Eq. 3: the Hadamard product, and back.
        product = spectrum * torch.complex(real.float(), imaginary.float() * _is_complex(x))
        filtered: Tensor = torch.fft.irfft(product, n=x.shape[-1], norm="ortho")
        return filtered.to(x.dtype)


def _is_complex(x: Tensor) -> Tensor:
    """(U,), 0 for the frequencies of a real x with no imaginary part: the first, and the last of an even T.

    Libraries differ in what they make of one that is there nevertheless.
    """
    steps = x.shape[-1]
    frequencies = torch.arange(steps // 2 + 1, device=x.device)
    return ((frequencies > 0) & (2 * frequencies < steps)).float()


class ComplexConvolution(nn.Module):
    """Depth-wise convolution along the frequencies of a complex spectrum.

    Weight and bias are complex numbers that are kept, as the spectrum that they meet, in two real parts, since
    networks are exported with real numbers only.

    Args:
        channels: C.
        kernel_size: frequencies that it sees; odd.
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        # Real part first. Small, so that the branch starts as a small correction, as in the release.
        self.weight = nn.Parameter(0.02 * torch.randn(2, channels, kernel_size))
        self.bias = nn.Parameter(0.02 * torch.randn(2, channels))

    def forward(self, real: Tensor, imaginary: Tensor) -> tuple[Tensor, Tensor]:
        """Real and imaginary part, (B, C, U) each, to the same."""
        by_real, by_imaginary = self.weight
        bias_real, bias_imaginary = self.bias
        # (a + bi)(x + yi) = (ax - by) + (bx + ay)i
        return (
            convolve_depthwise([(real, by_real), (imaginary, -by_imaginary)], bias_real),
            convolve_depthwise([(real, by_imaginary), (imaginary, by_real)], bias_imaginary),
        )
