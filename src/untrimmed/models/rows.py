"""Convolutions over many sequences at once, as products of matrices.

Sequences of any lengths lie under each other in one table, a step a row, with as many rows of zeros between them
as a kernel reaches: what passes over the end of one meets zeros, as if nothing followed. No row is spent on
padding. On a processor this is also faster than the library's convolution, which rearranges its input and its
result.

Shape letters: R rows of the table, C channels, K kernel size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.sequences import Padding


@dataclass(frozen=True)
class Rows:
    """Where each sequence lies in a table.

    Attributes:
        lengths: of the sequences, in their order.
        gap: rows of zeros between two of them: half of the widest kernel that will pass over the table.
        device: where the indices live.
        unmasked: (R,), false at the rows that a release sets to zero after each convolution; None: no such.
    """

    lengths: tuple[int, ...]
    gap: int
    device: torch.device
    unmasked: Tensor | None = None

    @classmethod
    def of(cls, paddings: Sequence[Padding], gap: int) -> "Rows":
        """A table of all steps that are computed of some batches, one batch after another."""
        spans = tuple(span for padding in paddings for span in padding.spans)
        rows = cls(spans, gap, paddings[0].device)
        if all(padding.spans == padding.lengths for padding in paddings):
            return rows
        masks = [
            mask[:span] for padding in paddings for mask, span in zip(padding.mask.mT, padding.spans, strict=True)
        ]
        return replace(rows, unmasked=rows.lay(masks)[:, 0])

    def lay(self, sequences: Sequence[Tensor]) -> Tensor:
        """Sequences (length, C) to the table (R, C)."""
        if len(sequences) == 1:
            return sequences[0]
        zeros = sequences[0].new_zeros(self.gap, sequences[0].shape[1])
        return torch.cat([part for sequence in sequences for part in (zeros, sequence)][1:])

    def take(self, table: Tensor) -> tuple[Tensor, ...]:
        """The table (R, C) to the sequences (length, C), as views."""
        sizes = [size for length in self.lengths for size in (self.gap, length)][1:]
        return table.split_with_sizes(sizes)[::2]

    def zero_gaps_(self, table: Tensor) -> Tensor:
        """The table with zeros between its sequences, in place."""
        return table.index_fill_(0, self._gaps, 0.0) if len(self.lengths) > 1 else table

    def zero_as_released(self, table: Tensor) -> Tensor:
        """The table with zeros at the rows that a release sets to zero (`sequences.ReleasePadding`)."""
        return table if self.unmasked is None else table * self.unmasked[:, None]

    @cached_property
    def _gaps(self) -> Tensor:
        """The rows between sequences."""
        ends = torch.tensor(self.lengths[:-1]).cumsum(0) + self.gap * torch.arange(len(self.lengths) - 1)
        return (ends[:, None] + torch.arange(self.gap)).flatten().to(self.device)


class RowConvolution(nn.Module):
    """A convolution over time that keeps the length.

    Args:
        inputs, outputs: channels.
        kernel_size: odd number of steps, K.
        bias: whether a bias is added.
    """

    def __init__(self, inputs: int, outputs: int, kernel_size: int, *, bias: bool = True) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"a convolution that keeps the length needs an odd kernel size, not {kernel_size}")
        # PyTorch's initial weights of a convolution.
        bound = 1 / math.sqrt(inputs * kernel_size)
        self.weight = nn.Parameter(torch.empty(kernel_size, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, table: Tensor) -> Tensor:
        """(R, inputs) to (R, outputs); the rows between sequences mean nothing."""
        weight: Tensor = self.weight
        if torch.is_autocast_enabled(table.device.type):
            lower = torch.get_autocast_dtype(table.device.type)
            table, weight = table.to(lower), weight.to(lower)
        if torch.is_grad_enabled():
            y: Tensor = _Convolve.apply(table, weight)  # type: ignore[no-untyped-call]
        elif pays_in_pairs(table, weight):
            y = convolve_in_pairs(table, weight)
        else:
            y = convolve(table, weight)
        return y if self.bias is None else y + self.bias


def convolve(table: Tensor, weight: Tensor) -> Tensor:
    """(R, inputs) and weight (K, inputs, outputs) to (R, outputs): one product a step of the kernel."""
    kernel_size, inputs, outputs = weight.shape
    half = kernel_size // 2
    if kernel_size * outputs <= inputs:
        # All steps of the kernel at once: the result is narrow, and reading the table is what takes time.
        return _sum_of_shifted(table @ weight.transpose(0, 1).flatten(1), kernel_size)
    y = table @ weight[half]
    for shift in range(1, min(half, len(table) - 1) + 1):
        y[shift:].addmm_(table[:-shift], weight[half - shift])
        y[:-shift].addmm_(table[shift:], weight[half + shift])
    return y


def _sum_of_shifted(products: Tensor, kernel_size: int) -> Tensor:
    """What `convolve` returns, from the products (R, K * outputs) of each row with each step of the kernel."""
    parts = products.chunk(kernel_size, dim=1)
    half = kernel_size // 2
    y = parts[half].clone(memory_format=torch.contiguous_format)
    for shift in range(1, min(half, len(y) - 1) + 1):
        y[shift:] += parts[half - shift][:-shift]
        y[:-shift] += parts[half + shift][shift:]
    return y


def pays_in_pairs(table: Tensor, weight: Tensor) -> bool:
    """Whether `convolve_in_pairs` is faster than `convolve` (benchmarks/convolution.py)."""
    kernel_size, inputs, outputs = weight.shape
    return kernel_size == 3 and min(inputs, outputs) >= 256 and table.device.type == "cpu" and len(table) > 1


def convolve_in_pairs(table: Tensor, weight: Tensor) -> Tensor:
    """As `convolve` for K = 3, with four products of half the rows instead of three of all.

    Two neighbouring rows of the result are computed together from sums and differences of the rows they come
    from (Winograd's F(2, 3); Lavin and Gray 2016, Eq. 5-7).
    """
    before, at, after = weight
    rows = len(table)
    if rows % 2:
        table = F.pad(table, (0, 0, 0, 1))
    even, odd = table[::2], table[1::2]
    y = table.new_empty(len(table), weight.shape[2])
    even_y, odd_y = y[::2], y[1::2]
    outer = (before + after) / 2
    common = (even + odd) @ torch.add(outer, at, alpha=0.5)
    opposed = (odd - even) @ torch.sub(outer, at, alpha=0.5)
    torch.add(common, opposed, out=even_y)
    torch.sub(common, opposed, out=odd_y)
    # The odd row of the pair before less this one's, then the even row of the pair after less this one's.
    difference = torch.empty_like(even, memory_format=torch.contiguous_format)
    torch.sub(odd[:-1], odd[1:], out=difference[1:])
    torch.neg(odd[0], out=difference[0])
    even_y.addmm_(difference, before)
    torch.sub(even[1:], even[:-1], out=difference[:-1])
    torch.neg(even[-1], out=difference[-1])
    odd_y.addmm_(difference, after)
    return y[:rows]


class _Convolve(torch.autograd.Function):
    """`convolve` with a gradient that is again products of whole matrices, where autograd would copy slices."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, table: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(table, weight)
        return convolve(table, weight)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> tuple[Tensor | None, Tensor]:
        table, weight = ctx.saved_tensors  # type: ignore[attr-defined]
        for_table = None
        if ctx.needs_input_grad[0]:  # type: ignore[attr-defined]
            for_table = convolve(grad, weight.flip(0).transpose(1, 2))
        half = len(weight) // 2
        for_weight = torch.zeros_like(weight)
        torch.mm(table.t(), grad, out=for_weight[half])
        for shift in range(1, min(half, len(table) - 1) + 1):
            torch.mm(table[:-shift].t(), grad[shift:], out=for_weight[half - shift])
            torch.mm(table[shift:].t(), grad[:-shift], out=for_weight[half + shift])
        return for_table, for_weight


class Trunk(nn.Module):
    """Convolutions with layer normalisation and ReLU.

    Args:
        inputs: C.
        channels: H.
        kernel_size: odd.
        layers: number of convolutions.
    """

    def __init__(self, inputs: int, channels: int, kernel_size: int, layers: int) -> None:
        super().__init__()
        widths = [inputs] + [channels] * layers
        # The norm subtracts the mean that a bias would add, so the convolutions have none.
        self.convolutions = nn.ModuleList(
            RowConvolution(a, b, kernel_size, bias=False) for a, b in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(layers))

    def forward(self, table: Tensor, rows: Rows) -> Tensor:
        """(R, C) to (R, H), both with zeros between the sequences."""
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            table = F.relu_(rows.zero_gaps_(norm(rows.zero_as_released(convolution(table)))))
        return table
