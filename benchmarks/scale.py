"""What data sets of the size of ActivityNet and HACS cost: opening, an epoch's loading, detection, evaluation.

    python benchmarks/scale.py [--share 1.0] [--workers 0] [--folder DIR] [--only NAME]

Every video has a .npy file of its real kind and length, but a sparse one: it holds zeros that take no room on the
disk, so this is the work of the program and of the memory, not of a disk. The network is narrow, since what a
network costs is measured elsewhere (inference.py, training.py). Each case is run with a tenth of the videos and
with all: the time a video and the peak memory of the one are to be those of the other, but for the index (names,
durations, segments) and, in evaluation, the detections themselves. Detection also fills caches of the numerical
libraries, which keep a kernel for each length of a sequence up to some number of them.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from harness import in_own_process, matrix_product_seconds, peak_memory_megabytes, print_table

from untrimmed.annotations.formats import read_annotations
from untrimmed.checkpoint import Checkpoint, save_checkpoint
from untrimmed.config import Recipe
from untrimmed.detection.detecting import detect_to_file
from untrimmed.detection.inputs import open_inputs
from untrimmed.detection.loading import load
from untrimmed.detection.result_files import read_detections
from untrimmed.evaluation.evaluator import evaluate
from untrimmed.evaluation.thresholds import parse_tiou
from untrimmed.memory import keep_freed_memory
from untrimmed.models.build import build_detector
from untrimmed.recipes.loading import load_recipe
from untrimmed.training.fit import assemble
from untrimmed.training.preparation import prepare
from untrimmed.training.stream import Loader, Share, steps_per_epoch

CPU = torch.device("cpu")
CLASSES = 200


@dataclass(frozen=True)
class Case:
    """A data set: how many videos, how long they are in seconds, and the recipe for it."""

    name: str
    recipe: str
    videos: int
    mean_seconds: float


CASES = (
    Case("like ActivityNet, 512 values, 192 steps", "activitynet-tsp", 15_000, 117.0),
    Case("like HACS, 2304 values, varied length", "hacs-slowfast", 50_000, 156.0),
)


@dataclass(frozen=True)
class Cost:
    """Seconds of a part, the videos it went through, and the peak memory of its process before it and after."""

    seconds: float
    videos: int
    before_megabytes: float
    peak_megabytes: float


def write_data(case: Case, videos: int, folder: Path) -> None:
    """Annotations and sparse feature files of this many videos."""
    random = np.random.default_rng(0)
    recipe = recipe_of(case, folder)
    data = recipe.data
    assert data.fps is not None
    assert data.stride is not None
    assert data.window is not None
    (folder / "features").mkdir()
    database = {}
    for number in range(videos):
        duration = float(random.uniform(0.2, 1.8) * case.mean_seconds)
        starts = np.sort(random.uniform(0, 0.8 * duration, random.integers(1, 4)))
        steps = max(int((duration * data.fps - data.window) // data.stride) + 1, 1)
        name = str(data.pattern).replace("{video}", f"video_{number:06d}")
        shape = (steps, data.dimension)
        np.lib.format.open_memmap(folder / "features" / f"{name}.npy", "w+", np.float32, shape)  # sparse
        database[f"video_{number:06d}"] = {
            "subset": "training",
            "duration": duration,
            "annotations": [
                {
                    "segment": [float(start), float(start + random.uniform(1, 0.2 * duration))],
                    "label": f"class {random.integers(CLASSES):03d}",
                }
                for start in starts
            ],
        }
    (folder / "annotations.json").write_text(json.dumps({"database": database}))


def recipe_of(case: Case, folder: Path) -> Recipe:
    """The recipe of a case, with a narrow network, on the data in a folder."""
    return load_recipe(
        case.recipe,
        [
            f"data.annotations={folder / 'annotations.json'}",
            f"data.features={folder / 'features'}",
            "data.check_values=false",
            "data.class_agnostic=false",
            "detection.video_scores=null",
            "detection.suppression.per_class=true",
            "detection.suppression.voting_tiou=null",
            # As few as a trained network finds; one with random weights would find some in every step.
            "detection.candidates_per_level=50",
            "detection.suppression.max_detections=100",
            "model.channels=16",
            "model.encoder.hidden=16",
            "model.decoder.head_channels=16",
        ],
    )


def measured(work: Callable[[], int]) -> Cost:
    """What `work`, which tells how many videos it went through, costs in this process, set up as a command's."""
    keep_freed_memory()
    matrix_product_seconds(CPU)  # so that its memory is not taken for that of the work
    before = peak_memory_megabytes(CPU)
    begin = time.perf_counter()
    videos = work()
    return Cost(time.perf_counter() - begin, videos, before, peak_memory_megabytes(CPU))


