"""The layers that encoders and decoders are made of.

Those that look at the whole time axis are given the padding. The others may leave something behind the end of
a sequence; whoever calls them sets it to zero where it would be seen (see `sequences`).

Shape letters: B sequences, C channels, T steps, G groups.
"""

import math
from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.sequences import Padding


class DepthwiseConvolution(nn.Module):
    """A convolution of each channel alone over time that keeps the length.

    Args:
        channels: C.
        kernel_size: odd number of steps, K.
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"a convolution that keeps the length needs an odd kernel size, not {kernel_size}")
        # PyTorch's initial weights of a depth-wise convolution.
        bound = 1 / math.sqrt(kernel_size)
        self.weight = nn.Parameter(torch.empty(channels, kernel_size).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to the same; near its end a sequence's bias and inputs spill into the padding."""
        return convolve_depthwise([(x, self.weight)], self.bias)


def convolve_depthwise(summands: Sequence[tuple[Tensor, Tensor]], bias: Tensor) -> Tensor:
    """The sum of some x (B, C, T), each convolved channel by channel with its weights (C, K), plus a bias (C)."""
    if not torch.is_grad_enabled():
        return _convolved_in_place(summands, bias)
    if _pays_in_passes(summands[0][0]):
        parts = [_ConvolveDepthwise.apply(x, weight) for x, weight in summands]  # type: ignore[no-untyped-call]
        y: Tensor = sum(parts[1:], start=parts[0]) + bias[:, None]
        return y
    # One row of an image: its two-dimensional form is the faster one of oneDNN.
    half = summands[0][1].shape[1] // 2
    convolve = partial(F.conv2d, padding=(0, half), groups=len(bias))
    parts = [convolve(x.unsqueeze(2), weight[:, None, None]) for x, weight in summands[1:]]
    x, weight = summands[0]
    return sum(parts, start=convolve(x.unsqueeze(2), weight[:, None, None], bias)).squeeze(2)


def _convolved_in_place(summands: Sequence[tuple[Tensor, Tensor]], bias: Tensor) -> Tensor:
    """As `convolve_depthwise`, in place, which a gradient forbids."""
    (x, weight), *others = summands
    half = weight.shape[1] // 2
    y = scaled(x, weight[:, half], bias)
    for x, weight in others:
        y.addcmul_(x, weight[:, half, None])
    for x, weight in summands:
        _add_shifted(y, x, weight)
    return y


def _pays_in_passes(x: Tensor) -> bool:
    """Whether `_ConvolveDepthwise` is faster than the library, which prepares itself anew for every length.

    A pass over memory for each step of the kernel takes half the time where no gradient is needed. With one it
    pays for small tensors (benchmarks/convolution.py).
    """
    return x.device.type == "cpu" and x.numel() < 1 << 17


def _add_shifted(y: Tensor, x: Tensor, weight: Tensor) -> None:
    """Add to y (B, C, T) what x (B, C, T), convolved with weight (C, K), has from all but the middle step."""
    half = weight.shape[1] // 2
    for shift in range(1, min(half, x.shape[-1] - 1) + 1):
        y[..., shift:].addcmul_(x[..., :-shift], weight[:, half - shift, None])
        y[..., :-shift].addcmul_(x[..., shift:], weight[:, half + shift, None])


