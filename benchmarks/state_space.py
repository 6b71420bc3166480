"""Ways to run a state space over a sequence, without and with its gradient.

    python benchmarks/state_space.py [--rounds N] [--threads N] [--steps T] [--device cuda]

A step at a time, as the recurrence is written; the scan of `mamba`; the products of matrices of `ssd`, whose
decay is one for all channels of a head. One direction, one block of an encoder of the given length.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from harness import add_device_option, measure, parser, print_table
from torch import Tensor

from untrimmed.memory import keep_freed_memory
from untrimmed.models.encoders.selective_scan import selective_scan
from untrimmed.models.encoders.ssd import head_scan

BATCH, CHANNELS, STATES, HEAD_CHANNELS = 2, 512, 16, 64
HEADS = CHANNELS // HEAD_CHANNELS


def step_loop(x: Tensor, delta: Tensor, rates: Tensor, inward: Tensor, outward: Tensor) -> Tensor:
    """As `selective_scan`, one step after another."""
    state = x.new_zeros(len(x), *rates.shape)
    read = []
    for step in range(x.shape[1]):
        fed = (delta[:, step] * x[:, step])[..., None] * inward[:, step, None]
        state = torch.exp(delta[:, step, :, None] * rates) * state + fed
        read.append((state @ outward[:, step, :, None])[..., 0])
    return torch.stack(read, dim=1)


def inputs(steps: int, device: torch.device) -> list[Tensor]:
    """Those of `selective_scan`, of sizes that occur at the start of training."""
    x = torch.randn(BATCH, steps, CHANNELS)
    delta = F.softplus(torch.randn(BATCH, steps, CHANNELS) - 4)
    rates = -torch.arange(1.0, STATES + 1).repeat(CHANNELS, 1)
    inward, outward = torch.randn(2, BATCH, steps, STATES)
    return [tensor.to(device) for tensor in (x, delta, rates, inward, outward)]


def of_heads(tensors: Sequence[Tensor], states: int) -> list[Tensor]:
    """Those of `head_scan`."""
    x, delta, rates, inward, outward = tensors
    wider = (inward.repeat(1, 1, states // STATES), outward.repeat(1, 1, states // STATES))
    return [x.unflatten(2, (HEADS, HEAD_CHANNELS)), delta[..., :HEADS], rates[:HEADS, 0], *wider]


def learning(function: Callable[..., Tensor], tensors: Sequence[Tensor]) -> Callable[[], object]:
    """The function and its gradient."""
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    return lambda: torch.autograd.grad(function(*leaves).sum(), leaves)


def only(function: Callable[..., Tensor], tensors: Sequence[Tensor]) -> Callable[[], object]:
    """The function."""

    def run() -> None:
        with torch.no_grad():
            function(*tensors)

    return run


def main() -> None:
    options = parser("Time state spaces over sequences.", rounds=3)
    options.add_argument("--steps", type=int, default=2304, help="T (%(default)s)")
    add_device_option(options)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    keep_freed_memory()
    torch.manual_seed(0)
    tensors = inputs(chosen.steps, chosen.device)
    ways = {
        "step loop, 16 states": (step_loop, tensors),
        "mamba, 16 states": (selective_scan, tensors),
        "ssd, 16 states": (head_scan, of_heads(tensors, 16)),
        "ssd, 64 states": (head_scan, of_heads(tensors, 64)),
    }
    rows = []
    for name, (function, given) in ways.items():
        row: list[object] = [name]
        for way in (only(function, given), learning(function, given)):
            timing = measure(way, chosen.rounds, chosen.device)
            row += [timing.median, timing.multiple]
        rows.append(row)
    columns = ("way", "forward, s", "in matrix products", "with gradient, s", "in matrix products")
    print_table(f"batch {BATCH}, {chosen.steps} steps, width {CHANNELS}", columns, rows)


if __name__ == "__main__":
    main()
