"""The optimiser and its learning rate."""

import math
from collections.abc import Callable

from torch import nn
from torch.optim import AdamW


def optimizer(model: nn.Module, *, learning_rate: float, weight_decay: float) -> AdamW:
    """AdamW that decays the weights of linear and convolutional layers alone.

    Biases, the scales and shifts of norms, and the other parameters with one value a channel are left free:
    pulling them to zero would switch off what they scale.
    """
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        one_a_channel = parameter.ndim <= 1 or name.endswith("bias")
        (free if one_a_channel else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]
    return AdamW(groups, lr=learning_rate)


def warmup_cosine(warmup: int, total: int, final: float) -> Callable[[int], float]:
    """The factor of the learning rate at each step.

    It grows linearly over `warmup` steps to 1 and then falls to `final` along half a cosine until `total`.
    """

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        progress = min((step - warmup) / max(total - warmup, 1), 1.0)
        return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))

    return factor
