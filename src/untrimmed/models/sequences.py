"""Batches of sequences of unequal length, and the one rule that keeps each result its own.

Shape letters: B sequences, C channels, T steps, L levels.

A batch is (B, C, T) with each sequence at the start of its row and zeros behind it. Every block keeps that
invariant: it is given zeros in the padding and leaves zeros there. A convolution then sees at a sequence's
end what it would see if nothing followed; whatever looks across time in another way (pooling, statistics,
Fourier transforms) asks `Padding` where each sequence ends. So a prediction depends on its own sequence alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Padding:
    """Where the sequences of a padded batch end.

    Attributes:
        lengths: B valid lengths, each in 1..steps.
        steps: T, the padded length.
        device: where the masks live.
    """

    lengths: tuple[int, ...]
    steps: int
    device: torch.device

    @classmethod
    def of(cls, x: Tensor, lengths: Sequence[int] | None) -> "Padding":
        """The padding of x (B, C, T); without `lengths` every sequence fills its row.

        Raises:
            ValueError: if there are not B lengths, or one is outside 1..T.
        """
        batch, _, steps = x.shape
        lengths = (steps,) * batch if lengths is None else tuple(lengths)
        if len(lengths) != batch:
            raise ValueError(f"{len(lengths)} lengths were given for a batch of {batch} sequences")
        if not all(0 < length <= steps for length in lengths):
            raise ValueError(f"lengths {lengths} must lie in 1..{steps}, the padded length")
        return cls(lengths, steps, x.device)

    @property
    def is_empty(self) -> bool:
        """Whether every sequence fills its row."""
        return all(length == self.steps for length in self.lengths)

    @cached_property
    def mask(self) -> Tensor:
        """(B, 1, T), true at the steps of a sequence and false behind it."""
        ends = torch.tensor(self.lengths, device=self.device)
        return (torch.arange(self.steps, device=self.device) < ends[:, None])[:, None]

    def zero(self, x: Tensor) -> Tensor:
        """x (B, C, T) with zeros behind each sequence."""
        return x if self.is_empty else x * self.mask

    def fill(self, x: Tensor, value: float) -> Tensor:
        """x (B, C, T) with `value` behind each sequence."""
        return x if self.is_empty else x.masked_fill(~self.mask, value)

    def each(self, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        """What a function that looks at whole sequences makes of each, zero behind them.

        Args:
            x: (B, C, T).
            function: sequences that fill their rows (b, C, t) to as many (b, C', t), each on its own.
        """
        if self.is_empty:
            return function(x)
        done = [F.pad(function(x[rows, :, :length]), (0, self.steps - length)) for length, rows in self._groups]
        return torch.cat(done)[self._ungrouped]

    @cached_property
    def _groups(self) -> list[tuple[int, list[int]]]:
        """Each length that occurs, with the rows of the sequences that have it."""
        rows = range(len(self.lengths))
        return [
            (length, [row for row in rows if self.lengths[row] == length]) for length in sorted(set(self.lengths))
        ]

    @cached_property
    def _ungrouped(self) -> Tensor:
        """Where in the order of the groups each row is."""
        order = [row for _, rows in self._groups for row in rows]
        return torch.tensor(order, device=self.device).argsort()

    def halved(self) -> "Padding":
        """The padding one level up, where every second step is kept, from the first on."""
        return Padding(tuple(half(n) for n in self.lengths), half(self.steps), self.device)


def half(length: int) -> int:
    """The steps that are left of `length` when every second one is kept, from the first on."""
    return (length + 1) // 2


@dataclass(frozen=True)
class Pyramid:
    """L levels of one batch; level l has one step where level 0 has 2^l.

    Attributes:
        levels: L tensors (B, C, T_l), zero behind each sequence, T_{l+1} = ceil(T_l / 2).
        paddings: L paddings, one a level.
    """

    levels: tuple[Tensor, ...]
    paddings: tuple[Padding, ...]

    def __len__(self) -> int:
        return len(self.levels)
