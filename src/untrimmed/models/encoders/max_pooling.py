"""The encoder of TemporalMaxer (Tang et al. 2023, section 3.2): max pooling, and nothing that is learned.

Shape letters: B sequences, C channels, T steps, L levels.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from untrimmed.models.encoders.climbing import climb
from untrimmed.models.layers import MaxPool
from untrimmed.models.sequences import Padding, Pyramid


class MaxPoolingEncoder(nn.Module):
    """A pyramid whose level 0 is the embedding, and each further level the maxima of the one below.

    Args:
        levels: L.

    Raises:
        ValueError: there is no level.
    """

    def __init__(self, levels: int = 6) -> None:
        super().__init__()
        if levels < 1:
            raise ValueError(f"a pyramid needs at least one level, not {levels}")
        self.levels = levels
        self.pool = MaxPool()

    def forward(self, x: Tensor, lengths: Padding | Sequence[int] | None = None) -> Pyramid:
        """Embedded features (B, C, T), zero behind each sequence, and their lengths to L levels."""
        return climb(x, Padding.of(x, lengths), [self._ascend] * (self.levels - 1))

    def _ascend(self, x: Tensor, padding: Padding) -> Tensor:
        """Every second step."""
        return padding.halved().zero_as_released(self.pool(x, padding))
