"""Dropout whose draws belong to the sequence.

Shape letters: B sequences, C channels, T steps.
"""

import torch
from torch import Tensor, nn

from untrimmed.models.sequences import Padding


class Dropout(nn.Module):
    """Sets single values to zero in training (Srivastava et al. 2014), and divides the others by what is left.

    What is drawn for a sequence depends neither on its padding nor on how a batch is split over processes.

    Args:
        drop: probability, in [0, 1).
    """

    def __init__(self, drop: float) -> None:
        super().__init__()
        self.drop = drop
        #: Which part of the whole batch this process holds; see `layers.ResidualPath`.
        self.share = (0, 1)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, T, C) to the same; what stands behind the sequences stays."""
        if not self.training or self.drop == 0:
            return x
        rank, processes = self.share
        batch = len(x)
        # One number for each sequence of the whole batch, which all processes draw; the rest follows from that.
        seeds = torch.randint(2**62, (processes * batch,))[rank * batch : (rank + 1) * batch]
        factors = torch.ones_like(x)
        for row, seed, span in zip(factors, seeds.tolist(), padding.spans, strict=True):
            generator = torch.Generator(x.device).manual_seed(seed)
            kept = torch.rand(span, x.shape[2], generator=generator, device=x.device) >= self.drop
            row[:span] = kept / (1 - self.drop)
        return x * factors
