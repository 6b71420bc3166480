"""The generated task: well formed, the same for the same seed, and not to be solved one step at a time."""

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from untrimmed.annotations.annotations import Annotations, FloatArray
from untrimmed.annotations.formats import inspect_annotations, read_annotations
from untrimmed.demo.task import (
    CLASSES,
    DIMENSION,
    DISTRACTOR_SHARE,
    GRID,
    LENGTHS,
    PERFORMERS,
    STEPS,
    generate,
    performance,
    write_task,
)
from untrimmed.detection.detections import Detections
from untrimmed.evaluation.evaluator import evaluate
from untrimmed.evaluation.thresholds import parse_tiou
from untrimmed.features.opening import open_features

seeds = st.integers(0, 2**32)


@given(seed=seeds, steps=st.integers(1, 500))
@settings(max_examples=50, deadline=None)
def test_a_performer_ends_one_action_before_it_begins_the_next(seed: int, steps: int) -> None:
    place, actions = performance(np.random.default_rng(seed), steps)
    assert place.shape == (steps,)
    assert np.abs(place).max() <= 1 + 1e-9
    starts, ends = [start for start, _, _ in actions], [end for _, end, _ in actions]
    assert all(end < start for end, start in zip(ends[:-1], starts[1:], strict=True))
    assert all(LENGTHS[0] <= end - start <= LENGTHS[1] for start, end, _ in actions)
    assert all(0 <= label < len(CLASSES) for _, _, label in actions)
    assert not actions or (starts[0] > 0 and ends[-1] <= steps - 1)


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_a_recording_has_its_actions_inside_and_in_order(seed: int) -> None:
    generator = np.random.default_rng(seed)
    recording = generate(generator, generator.standard_normal((PERFORMERS, DIMENSION)))
    steps = len(recording.features)
    assert STEPS[0] <= steps < STEPS[1]
    assert recording.features.shape == (steps, DIMENSION)
    assert recording.features.dtype == np.float32
    assert np.isfinite(recording.features).all()
    assert (recording.segments[:, 0] < recording.segments[:, 1]).all()
    assert (recording.segments > 0).all()
    assert (recording.segments <= steps - 1).all()
    assert (np.diff(recording.segments[:, 0]) >= 0).all()
    assert len(recording.labels) == len(recording.segments)


def test_actions_of_different_performers_overlap_and_some_movements_are_none() -> None:
    generator = np.random.default_rng(0)
    recordings = [generate(generator, np.ones((PERFORMERS, DIMENSION))) for _ in range(20)]
    overlaps = sum(
        int((one.segments[1:, 0] < np.maximum.accumulate(one.segments[:, 1])[:-1]).sum()) for one in recordings
    )
    assert overlaps > 50
    moving = acting = 0
    for _ in range(50):
        place, actions = performance(generator, 300)
        moving += int((place != 0).sum())
        acting += sum(int(np.floor(end) - np.ceil(start)) + 1 for start, end, _ in actions)
    assert 1 - DISTRACTOR_SHARE - 0.1 < acting / moving < 1 - DISTRACTOR_SHARE + 0.1


def test_a_task_is_the_same_for_the_same_seed_and_another_for_another(tmp_path: Path) -> None:
    def contents(folder: Path) -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_task(tmp_path / name, seed, training=2, held_out=1)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")


def test_a_written_task_is_read_without_a_problem(tmp_path: Path) -> None:
    write_task(tmp_path, 0, training=3, held_out=2)
    annotations, problems = inspect_annotations(tmp_path / "annotations.json", strict=True)
    assert problems == []
    assert annotations is not None
    assert annotations.classes == CLASSES
    assert annotations.videos.subsets == ("training",) * 3 + ("test",) * 2
    store = open_features(tmp_path / "features")
    assert store.ids == annotations.videos.ids
    assert store.dimension == DIMENSION
    for video_id, duration in zip(annotations.videos.ids, annotations.videos.duration_seconds, strict=True):
        assert store.grid(video_id) == GRID
        assert GRID.end_seconds(store.length(video_id)) == duration


