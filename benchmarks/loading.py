"""How long a FeatureStore takes to read a sequence, whole or in part, in each format; to open; to feed training.

    python benchmarks/loading.py [--rounds N]

The files were just written, so the operating system has them in memory: this is the work of the readers, not
of the disk. A part is a crop of half of the steps from the middle. Each format is read in its own process. The
last table makes batches for training as one loader process does, and says how many such processes hold five times
the rate that a GPU with 30 steps a second at a batch of 2 consumes.
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

from untrimmed.annotations.annotations import Annotations, Segments, Videos
from untrimmed.features.opening import open_features
from untrimmed.features.store import FeatureStore
from untrimmed.training.samples import Cropping, TrainingVideos
from untrimmed.training.stream import Stream, collate

FORMATS = (".npy", ".npz", ".pt", ".pkl", ".safetensors", ".h5")
OPENED_FILES = 50_000
BATCH = 2
#: Samples a second: five times what 30 steps of a batch consume.
NEEDED_RATE = 5 * 30 * BATCH
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


#: Recipe, steps, dimension and type of the files that batches are made of; the first is the largest recipe.
BATCHES = (
    ("thumos14-internvideo2", 2304, 3200, "float32"),
    ("thumos14-internvideo2", 2304, 3200, "float16"),
    ("thumos14-i3d", 2304, 2048, "float32"),
    ("hacs-slowfast", 292, 2304, "float32"),
    ("activitynet-tsp", 110, 512, "float32"),
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


def run_batches(folder: Path, rounds: int, threads: int) -> tuple[Timing, float, float]:
    torch.set_num_threads(threads)
    ids = tuple(sorted(path.stem for path in folder.iterdir()))
    count = len(ids)
    videos = Videos(ids, np.full(count, np.nan), np.full(count, np.nan), ("",) * count)
    segments = Segments(np.arange(count), np.full(count, 5.0), np.full(count, 9.0), np.zeros(count, np.int64))
    annotations = Annotations(("action",), videos, segments)
    stream = Stream(TrainingVideos(opened(folder), annotations, Cropping(2304)), seed=0)
    return timed(lambda: collate([stream[position] for position in range(BATCH)]), rounds)


def batch_row(
    recipe: str, steps: int, dimension: int, dtype: str, rounds: int, threads: int
) -> tuple[object, ...]:
    random = np.random.default_rng(0)
    with TemporaryDirectory() as name:
        for number in range(2 * BATCH):
            values = random.standard_normal((steps, dimension), dtype=np.float32).astype(dtype)
            np.save(Path(name) / f"video_{number}.npy", values)
        timing, before, after = in_own_process(run_batches, Path(name), rounds, threads)
    rate = BATCH / timing.median
    return (
        recipe,
        f"{steps} x {dimension} {dtype}",
        timing.median / BATCH * 1e3,
        rate,
        NEEDED_RATE / rate,
        timing.multiple / BATCH,
        after,
        after - before,
    )


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
    print_table(
        f"batches of {BATCH} for training, by one process; needed: {NEEDED_RATE} samples a second",
        ("recipe", "a sample", "ms", "samples/s", "processes needed", *memory),
        [batch_row(*case, options.rounds, options.threads) for case in BATCHES],
    )


if __name__ == "__main__":
    main()