class _ConvolveDepthwise(torch.autograd.Function):
    """x (B, C, T), each channel convolved with its weight (C, K), as passes over memory in place."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        y = x * weight[:, weight.shape[1] // 2, None]
        _add_shifted(y, x, weight)
        return y

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> tuple[Tensor | None, Tensor]:
        x, weight = ctx.saved_tensors  # type: ignore[attr-defined]
        half = weight.shape[1] // 2
        for_x = None
        if ctx.needs_input_grad[0]:  # type: ignore[attr-defined]
            for_x = grad * weight[:, half, None]
            _add_shifted(for_x, grad, weight.flip(1))
            for_x = for_x.to(x.dtype)
        for_weight = torch.zeros_like(weight)
        for_weight[:, half] = (grad * x).sum((0, 2))
        for shift in range(1, min(half, x.shape[-1] - 1) + 1):
            for_weight[:, half - shift] = (grad[..., shift:] * x[..., :-shift]).sum((0, 2))
            for_weight[:, half + shift] = (grad[..., :-shift] * x[..., shift:]).sum((0, 2))
        return for_x, for_weight


def scaled(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x (B, C, T), each channel times its weight (C), plus its bias (C)."""
    # Not in one operation: PyTorch's addcmul is slow where two of its operands have one value a channel.
    return (x * weight[:, None]).add_(bias[:, None])


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
        return scaled(x, self.weight, self.bias)


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each step, with scale and shift per channel.

    Args:
        channels: C.
        eps: added to the variance.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to the same, in float32 at least."""
        x = x.float()
        if torch.is_grad_enabled():
            normal = F.layer_norm(x.transpose(1, 2), self.weight.shape, self.weight, self.bias, self.eps)
            # Left as a transposed view, every later layer would walk through memory in strides of C.
            return normal.transpose(1, 2).contiguous()
        # The same where channels come first, without two transpositions; its gradient would take more memory.
        centred = x - x.mean(1, keepdim=True)
        variance = centred.square().mean(1, keepdim=True)
        return scaled(centred.mul_(torch.rsqrt(variance + self.eps)), self.weight, self.bias)


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
        """(B, C, T) to the same, zero behind the sequences."""
        # Not that of torch.nn.functional, which refuses a group of a single value.
        return padding.each(
            x, lambda whole: torch.group_norm(whole, self.groups, self.weight, self.bias, self.eps)
        )


class MaxPool(nn.Module):
    """Max pooling to every second step over a window of 3, (B, C, T) to (B, C, ceil(T / 2))."""

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, C, T) to (B, C, ceil(T / 2)), zero behind the sequences."""
        pooled = F.max_pool1d(padding.fill(x, float("-inf")), 3, stride=2, padding=1)
        # A window that lies wholly in the padding has no maximum; the mask would turn -inf into NaN.
        return padding.halved().fill(pooled, 0.0)


class ResidualPath(nn.Module):
    """A branch added to what it came from: x + scale * branch, with a learned scale a channel.

    The scale is the layer scale of Touvron et al. 2021. In training, a sequence's branch is dropped with
    probability `drop` and otherwise divided by what is left (stochastic depth, Huang et al. 2016).

    Args:
        channels: C.
        drop: probability, in [0, 1).
        initial_scale: where the scales start.
    """

    def __init__(self, channels: int, drop: float, initial_scale: float) -> None:
        super().__init__()
        self.drop = drop
        self.scale = nn.Parameter(torch.full((channels,), initial_scale))
        #: Which part of the whole batch this process holds, (rank, processes): all draw the whole batch's
        #: numbers from equal generators and use their own, so that a run does not depend on how it is split.
        self.share = (0, 1)

    def forward(self, x: Tensor, branch: Tensor) -> Tensor:
        """Two (B, C, T) to one."""
        scale = self.scale[:, None]
        if self.training and self.drop > 0:
            rank, processes = self.share
            batch = len(x)
            draws = torch.rand(processes * batch, device=x.device)[rank * batch : (rank + 1) * batch]
            kept = (draws >= self.drop) / (1 - self.drop)
            scale = scale * kept.to(scale.dtype)[:, None, None]
        return torch.addcmul(x, branch, scale)


def linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer whose bias starts at zero."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.bias)
    return layer


class FeedForward(nn.Module):
    """Two layers with GELU between them, applied to each step alone.

    Args:
        channels: C.
        hidden: width between the layers.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.widen = linear(channels, hidden)
        self.narrow = linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to the same."""
        return _channels_first(self.narrow, F.gelu(_channels_first(self.widen, x)))


def _channels_first(layer: nn.Linear, x: Tensor) -> Tensor:
    """A linear layer over the channels of (B, C, T)."""
    return torch.baddbmm(layer.bias[:, None], layer.weight.expand(len(x), -1, -1), x)
