"""Features of a real data set's dimension and lengths, planted from its annotations, for runs at full size.

    python benchmarks/planted_features.py ANNOTATIONS OUT [--videos N] [--stride 4] [--window 16]

Noise, plus a direction of its own for each class while an action of that class lasts. Written for the first
N videos of each subset, so that training, detection and evaluation run as they would on the real features. What
they then score says nothing: the task is easy on purpose.
"""

import argparse
from pathlib import Path

import numpy as np

from untrimmed.annotations.formats import read_annotations
from untrimmed.features.manifest import Manifest, write_manifest
from untrimmed.features.time_grid import TimeGrid


def main() -> None:
    options = argparse.ArgumentParser(description="Plant features from annotations.")
    options.add_argument("annotations", type=Path)
    options.add_argument("out", type=Path)
    options.add_argument("--videos", type=int, default=6, help="of each subset (%(default)s)")
    options.add_argument("--stride", type=int, default=4, help="frames (%(default)s)")
    options.add_argument("--window", type=int, default=16, help="frames (%(default)s)")
    options.add_argument("--dimension", type=int, default=2048, help="(%(default)s)")
    given = options.parse_args()

    annotations = read_annotations(given.annotations)
    generator = np.random.default_rng(0)
    directions = generator.standard_normal((len(annotations.classes), given.dimension), dtype=np.float32)
    given.out.mkdir(parents=True, exist_ok=True)
    videos = annotations.videos
    written: dict[str, int] = {}
    for row, video_id in enumerate(videos.ids):
        subset = videos.subsets[row]
        if written.get(subset, 0) == given.videos:
            continue
        written[subset] = written.get(subset, 0) + 1
        fps = float(videos.fps[row])
        grid = TimeGrid(fps=fps, stride=given.stride, window=given.window)
        steps = max(int((videos.duration_seconds[row] * fps - given.window) // given.stride) + 1, 1)
        features = generator.standard_normal((steps, given.dimension), dtype=np.float32)
        seconds = grid.seconds(np.arange(steps))
        segments = annotations.segments_of(video_id)
        for start, end, label in zip(segments.start_seconds, segments.end_seconds, segments.label, strict=True):
            features[(seconds >= start) & (seconds <= end)] += 0.5 * directions[label]
        np.save(given.out / f"{video_id}.npy", features)
    write_manifest(given.out, Manifest(stride=given.stride, window=given.window, dimension=given.dimension))
    print(
        f"{sum(written.values())} files in {given.out}: "
        + ", ".join(f"{n} {name}" for name, n in written.items())
    )


if __name__ == "__main__":
    main()
