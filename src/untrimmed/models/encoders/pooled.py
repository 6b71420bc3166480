"""Encoders that are blocks, with max pooling between their levels.

Shape letters: B sequences, C channels, T steps, L levels.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from torch import Tensor, nn

from untrimmed.models.encoders.climbing import climb
from untrimmed.models.layers import MaxPool
from untrimmed.models.sequences import Padding, Pyramid

#: x (B, C, T) and a branch of a block, of the same shape, to their sum.
Addition = Callable[[Tensor, Tensor], Tensor]


class PooledEncoder(nn.Module):
    """The first blocks work at full length; each further level halves the one below and adds a block.

    Args:
        stem: blocks of level 0; each takes x (B, C, T) and its padding to the same.
        branch: the same of levels 1 to L - 1.
    """

    def __init__(self, stem: Iterable[nn.Module], branch: Iterable[nn.Module]) -> None:
        super().__init__()
        self.stem = nn.ModuleList(stem)
        self.branch = nn.ModuleList(branch)
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