def opening(case: Case, folder: Path, workers: int) -> Cost:
    """Annotations read, the folder listed, every header looked at: all that comes before the first step."""
    recipe = recipe_of(case, folder)
    return measured(lambda: len(prepare(recipe.data).training.videos))


def loading(case: Case, folder: Path, workers: int) -> Cost:
    """The batches of one epoch, as training gets them."""
    recipe = recipe_of(case, folder)
    material = prepare(recipe.data)
    module = assemble(recipe, material)
    size = recipe.training.batch_size
    share = Share(0, steps_per_epoch(len(material.training.videos), size), size)

    def epoch() -> int:
        return sum(len(batch.lengths) for batch in Loader(module.stream, share, workers))

    return measured(epoch)


def detection(case: Case, folder: Path, workers: int) -> Cost:
    """What `untrimmed detect` does with all videos, the file of detections included."""
    recipe = recipe_of(case, folder)
    annotations = read_annotations(recipe.data.annotations)
    dimension = recipe.data.dimension
    assert dimension is not None
    model = folder / "model.safetensors"
    detector = build_detector(recipe.model, input_dim=dimension, classes=len(annotations.classes))
    save_checkpoint(Checkpoint(detector, recipe, annotations.classes, dimension), model)
    localizer = load(model, "cpu")
    inputs, _ = open_inputs([folder / "features"], localizer.features, annotations)
    return measured(lambda: len(detect_to_file(localizer, inputs, folder / "detections.json").found))


def evaluation(case: Case, folder: Path, workers: int) -> Cost:
    """What `untrimmed evaluate` does with these detections."""

    def judge() -> int:
        annotations = read_annotations(folder / "annotations.json", as_written=True)
        detections = read_detections(folder / "detections.json")
        return evaluate(detections, annotations, tiou_thresholds=parse_tiou("0.5:0.95:0.05")).n_videos

    return measured(judge)


PARTS = (opening, loading, detection, evaluation)


def rows(case: Case, videos: int, workers: int, folder: Path | None) -> list[Sequence[object]]:
    """A row a part."""
    found: list[Sequence[object]] = []
    with TemporaryDirectory(dir=folder) as name:
        write_data(case, videos, Path(name))
        for part in PARTS:
            cost = in_own_process(part, case, Path(name), workers)
            found.append(
                (
                    part.__name__,
                    cost.videos,
                    cost.seconds,
                    1e3 * cost.seconds / max(cost.videos, 1),
                    cost.videos / cost.seconds,
                    cost.peak_megabytes,
                    cost.peak_megabytes - cost.before_megabytes,
                )
            )
    return found


def main() -> None:
    options = argparse.ArgumentParser(description="Run data sets of many videos through every part.")
    options.add_argument("--share", type=float, default=1.0, help="of the videos (%(default)s)")
    options.add_argument("--workers", type=int, default=0, help="processes that load (%(default)s)")
    options.add_argument("--folder", type=Path, help="where to write the data for the time being")
    options.add_argument("--only", default="", help="cases whose name holds this")
    given = options.parse_args()
    for case in CASES:
        if given.only not in case.name:
            continue
        for share in (0.1 * given.share, given.share):
            videos = round(case.videos * share)
            print_table(
                f"{case.name}: {videos} videos",
                ("part", "videos", "s", "ms a video", "videos/s", "peak MB", "of it the part"),
                rows(case, videos, given.workers, given.folder),
            )


if __name__ == "__main__":
    main()
