"""Ways to compute a convolution over a table of steps, at several widths, without and with its gradient.

    python benchmarks/convolution.py [--rounds N] [--threads N]

untrimmed/models/rows.py takes `convolve_in_pairs` where it is wide enough to pay, and otherwise `convolve`. Then
depth-wise ones with their gradient, as in training, where no two batches are equally long: models/layers.py takes
passes over memory for small tensors, and otherwise the library's.
"""

import itertools
from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import torch
import torch.nn.functional as F
from harness import measure, parser, print_table
from torch import Tensor

from untrimmed.memory import keep_freed_memory
from untrimmed.models import layers
from untrimmed.models.rows import RowConvolution, convolve, convolve_in_pairs

CPU = torch.device("cpu")
SHAPES = (
    (4620, 64, 64),
    (4620, 128, 128),
    (4620, 256, 256),
    (4620, 512, 512),
    (2304, 2048, 512),
    (4620, 512, 20),
)
#: Sequences, channels, steps, kernel.
DEPTHWISE = ((1, 64, 300, 3), (2, 64, 600, 3), (2, 128, 1200, 3), (2, 128, 1200, 11), (2, 512, 2304, 3))


def library(table: Tensor, weight: Tensor) -> Tensor:
    """PyTorch's convolution, given and giving a table; weight (outputs, inputs, 1, 3)."""
    return F.conv2d(table.t()[None, :, None], weight, padding=(0, 1))[0, :, 0].t()


def depthwise_rows(rounds: int) -> list[tuple[object, ...]]:
    """Depth-wise convolutions, forward and backward, each round of another length."""
    rows = []
    for batch, channels, steps, kernel_size in DEPTHWISE:
        weight = torch.randn(channels, kernel_size, requires_grad=True)
        bias = torch.zeros(channels, requires_grad=True)
        lengths = itertools.count(steps, -1)

        def way(in_passes: bool, weight: Tensor = weight, bias: Tensor = bias, batch: int = batch) -> None:
            x = torch.randn(batch, len(bias), next(lengths), requires_grad=True)  # noqa: B023
            with patch.object(layers, "_pays_in_passes", lambda _: in_passes):
                layers.convolve_depthwise([(x, weight)], bias).sum().backward()

        times = [measure(partial(way, in_passes), rounds, CPU).multiple for in_passes in (False, True)]
        rows.append((f"{batch} x {channels} x {steps}, kernel {kernel_size}", *times))
    return rows


def main() -> None:
    options = parser("Time convolutions of kernel 3 over tables of steps.", rounds=15).parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    rows = []
    for steps, inputs, outputs in SHAPES:
        torch.manual_seed(0)
        table = torch.randn(steps, inputs)
        layer = RowConvolution(inputs, outputs, 3, bias=False)
        weight = layer.weight.detach()
        images = weight.permute(2, 1, 0).unsqueeze(2).contiguous(memory_format=torch.channels_last)
        grown = images.clone().requires_grad_()
        leaf = table.clone().requires_grad_()
        ways: dict[str, Callable[[], object]] = {
            "torch": lambda table=table, images=images: library(table, images),
            "convolve": lambda table=table, weight=weight: convolve(table, weight),
            "in pairs": lambda table=table, weight=weight: convolve_in_pairs(table, weight),
            "torch, with gradient": lambda leaf=leaf, grown=grown: library(leaf, grown).sum().backward(),
            "convolve, with gradient": lambda leaf=leaf, layer=layer: layer(leaf).sum().backward(),
        }
        times = [measure(way, options.rounds, CPU).multiple for way in ways.values()]
        rows.append((f"{steps} x {inputs} to {outputs}", *times))
    print_table("matrix products, by the medians", ("shape", *ways), rows)
    title = "depth-wise with gradient, each round of another length: matrix products, by the medians"
    print_table(title, ("shape", "torch", "in passes"), depthwise_rows(options.rounds))


if __name__ == "__main__":
    main()
