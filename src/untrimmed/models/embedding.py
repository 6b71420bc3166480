"""From features of any dimension to the width of the network."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.rows import Rows, Trunk
from untrimmed.models.sequences import Padding


class Embedding(nn.Module):
    """Two convolutions, each with layer normalisation and ReLU: P^0 (paper, "Encoder with GMG").

    Args:
        input_dim: D, the dimension of a feature vector.
        channels: C, the width of the network.
        kernel_size: steps that each convolution sees.
        layers: number of convolutions.
    """

    def __init__(self, input_dim: int, channels: int = 512, kernel_size: int = 3, layers: int = 2) -> None:
        super().__init__()
        self.gap = kernel_size // 2
        self.trunk = Trunk(input_dim, channels, kernel_size, layers)

    def forward(self, features: Tensor, padding: Padding) -> Tensor:
        """Features (B, T, D), whatever stands behind the sequences, to (B, C, T), zero there."""
        rows = Rows(padding.lengths, self.gap, features.device)
        table = rows.lay([row[:length] for row, length in zip(features, padding.lengths, strict=True)])
        embedded = [
            F.pad(sequence.t(), (0, padding.steps - len(sequence)))
            for sequence in rows.take(self.trunk(table, rows))
        ]
        return torch.stack(embedded)
