"""How long `evaluate` takes, for made-up detections of the size of THUMOS14 and of ActivityNet.

    python benchmarks/evaluation.py [--rounds N]

Half of the detections lie near a ground truth and have its class, the others lie anywhere and have any class;
they come in no order. The last case is one crowded video, where all detections compete for the same segments.
"""

from dataclasses import dataclass
from functools import partial

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

from untrimmed.annotations.annotations import Annotations, Segments, Videos
from untrimmed.detection.detections import Detections
from untrimmed.evaluation.evaluator import evaluate

VIDEO_SECONDS = 200.0


@dataclass(frozen=True)
class Case:
    """A size of the task: detections and action instances are a video's."""

    name: str
    videos: int
    detections: int
    instances: int
    classes: int
    tiou_thresholds: tuple[float, ...]


CASES = (
    Case("like THUMOS14", 200, 200, 15, 20, tuple(np.linspace(0.3, 0.7, 5))),
    Case("like ActivityNet", 5000, 100, 2, 200, tuple(np.linspace(0.5, 0.95, 10))),
    Case("one crowded video", 1, 10_000, 200, 1, tuple(np.linspace(0.3, 0.7, 5))),
)


def made_up(case: Case) -> tuple[Detections, Annotations]:
    """Detections and ground truth of this size, the same in every run."""
    random = np.random.default_rng(0)
    n_segments, n_detections = case.videos * case.instances, case.videos * case.detections
    start = random.uniform(0, VIDEO_SECONDS - 20, n_segments)
    segments = Segments(
        video=np.repeat(np.arange(case.videos), case.instances),
        start_seconds=start,
        end_seconds=start + random.uniform(1, 20, n_segments),
        label=random.integers(0, case.classes, n_segments),
    )
    ids = tuple(f"video {number}" for number in range(case.videos))
    unknown = np.full(case.videos, np.nan)
    videos = Videos(ids, np.full(case.videos, VIDEO_SECONDS), unknown, ("test",) * case.videos)
    classes = tuple(f"class {number}" for number in range(case.classes))

    video = random.permutation(np.repeat(np.arange(case.videos), case.detections))
    target = video * case.instances + random.integers(0, case.instances, n_detections)
    near = random.random(n_detections) < 0.5
    jitter = random.normal(0, 1.5, (2, n_detections))
    anywhere = random.uniform(0, VIDEO_SECONDS - 20, n_detections)
    found_start = np.where(near, segments.start_seconds[target] + jitter[0], anywhere)
    found_end = np.where(near, segments.end_seconds[target] + jitter[1], anywhere + 10)
    detections = Detections(
        classes=classes,
        video_ids=ids,
        video=video,
        start_seconds=found_start,
        end_seconds=np.maximum(found_end, found_start + 0.1),
        label=np.where(near, segments.label[target], random.integers(0, case.classes, n_detections)),
        score=random.random(n_detections),
    )
    return detections, Annotations(classes, videos, segments)


def run(case: Case, rounds: int, threads: int) -> tuple[Timing, float, float]:
    """The timing of a case, and the peak memory of its process with its input alone and at the end."""
    torch.set_num_threads(threads)
    device = torch.device("cpu")
    detections, annotations = made_up(case)
    matrix_product_seconds(device)  # so that its memory is not taken for that of evaluate
    before = peak_memory_megabytes(device)
    thresholds = np.array(case.tiou_thresholds)
    timing = measure(partial(evaluate, detections, annotations, tiou_thresholds=thresholds), rounds, device)
    return timing, before, peak_memory_megabytes(device)


def main() -> None:
    options = parser("Time the evaluation of detections.").parse_args()
    torch.set_num_threads(options.threads)
    rows = []
    for case in CASES:
        timing, before, after = in_own_process(run, case, options.rounds, options.threads)
        size = f"{case.videos} x {case.detections} x {case.classes} x {len(case.tiou_thresholds)}"
        rows.append((case.name, size, timing.median, timing.minimum, timing.multiple, after, after - before))
    print_table(
        "evaluate: videos x detections of each x classes x tIoU thresholds",
        ("case", "size", "median s", "min s", "matrix products", "peak MB", "of it evaluate"),
        rows,
    )


if __name__ == "__main__":
    main()
