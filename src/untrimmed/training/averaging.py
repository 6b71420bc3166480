"""The exponential moving average of the weights, which is what a trained model consists of."""

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor

Module = TypeVar("Module", bound=pl.LightningModule)


class WarmAverage(WeightAveraging):
    """An average whose memory grows with the run, so that it also serves runs of few steps.

    After n updates a new value counts 1 - min(decay, (1 + n) / (10 + n)): at first the average is that of
    about the last tenth of the steps, and only later of the last 1 / (1 - decay). An average that always
    remembers 1000 steps would still hold the random start after a run of 500.

    Args:
        decay: in [0, 1); 0 keeps the last weights.
    """

    def __init__(self, decay: float) -> None:
        # Not a function in here: what a process is started with must be picklable.
        super().__init__(use_buffers=False, multi_avg_fn=partial(_move, decay))

    def averaged(self, module: Module) -> Module:
        """The module with the averaged weights."""
        if self._average_model is None:
            return module
        average = self._average_model.module
        assert isinstance(average, type(module))
        return average


def _move(decay: float, averages: Sequence[Tensor], values: Sequence[Tensor], count: Tensor | int) -> None:
    """Move averages of `count` values towards the next ones."""
    updates = int(count)
    weight = 1 - min(decay, (1 + updates) / (10 + updates))
    torch._foreach_lerp_(list(averages), list(values), weight)
