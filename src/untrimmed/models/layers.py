"""The layers that encoders and decoders are made of.

Those that look at the whole time axis are given the padding. The others may leave something behind the end of
a sequence; whoever calls them sets it to zero where it would be seen (see `sequences`).

Shape letters: B sequences, C channels, T steps, G groups.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.sequences import Padding


class Convolution(nn.Module):
    """A convolution over time that keeps the length: (B, in, T) to (B, out, T), padded with zeros.

    Args:
        inputs, outputs: channels.
        kernel_size: odd number of steps.
        groups: 1 for a full convolution, `inputs` for a depth-wise one.
        bias: whether a bias is added.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel_size: int, *, groups: int = 1, bias: bool = True
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"a convolution that keeps the length needs an odd kernel size, not {kernel_size}")
        # One row of an image: its two-dimensional form is the faster one of oneDNN, most of all depth-wise.
        self.conv = nn.Conv2d(
            inputs, outputs, (1, kernel_size), padding=(0, kernel_size // 2), groups=groups, bias=bias
        )
        if self.conv.bias is not None:
            nn.init.zeros_(self.conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, T) to (B, out, T); near its end a sequence's bias and inputs spill into the padding."""
        y: Tensor = self.conv(x.unsqueeze(2))
        return y.squeeze(2)


class ChannelAffine(nn.Module):
    """A scale and a shift for each channel: what a depth-wise convolution of kernel 1 computes.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        # PyTorch's initial weights of a depth-wise convolution of kernel 1.
        self.weight = nn.Parameter(torch.empty(channels).uniform_(-1, 1))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to the same."""
        return torch.addcmul(self.bias[:, None], x, self.weight[:, None])


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each step, with scale and shift per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to the same."""
        # Left as a transposed view, every later layer would walk through memory in strides of C.
        normal: Tensor = self.norm(x.transpose(1, 2))
        return normal.transpose(1, 2).contiguous()


class GroupNorm(nn.Module):
    """Group normalisation whose statistics are those of each sequence alone, without its padding."""

    def __init__(self, groups: int, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        if channels % groups:
            raise ValueError(f"{channels} channels do not divide into {groups} groups")
        self.groups = groups
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, C, T), zero behind the sequences, to the same."""
        batch, channels, steps = x.shape
        # PyTorch refuses a group of a single value.
        if padding.is_empty and channels * steps > self.groups:
            return F.group_norm(x, self.groups, self.weight, self.bias, self.eps)
        grouped = x.reshape(batch, self.groups, -1, steps)
        counts = torch.tensor(padding.lengths, device=x.device) * (channels // self.groups)
        counts = counts[:, None, None, None]
        mean = grouped.sum((2, 3), keepdim=True) / counts
        centred = (grouped - mean) * padding.mask[:, None]
        variance = centred.square().sum((2, 3), keepdim=True) / counts
        normal = (centred * torch.rsqrt(variance + self.eps)).reshape(x.shape)
        return padding.zero(normal * self.weight[:, None] + self.bias[:, None])


class MaxPool(nn.Module):
    """Max pooling to every second step over a window of 3, (B, C, T) to (B, C, ceil(T / 2))."""

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, C, T) to (B, C, ceil(T / 2)), zero behind the sequences."""
        pooled = F.max_pool1d(padding.fill(x, float("-inf")), 3, stride=2, padding=1)
        # A window that lies wholly in the padding has no maximum; the mask would turn -inf into NaN.
        return padding.halved().fill(pooled, 0.0)


class DropPath(nn.Module):
    """Stochastic depth with a learned scale: x times a factor a channel, dropped a whole sequence at a time.

    In training, a sequence's branch is zeroed with probability `probability` and otherwise divided by what is
    left (Huang et al. 2016); the factor is the layer scale of Touvron et al. 2021.

    Args:
        channels: C.
        probability: of dropping, in [0, 1).
        initial_scale: where the factors start.
    """

    def __init__(self, channels: int, probability: float, initial_scale: float) -> None:
        super().__init__()
        self.probability = probability
        self.scale = nn.Parameter(torch.full((channels,), initial_scale))
        #: Which part of the whole batch this process holds, (rank, processes): all draw the whole batch's
        #: numbers from equal generators and use their own, so that a run does not depend on how it is split.
        self.share = (0, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to the same."""
        x = x * self.scale[:, None]
        if not self.training or self.probability == 0:
            return x
        rank, processes = self.share
        batch = len(x)
        draws = torch.rand(processes * batch, device=x.device)[rank * batch : (rank + 1) * batch]
        kept = (draws >= self.probability) / (1 - self.probability)
        return x * kept.to(x.dtype)[:, None, None]


class FeedForward(nn.Sequential):
    """Two layers with GELU between them, applied to each step alone: (B, C, T) to (B, C, T)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__(nn.Conv1d(channels, hidden, 1), nn.GELU(), nn.Conv1d(hidden, channels, 1))
        for layer in (self[0], self[2]):
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
