"""A small task, made up on the spot, that needs what the real ones need.

Two performers move, each along one hidden coordinate, and a sensor sees noisy mixtures of where they are. An
action is a movement: a way from here to there or back, once or twice. At no single moment does the sensor tell
which one is under way, since all pass through the same places, so comparing single feature vectors with known
ones cannot solve the task; only the course over time does. The performers act independently, so actions overlap.
Between them they rest, or do what is not an action: movements that break off half-way, and holding still
somewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from untrimmed.annotations.annotations import Annotations, FloatArray, Segments, Videos
from untrimmed.annotations.formats import write_annotations
from untrimmed.features.manifest import Manifest, write_manifest
from untrimmed.features.time_grid import TimeGrid
from untrimmed.files import replacing

#: How each action moves, from its beginning (0) to its end (1).
MOVEMENTS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "rise": lambda u: 2 * u - 1,
    "fall": lambda u: 1 - 2 * u,
    "swing": lambda u: np.sin(2 * np.pi * u),
    "swing back": lambda u: -np.sin(2 * np.pi * u),
    "double swing": lambda u: np.sin(4 * np.pi * u),
}
CLASSES = tuple(MOVEMENTS)
PERFORMERS = 2
DIMENSION = 24
STEPS = (160, 360)
LENGTHS = (6, 60)
PAUSES = (4, 30)
DISTRACTOR_SHARE = 0.3
NOISE = 0.25
GRID = TimeGrid(fps=10, stride=2, window=2)


@dataclass(frozen=True)
class Recording:
    """One generated sequence.

    Attributes:
        features: (T, D) float32.
        segments: (G, 2), start and end in steps.
        labels: (G,), indices of CLASSES.
    """

    features: NDArray[np.float32]
    segments: FloatArray
    labels: NDArray[np.int64]


def generate(generator: np.random.Generator, mixing: FloatArray) -> Recording:
    """A recording of random length; `mixing`, (PERFORMERS, DIMENSION), is how the sensor sees the performers."""
    steps = int(generator.integers(*STEPS))
    places = np.zeros((steps, PERFORMERS))
    found: list[tuple[float, float, int]] = []
    for performer in range(PERFORMERS):
        places[:, performer], actions = performance(generator, steps)
        found += actions
    found.sort()
    seen = places @ mixing + NOISE * generator.standard_normal((steps, DIMENSION))
    table = np.array(found).reshape(-1, 3)
    return Recording(seen.astype(np.float32), table[:, :2], table[:, 2].astype(np.int64))


def performance(generator: np.random.Generator, steps: int) -> tuple[FloatArray, list[tuple[float, float, int]]]:
    """Where one performer is at each of `steps` steps, in [-1, 1], and its actions as (start, end, class).

    Starts and ends are in steps, not whole; one action has ended before the next begins.
    """
    place = np.zeros(steps)
    actions: list[tuple[float, float, int]] = []
    start = generator.uniform(*PAUSES)
    while True:
        length = float(np.exp(generator.uniform(*np.log(LENGTHS))))
        end = start + length
        if end > steps - 1:
            return place, actions
        label = int(generator.integers(len(CLASSES)))
        during = np.arange(np.ceil(start), np.floor(end) + 1).astype(int)
        progress = (during - start) / length
        if generator.random() < DISTRACTOR_SHARE:
            place[during] = _distractor(generator, label, progress)
        else:
            place[during] = MOVEMENTS[CLASSES[label]](progress)
            actions.append((start, end, label))
        start = end + generator.uniform(*PAUSES)


def _distractor(generator: np.random.Generator, label: int, progress: FloatArray) -> FloatArray:
    """Half a movement, or holding still."""
    if generator.random() < 0.5:
        return MOVEMENTS[CLASSES[label]](0.4 * progress)
    return np.full_like(progress, generator.uniform(-1, 1))


def write_task(folder: Path, seed: int, training: int = 80, held_out: int = 20) -> None:
    """Write features/ and annotations.json, with the subsets training and test, into a folder."""
    generator = np.random.default_rng(seed)
    mixing = generator.standard_normal((PERFORMERS, DIMENSION))
    recordings = [generate(generator, mixing) for _ in range(training + held_out)]
    ids = tuple(f"sequence-{number:03}" for number in range(1, len(recordings) + 1))
    features = folder / "features"
    for video_id, recording in zip(ids, recordings, strict=True):
        with replacing(features / f"{video_id}.npy") as temporary, temporary.open("wb") as file:
            np.save(file, recording.features)
    write_manifest(features, Manifest(GRID.fps, GRID.stride, GRID.window, dimension=DIMENSION, encoder="made up"))
    subsets = ("training",) * training + ("test",) * held_out
    write_annotations(_annotations(ids, subsets, recordings), folder / "annotations.json")


def _annotations(ids: tuple[str, ...], subsets: tuple[str, ...], recordings: list[Recording]) -> Annotations:
    durations = np.array([GRID.end_seconds(len(recording.features)) for recording in recordings])
    videos = Videos(ids, durations, np.full(len(ids), GRID.fps), subsets)
    steps = np.concatenate([recording.segments for recording in recordings])
    segments = Segments(
        video=np.repeat(np.arange(len(ids)), [len(recording.labels) for recording in recordings]),
        start_seconds=GRID.seconds(steps[:, 0]),
        end_seconds=GRID.seconds(steps[:, 1]),
        label=np.concatenate([recording.labels for recording in recordings]),
    )
    return Annotations(CLASSES, videos, segments)
