"""What sees the whole sequence in place of the spectral filter, to compare with (paper, Table 8).

Shape letters: B sequences, C channels, T steps.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.layers import linear
from untrimmed.models.sequences import Padding


class SelfAttention(nn.Module):
    """Every step attends to all steps of its sequence (Vaswani et al. 2017, section 3.2).

    Each sequence is attended to alone, so that no mask is needed and none of its steps sees the padding.

    Args:
        channels: C.
        heads: into which the channels are divided.
    """

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(f"{channels} channels do not divide into {heads} heads")
        self.heads = heads
        self.into = linear(channels, 3 * channels)
        self.out = linear(channels, channels)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, C, T) to the same, zero behind the sequences."""
        return padding.each(x, self._attended)

    def _attended(self, x: Tensor) -> Tensor:
        """As `forward`, of sequences that all fill their rows."""
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.into(x.mT).chunk(3, dim=2)
        )
        heads = F.scaled_dot_product_attention(query, key, value)
        attended: Tensor = self.out(heads.transpose(1, 2).flatten(2))
        return attended.mT
