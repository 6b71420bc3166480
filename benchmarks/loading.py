"""How long a FeatureStore takes to read a sequence, whole or in part, from each format, and to open.

    python benchmarks/loading.py [--rounds N]

The files were just written, so the operating system has them in memory: this is the work of the readers, not
of the disk. A part is a crop of half of the steps from the middle. Each format is read in its own process.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from harness import (
    Timing,
    in_own_process,
    matrix_product_seconds,
    measure,
    parser,
    peak_memory_megabytes,
    print_table,
)
from numpy.typing import NDArray

from untrimmed.features.opening import open_features
from untrimmed.features.store import FeatureStore

FORMATS = (".npy", ".npz", ".pt", ".pkl", ".safetensors", ".h5")
OPENED_FILES = 50_000
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Case:
    """A sequence in a file, and how many steps of it are read."""

    extension: str
    steps: int
    dimension: int
    dtype: str
    read_steps: int

    @property
    def name(self) -> str:
        """The format and the part, for the table."""
        part = "whole" if self.read_steps == self.steps else f"{self.read_steps} of {self.steps} steps"
        return f"{self.extension}, {part}"


CASES = (
    *(Case(extension, 2304, 2048, "float32", read) for extension in FORMATS for read in (2304, 1152)),
    Case(".npy", 6000, 1024, "float16", 1152),
)


def write(path: Path, values: NDArray[np.floating]) -> None:
    """A feature file in the format that its extension names, uncompressed."""
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".npz":
        np.savez(path, feats=values)
    elif path.suffix == ".pt":
        torch.save(torch.from_numpy(values), path)
    elif path.suffix == ".pkl":
        path.write_bytes(pickle.dumps(values))
    elif path.suffix == ".safetensors":
        from safetensors.numpy import save_file

        save_file({"feats": values}, path)
    else:
        import h5py

        with h5py.File(path, "w") as file:
            file["feats"] = values


def opened(folder: Path) -> FeatureStore:
    return open_features(folder, fps=30, stride=4, window=16)


def timed(function: Callable[[], object], rounds: int) -> tuple[Timing, float, float]:
    """The timing of a function, and the peak memory of this process before it and at the end."""
    matrix_product_seconds(CPU)  # so that its memory is not taken for that of the function
    before = peak_memory_megabytes(CPU)
    timing = measure(function, rounds, CPU)
    return timing, before, peak_memory_megabytes(CPU)


def run_case(case: Case, folder: Path, rounds: int, threads: int) -> tuple[Timing, float, float]:
    torch.set_num_threads(threads)
    start = (case.steps - case.read_steps) // 2
    return timed(partial(opened(folder).read, "video", start, start + case.read_steps), rounds)


def run_opening(folder: Path, rounds: int, threads: int) -> tuple[Timing, float, float]:
    torch.set_num_threads(threads)
    return timed(lambda: len(opened(folder)), rounds)


def reading_row(case: Case, rounds: int, threads: int) -> tuple[object, ...]:
    values = np.random.default_rng(0).standard_normal((case.steps, case.dimension)).astype(case.dtype)
    with TemporaryDirectory() as name:
        write(Path(name) / f"video{case.extension}", values)
        timing, before, after = in_own_process(run_case, case, Path(name), rounds, threads)
    read_megabytes = case.read_steps * case.dimension * values.itemsize / 1e6
    return (
        case.name,
        f"{case.dimension} {case.dtype}",
        timing.median * 1e3,
        timing.minimum * 1e3,
        read_megabytes / timing.median,
        timing.multiple,
        after,
        after - before,
    )


def opening_row(rounds: int, threads: int) -> tuple[object, ...]:
    with TemporaryDirectory() as name:
        for number in range(OPENED_FILES):
            (Path(name) / f"video_{number:06d}.npy").touch()
        timing, before, after = in_own_process(run_opening, Path(name), rounds, threads)
    return (
        f"{OPENED_FILES} files",
        timing.median * 1e3,
        timing.minimum * 1e3,
        timing.multiple,
        after,
        after - before,
    )


def main() -> None:
    options = parser("Time the reading of features.", rounds=15).parse_args()
    torch.set_num_threads(options.threads)
    time = ("median ms", "min ms")
    memory = ("matrix products", "peak MB", "of it reading")
    print_table(
        "FeatureStore.read, by format",
        ("format and part", "D", *time, "MB/s", *memory),
        [reading_row(case, options.rounds, options.threads) for case in CASES],
    )
    print_table(
        "open_features and its ids, empty files",
        ("folder", *time, *memory),
        [opening_row(options.rounds, options.threads)],
    )


if __name__ == "__main__":
    main()
