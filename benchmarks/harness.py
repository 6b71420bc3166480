"""What the benchmarks share: timing in rounds, a unit of time that travels between machines, memory, tables.

Seconds depend on the machine and on what else it does. So every round also times the product of two
2048 x 2048 float32 matrices, right before the function, and a benchmark's result is a multiple of that.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import ParamSpec, TypeVar

import torch

MATRIX_SIZE = 2048

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Timing:
    """Seconds of a function over several rounds.

    Attributes:
        median, minimum: of the function.
        matrix_product: median of the 2048 x 2048 x 2048 float32 matrix product, timed in the same rounds.
    """

    median: float
    minimum: float
    matrix_product: float

    @property
    def multiple(self) -> float:
        """How many matrix products take as long as the function, by the medians."""
        return self.median / self.matrix_product


def parser(description: str, *, rounds: int = 5) -> argparse.ArgumentParser:
    """The command-line options that every benchmark has: --rounds and --threads."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--rounds", type=int, default=rounds, help="times that each case is run (%(default)s)")
    options.add_argument("--threads", type=int, default=2, help="threads of torch (%(default)s)")
    return options


def add_device_option(options: argparse.ArgumentParser) -> None:
    """The option --device, whose value comes as a torch.device."""
    options.add_argument("--device", type=device, default="cpu", help="cpu, cuda or cuda:N (%(default)s)")


def device(name: str) -> torch.device:
    """The device of this name; argparse shows the message if there is none here."""
    try:
        chosen = torch.device(name)
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"{name} is no device, give cpu, cuda or cuda:N") from error
    if chosen.type not in ("cpu", "cuda"):
        raise argparse.ArgumentTypeError(f"{name} cannot be measured, give cpu, cuda or cuda:N")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise argparse.ArgumentTypeError(f"{name} is not there: torch sees {torch.cuda.device_count()} GPUs")
    return chosen


def seconds(function: Callable[[], object], device: torch.device) -> float:
    """Seconds of one call, until the device has finished what the call began."""
    synchronize(device)
    begin = time.perf_counter()
    function()
    synchronize(device)
    return time.perf_counter() - begin


def synchronize(device: torch.device) -> None:
    """Wait until the device has nothing left to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def matrix_product_seconds(device: torch.device) -> float:
    """Seconds of one 2048 x 2048 x 2048 float32 matrix product."""
    left, right, out = _matrices(device)
    return seconds(lambda: torch.mm(left, right, out=out), device)


def measure(function: Callable[[], object], rounds: int, device: torch.device) -> Timing:
    """Time a function over several rounds, each after a matrix product, and all after one to warm up."""
    matrix_product_seconds(device)
    seconds(function, device)
    products, times = [], []
    for _ in range(rounds):
        products.append(matrix_product_seconds(device))
        times.append(seconds(function, device))
    return Timing(median(times), min(times), median(products))


def reset_peak_memory(device: torch.device) -> None:
    """Forget the GPU's peak so far. A process cannot forget its own: use `in_own_process`."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory_megabytes(device: torch.device) -> float:
    """The most memory in use at once so far: by tensors on the GPU, or by this process (10^6 bytes)."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def in_own_process(
    function: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """What a function of a module returns, run in a fresh process, so that its peak memory is its own."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print the conditions and a table; numbers to three significant digits and to the right."""
    print(f"\n{title}\n{conditions()}\n")
    cells = [list(columns), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join([first.strip().ljust(widths[0]), *others]))


def conditions() -> str:
    """The processor, the threads and torch's version, for whoever reads a table later."""
    cpu_info = Path("/proc/cpuinfo")
    lines = cpu_info.read_text().splitlines() if cpu_info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return ", ".join(
        [
            f"{len(names)} x {names[0]}" if names else sys.platform,
            *gpus,
            f"{torch.get_num_threads()} threads",
            f"torch {torch.__version__}",
        ]
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)


@cache
def _matrices(device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    shape = (MATRIX_SIZE, MATRIX_SIZE)
    return (
        torch.rand(shape, device=device),
        torch.rand(shape, device=device),
        torch.empty(shape, device=device),
    )
