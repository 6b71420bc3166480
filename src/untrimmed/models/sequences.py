"""Batches of sequences of unequal length, and the one rule that keeps each result its own.

Shape letters: B sequences, C channels, T steps, L levels.

A batch is (B, C, T) with each sequence at the start of its row and zeros behind it. Every block keeps that
invariant: it is given zeros in the padding and leaves zeros there. A convolution then sees at a sequence's
end what it would see if nothing followed; whatever looks across time in another way (pooling, statistics,
Fourier transforms) asks `Padding` where each sequence ends. So a prediction depends on its own sequence alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
    def of(cls, x: Tensor, lengths: "Padding | Sequence[int] | None") -> "Padding":
        """The padding of x (B, C, T), if it is not given; without `lengths` every sequence fills its row.

        Raises:
            ValueError: if there are not B lengths, or one is outside 1..T.
        """
        if isinstance(lengths, Padding):
            return lengths
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

    @property
    def spans(self) -> tuple[int, ...]:
        """The B numbers of steps that are computed: those of the sequences alone."""
        return self.lengths

    @property
    def spanned(self) -> Tensor:
        """(B, 1, T), true at the steps that are computed."""
        return self.mask

    def zero(self, x: Tensor) -> Tensor:
        """x (B, C, T) with zeros behind each sequence."""
        return x if self.is_empty else x * self.mask

    def zero_as_released(self, x: Tensor) -> Tensor:
        """x (B, C, T), which has zeros behind each sequence already; see `ReleasePadding`."""
        return x

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
        return replace(self, lengths=tuple(half(n) for n in self.lengths), steps=half(self.steps))


@dataclass(frozen=True)
class ReleasePadding(Padding):
    """Padding that takes part, as in the authors' releases.

    There, normalisation statistics, means, Fourier transforms and pooling take in whatever stands behind the end
    of a sequence, and only some operations write zeros there. So here what keeps sequences clean elsewhere does
    nothing (`zero`, `fill`, `each`), and zeros are written where the releases write them (`zero_as_released`).
    What comes out depends on the padded length: this is for weights that were trained so.

    Attributes:
        code_steps: steps for which a code of positions is held; longer sequences stretch it.
    """

    code_steps: int = 2304

    @property
    def spans(self) -> tuple[int, ...]:
        """Whole rows."""
        return (self.steps,) * len(self.lengths)

    @property
    def spanned(self) -> Tensor:
        """Everywhere."""
        return torch.ones_like(self.mask)

    def zero(self, x: Tensor) -> Tensor:
        """x as it is."""
        return x

    def zero_as_released(self, x: Tensor) -> Tensor:
        """x (B, C, T) with zeros behind each sequence."""
        return super().zero(x)

    def fill(self, x: Tensor, value: float) -> Tensor:
        """x as it is."""
        return x

    def each(self, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        """The function of the whole rows."""
        return function(x)


@dataclass(frozen=True)
class ReleaseLengths:
    """To what lengths the releases pad.

    Attributes:
        length: steps to which shorter sequences are padded, that of training.
        multiple: longer ones are padded to a multiple of this.
    """

    length: int = 2304
    multiple: int = 32

    def pad(self, features: Tensor, lengths: Sequence[int] | None) -> tuple[Tensor, ReleasePadding]:
        """Features (B, T, D) with zeros behind each sequence up to the length of the longest, padded alone."""
        own = Padding.of(features.mT, lengths)
        longest = max(own.lengths)
        steps = self.length if longest <= self.length else -(-longest // self.multiple) * self.multiple
        known = features[:, :longest].masked_fill(~own.mask[..., :longest].mT, 0.0)
        padding = ReleasePadding(own.lengths, steps, own.device, self.length)
        return F.pad(known, (0, 0, 0, steps - longest)), padding


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
