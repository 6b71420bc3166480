"""From features of any dimension to the width of the network."""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.layers import ChannelNorm, Convolution
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
        widths = [input_dim] + [channels] * layers
        # The norm subtracts the mean that a bias would add, so the convolutions have none.
        self.convolutions = nn.ModuleList(
            Convolution(inputs, outputs, kernel_size, bias=False) for inputs, outputs in pairwise(widths)
        )
        self.norms = nn.ModuleList(ChannelNorm(channels) for _ in range(layers))

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, D, T) to (B, C, T)."""
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = padding.zero(F.relu(norm(convolution(x))))
        return x