def test_the_nearest_training_step_does_not_tell_the_action(tmp_path: Path) -> None:
    """Neither that of one step nor that of a window of 11; a trained network reaches over 0.8 (test_demo.py)."""
    write_task(tmp_path, 0, training=30, held_out=10)
    annotations = read_annotations(tmp_path / "annotations.json")
    store = open_features(tmp_path / "features")
    features = {video_id: store[video_id].values for video_id in store.ids}
    reached = {
        (window, scores): average_map_of_nearest(annotations, features, window, scores)
        for window in (1, 11)
        for scores in ("length", "closeness")
    }
    print("average mAP by window and score:", reached)
    assert max(reached[1, "length"], reached[1, "closeness"]) < 0.05
    assert max(reached.values()) < 0.3


def test_the_nearest_training_step_does_tell_the_action_where_it_can(tmp_path: Path) -> None:
    write_task(tmp_path, 0, training=4, held_out=4)
    annotations = read_annotations(tmp_path / "annotations.json")
    store = open_features(tmp_path / "features")
    labels = {video_id: active(annotations, video_id, store.length(video_id)) for video_id in store.ids}
    telling = {video_id: rows.astype(np.float32) for video_id, rows in labels.items()}
    assert average_map_of_nearest(annotations, telling, window=1, scores="length") > 0.8


def average_map_of_nearest(
    annotations: Annotations, features: dict[str, FloatArray], window: int, scores: str
) -> float:
    """What it reaches to give each test step the classes of the most similar training step.

    Runs of equal labels are segments, which score by their length or by how close their steps are to those of
    training. `window` steps around each are compared.
    """
    training, test = annotations.subset("training"), annotations.subset("test")
    known = np.concatenate([windows(features[video_id], window) for video_id in training.videos.ids])
    classes = np.concatenate(
        [active(training, video_id, len(features[video_id])) for video_id in training.videos.ids]
    )
    rows = []
    for video, video_id in enumerate(test.videos.ids):
        steps = windows(features[video_id], window)
        distances = (steps**2).sum(1)[:, None] + (known**2).sum(1) - 2 * steps @ known.T
        nearest = distances.argmin(axis=1)
        closeness = -distances[np.arange(len(steps)), nearest]
        for label in range(len(CLASSES)):
            for first, stop in runs(classes[nearest, label]):
                score = stop - first if scores == "length" else closeness[first:stop].mean()
                rows.append((video, GRID.seconds(first - 0.5), GRID.seconds(stop - 0.5), label, score))
    video_column, start, end, label_column, score_column = np.array(rows).T
    found = Detections(
        classes=CLASSES,
        video_ids=test.videos.ids,
        video=video_column.astype(np.int64),
        start_seconds=start,
        end_seconds=end,
        label=label_column.astype(np.int64),
        score=score_column,
    )
    return evaluate(found, test, tiou_thresholds=parse_tiou("0.3:0.7:0.1")).average_map


def active(annotations: Annotations, video_id: str, steps: int) -> FloatArray:
    """(T, K), 1 where an action of the class is under way."""
    rows = np.zeros((steps, len(CLASSES)))
    times = GRID.seconds(np.arange(steps, dtype=np.float64))
    segments = annotations.segments_of(video_id)
    for start, end, label in zip(segments.start_seconds, segments.end_seconds, segments.label, strict=True):
        rows[(times >= start) & (times <= end), label] = 1
    return rows


def windows(rows: FloatArray, window: int) -> FloatArray:
    """Each step with its neighbours: (T, D) to (T, window * D)."""
    padded = np.pad(rows, ((window // 2, window // 2), (0, 0)), mode="edge")
    return np.concatenate([padded[first : first + len(rows)] for first in range(window)], axis=1)


def runs(active_steps: FloatArray) -> list[tuple[int, int]]:
    """First step of each run, and the one after its last."""
    edges = np.flatnonzero(np.diff(active_steps, prepend=0, append=0))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
