"""The encoder of ActionMamba (Chen et al. 2024, section 3.3, "DBM"): selective state spaces in both directions.

Shape letters: B sequences, C channels, T steps, N states of a channel, R rank of the step lengths.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.encoders.selective_scan import selective_scan
from untrimmed.models.encoders.state_space import StateSpaceBlock, StateSpaceEncoder

#: Between which the lengths of steps start, and the least.
FIRST_STEPS = (1e-3, 1e-1)
LEAST_STEP = 1e-4


class MambaEncoder(StateSpaceEncoder):
    """A pyramid whose every level sees the whole sequence through selective state spaces.

    Args:
        channels: C.
        levels: L.
        stem_blocks: blocks at level 0.
        states: N.
        window: steps, up to its own, that the convolution before the scan sees.
        drop_path: probability of leaving out the mixing of a block in training.
        layer_scale: initial factor of the mixing of each block.
    """

    def __init__(
        self,
        channels: int = 512,
        levels: int = 6,
        *,
        stem_blocks: int = 2,
        states: int = 16,
        window: int = 4,
        drop_path: float = 0.3,
        layer_scale: float = 1.0,
    ) -> None:
        def block() -> nn.Module:
            recurrence = SelectiveRecurrence(channels, states)
            return StateSpaceBlock(
                channels, recurrence, window=window, drop_path=drop_path, layer_scale=layer_scale
            )

        super().__init__(levels, block, stem_blocks=stem_blocks)


class SelectiveRecurrence(nn.Module):
    """N states a channel, each with a decay of its own, which every step writes to and reads from as it selects
    (Gu and Dao 2024, section 3.2).

    Args:
        channels: C.
        states: N.
    """

    def __init__(self, channels: int, states: int) -> None:
        super().__init__()
        rank = math.ceil(channels / 16)
        self.sizes = (rank, states, states)
        #: To the step lengths' factors, then what is written to the states, then what is read from them.
        self.select = nn.Linear(channels, sum(self.sizes), bias=False)
        self.step = nn.Linear(rank, channels)
        nn.init.uniform_(self.step.weight, -(rank**-0.5), rank**-0.5)
        self.step.bias = nn.Parameter(bias_of_steps(channels))
        self.log_rate = nn.Parameter(torch.arange(1.0, states + 1).log().repeat(channels, 1))
        self.skip = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) to the same, in float32 at least."""
        factors, inward, outward = self.select(x).split(self.sizes, dim=2)
        delta = F.softplus(self.step(factors).float())
        y = selective_scan(x, delta, -self.log_rate.float().exp(), inward, outward)
        return torch.addcmul(y, x.float(), self.skip.float())


def bias_of_steps(count: int) -> Tensor:
    """(count,), the values of which softplus makes step lengths that are even in their logarithms."""
    least, most = FIRST_STEPS
    lengths = torch.empty(count).uniform_(math.log(least), math.log(most)).exp().clamp(min=LEAST_STEP)
    # The inverse of softplus: log(exp(d) - 1).
    return lengths + torch.log(-torch.expm1(-lengths))
