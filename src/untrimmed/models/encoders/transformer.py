"""The encoder of ActionFormer: self-attention within windows (Zhang et al. 2022, section 3.2 and Fig. 2).

Shape letters: B sequences, C channels, T steps, L levels. Inside a block a step is a row, (B, T, C): products of
matrices, norms and attention take it so, and the (B, C, T) outside are views of it.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.dropout import Dropout
from untrimmed.models.encoders.climbing import climb
from untrimmed.models.layers import MaxPool, ResidualPath, linear
from untrimmed.models.sequences import Padding, Pyramid
from untrimmed.models.windowed_attention import attend

#: Steps that the convolutions of queries, keys and values see.
KERNEL_SIZE = 3


class TransformerEncoder(nn.Module):
    """A pyramid in which every step attends to those around it.

    The first blocks work at full length; each further one halves the level below, in its queries, keys and values
    by their convolutions and beside them by max pooling.

    Args:
        channels: C.
        levels: L.
        stem_blocks: blocks at level 0.
        heads: of the attention; they divide C.
        window: odd number of steps that each attends to, itself in the middle; None: all; a list: one of these
            for each level.
        expansion: width inside the feed-forward networks, in C.
        dropout: probability of a value of a branch of a block, and of its network's inner layer, to be left out.
        drop_path: probability of leaving out a branch of a block in training.
        layer_scale: initial factor of each branch of a block.

    Raises:
        ValueError: if heads do not divide C, a window is even, or there are not L windows.
    """

    def __init__(
        self,
        channels: int = 512,
        levels: int = 6,
        *,
        stem_blocks: int = 2,
        heads: int = 4,
        window: int | Sequence[int | None] | None = 19,
        expansion: int = 4,
        dropout: float = 0.0,
        drop_path: float = 0.1,
        layer_scale: float = 1.0,
    ) -> None:
        super().__init__()
        windows = list(window) if isinstance(window, Sequence) else [window] * levels
        if len(windows) != levels:
            raise ValueError(f"{len(windows)} windows were given for {levels} levels")

        def block(window: int | None, stride: int) -> TransformerBlock:
            return TransformerBlock(
                channels,
                stride=stride,
                heads=heads,
                window=window,
                expansion=expansion,
                dropout=dropout,
                drop_path=drop_path,
                layer_scale=layer_scale,
            )

        self.stem = nn.ModuleList(block(windows[0], stride=1) for _ in range(stem_blocks))
        self.branch = nn.ModuleList(block(window, stride=2) for window in windows[1:])

    def forward(self, x: Tensor, lengths: Padding | Sequence[int] | None = None) -> Pyramid:
        """Embedded features (B, C, T), zero behind each sequence, and their lengths to L levels."""
        padding = Padding.of(x, lengths)
        for block in self.stem:
            x = block(x, padding)
        return climb(x, padding, self.branch)


class TransformerBlock(nn.Module):
    """Attention, then a feed-forward network, each added to what it was given.

    x + scale * Attention(norm(x)), and then x + scale * FFN(norm(x)); with a stride of 2 the first x is that of
    every second step, the largest of the three around it.

    Args:
        stride: 1, or 2 for a level of half the steps.
        others: see `TransformerEncoder`.
    """

    def __init__(
        self,
        channels: int,
        *,
        stride: int,
        heads: int,
        window: int | None,
        expansion: int,
        dropout: float,
        drop_path: float,
        layer_scale: float,
    ) -> None:
        super().__init__()
        self.pool = MaxPool() if stride == 2 else None
        self.norm = nn.LayerNorm(channels)
        self.attention = WindowedAttention(channels, stride=stride, heads=heads, window=window)
        self.attention_dropout = Dropout(dropout)
        self.attention_path = ResidualPath(channels, drop_path, layer_scale)
        self.feed_forward_norm = nn.LayerNorm(channels)
        self.feed_forward = FeedForward(channels, expansion * channels, dropout)
        self.feed_forward_path = ResidualPath(channels, drop_path, layer_scale)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, C, T), zero behind each sequence, and its padding to (B, C, ceil(T / stride)), zero there too."""
        # Each step in one piece of memory, without which sums with what comes of matrices are slow.
        x = x.mT.contiguous().mT
        normal = padding.zero(self.norm(x.mT).mT)
        if self.pool is not None:
            x = self.pool(x, padding).mT.contiguous().mT
            padding = padding.halved()
        found = self.attention_dropout(self.attention(normal.mT, padding), padding)
        x = self.attention_path(x, found.mT)
        x = self.feed_forward_path(x, self.feed_forward(self.feed_forward_norm(x.mT), padding).mT)
        # What each step does alone need not be kept clean in between; the releases write zeros here too.
        return padding.zero_as_released(padding.zero(x))


class WindowedAttention(nn.Module):
    """Multi-head self-attention whose queries, keys and values each come of a convolution.

    Args:
        channels: C.
        stride: 1, or 2 to keep every second step.
        heads: a divisor of C.
        window: see `attend`.
    """

    def __init__(self, channels: int, *, stride: int, heads: int, window: int | None) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(f"{channels} channels do not divide into {heads} heads")
        if window is not None and window % 2 == 0:
            raise ValueError(f"a window with its step in the middle needs an odd number of steps, not {window}")
        self.heads = heads
        self.window = window
        self.query = Projection(channels, stride)
        self.key = Projection(channels, stride)
        self.value = Projection(channels, stride)
        self.output = linear(channels, channels)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, T, C), zero behind each sequence, and the padding of the result to the kept steps, (B, T', C)."""
        query, key, value = (project(x) for project in (self.query, self.key, self.value))
        found: Tensor = self.output(attend(query, key, value, padding, heads=self.heads, window=self.window))
        return found


class Projection(nn.Module):
    """A convolution of each channel alone, layer normalisation, and a linear layer.

    Args:
        channels: C.
        stride: 1, or 2 to keep every second step.
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        # PyTorch's initial weights of a depth-wise convolution. The norm behind it makes a bias needless.
        bound = KERNEL_SIZE**-0.5
        self.weight = nn.Parameter(torch.empty(channels, KERNEL_SIZE).uniform_(-bound, bound))
        self.norm = nn.LayerNorm(channels)
        self.linear = linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) to (B, ceil(T / stride), C)."""
        # One row of an image whose channels come last, which oneDNN convolves as it lies in memory.
        convolved = F.conv2d(
            x.mT.unsqueeze(2),
            self.weight[:, None, None],
            stride=(1, self.stride),
            padding=(0, KERNEL_SIZE // 2),
            groups=len(self.weight),
        )
        projected: Tensor = self.linear(self.norm(convolved.squeeze(2).mT.float()))
        return projected


class FeedForward(nn.Module):
    """Two linear layers with GELU between them.

    Args:
        channels: C.
        hidden: width between the layers.
        dropout: probability of a value behind either layer to be left out.
    """

    def __init__(self, channels: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.widen = linear(channels, hidden)
        self.narrow = linear(hidden, channels)
        self.hidden_dropout = Dropout(dropout)
        self.output_dropout = Dropout(dropout)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, T, C) to the same."""
        hidden = self.hidden_dropout(F.gelu(self.widen(x)), padding)
        y: Tensor = self.output_dropout(self.narrow(hidden), padding)
        return y
