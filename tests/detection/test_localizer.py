import dataclasses
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import untrimmed
from untrimmed.checkpoint import Checkpoint, save_checkpoint
from untrimmed.config import DetectionSection, Recipe
from untrimmed.detection import localizer as module
from untrimmed.detection.detections import Detections
from untrimmed.detection.loading import load
from untrimmed.detection.localizer import Decoding, Localizer, batches_by_length, collect
from untrimmed.detection.nms import Suppression
from untrimmed.detection.timed_labels import TimedLabels
from untrimmed.errors import InputError
from untrimmed.features.sequence import FeatureSequence
from untrimmed.features.store import FeatureStore
from untrimmed.features.time_grid import TimeGrid
from untrimmed.models.build import build_detector

CLASSES = ("pour", "stir")
DIMENSION = 6
GRID = TimeGrid(fps=10, stride=2, window=4)
LENGTHS = {"a": 30, "b": 7, "c": 1, "d": 18, "e": 30}


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of five sequences of 1 to 30 steps."""
    folder = tmp_path_factory.mktemp("features")
    generator = np.random.default_rng(0)
    for video_id, length in LENGTHS.items():
        np.save(folder / f"{video_id}.npy", generator.standard_normal((length, DIMENSION)).astype(np.float32))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a network of random weights, which finds something nearly everywhere."""
    recipe = Recipe.model_validate(
        {
            "data": {"annotations": "truth.json", "features": "features", "fps": 10, "stride": 2, "window": 4},
            "model": {
                "channels": 16,
                "levels": 3,
                "encoder": {"hidden": 16},
                "decoder": {"head_channels": 16, "bins": 4},
            },
            "detection": {"suppression": {"max_detections": 60}},
        }
    )
    torch.manual_seed(0)
    detector = build_detector(recipe.model, input_dim=DIMENSION, classes=len(CLASSES))
    with torch.no_grad():
        for parameter in detector.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    path = tmp_path_factory.mktemp("run") / "last.safetensors"
    save_checkpoint(Checkpoint(detector, recipe, CLASSES, DIMENSION), path)
    return path


@pytest.fixture(scope="module")
def localizer(model: Path) -> Localizer:
    return load(model)


@pytest.fixture(scope="module")
def store(localizer: Localizer, features: Path) -> FeatureStore:
    return localizer.features.open([features])


def values_of(features: Path, video_id: str) -> np.ndarray:
    return np.load(features / f"{video_id}.npy")


def unknown_durations(*video_ids: str) -> dict[str, float]:
    return dict.fromkeys(video_ids or LENGTHS, math.nan)


def assert_close(one: TimedLabels, other: TimedLabels) -> None:
    """The same detections up to the rounding of another order of computation."""
    assert one.label.tolist() == other.label.tolist()
    for name in ("start_seconds", "end_seconds", "score"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=0, atol=1e-4)


def columns_of(found: Detections) -> list[tuple]:
    return [(one.start_seconds, one.end_seconds, one.label, one.score) for one in found]


# One sequence


def test_an_array_with_the_times_of_its_steps(localizer, features):
    found = localizer.detect(values_of(features, "a"), grid=GRID)
    assert found.video_ids == ("sequence",)
    assert found.classes == CLASSES
    assert len(found) == 60
    assert (np.diff(found.score) <= 0).all()
    assert (found.start_seconds >= 0).all()
    assert (found.end_seconds <= GRID.end_seconds(30)).all()
    first = next(iter(found))
    assert first.label in CLASSES
    assert first.start_seconds < first.end_seconds


def test_a_file_a_sequence_and_an_array_of_the_same_vectors_give_the_same(localizer, features):
    values = values_of(features, "a")
    of_array = localizer.detect(values, grid=GRID)
    of_file = localizer.detect(features / "a.npy")
    assert of_file.video_ids == ("a",)
    assert columns_of(of_file) == columns_of(of_array)
    assert columns_of(localizer.detect(str(features / "a.npy"))) == columns_of(of_array)
    assert columns_of(localizer.detect(FeatureSequence(values, GRID))) == columns_of(of_array)
    assert columns_of(localizer.detect(values.astype(np.float64), GRID)) == columns_of(of_array)


def test_detecting_again_gives_the_same(localizer, features):
    assert columns_of(localizer.detect(features / "a.npy")) == columns_of(localizer.detect(features / "a.npy"))


def test_times_follow_the_grid(localizer, features):
    values = values_of(features, "a")
    usual = localizer.detect(values, GRID)
    # Of twice the rate, so that everything takes half as long.
    fast = localizer.detect(values, TimeGrid(fps=20, stride=2, window=4))
    np.testing.assert_allclose(fast.start_seconds, usual.start_seconds / 2, atol=1e-6)
    np.testing.assert_allclose(fast.end_seconds, usual.end_seconds / 2, atol=1e-6)
    np.testing.assert_array_equal(fast.score, usual.score)


def test_a_single_step_is_a_sequence(localizer, features):
    found = localizer.detect(features / "c.npy")
    assert len(found) > 0
    assert np.isfinite(found.score).all()


def test_an_array_without_times_is_refused(localizer):
    with pytest.raises(InputError, match=r"pass grid=TimeGrid\(fps, stride, window\)"):
        localizer.detect(np.zeros((5, DIMENSION), dtype=np.float32))


@pytest.mark.parametrize("shape", [(5, DIMENSION + 1), (DIMENSION, 5), (DIMENSION,), (1, 5, DIMENSION), ()])
def test_vectors_of_another_shape_are_refused_with_what_is_needed(localizer, shape):
    with pytest.raises(InputError, match=r"vectors of 6 values, but these are of shape .*, where \(steps, 6\)"):
        localizer.detect(np.zeros(shape, dtype=np.float32), GRID)
    with pytest.raises(InputError, match="vectors of 6 values"):
        localizer.detect(FeatureSequence(np.zeros(shape, dtype=np.float32), GRID))


def test_a_sequence_without_steps_is_refused(localizer):
    with pytest.raises(InputError, match="no step"):
        localizer.detect(np.zeros((0, DIMENSION), dtype=np.float32), GRID)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(localizer, value):
    values = np.zeros((5, DIMENSION), dtype=np.float32)
    values[3, 2] = value
    with pytest.raises(InputError, match="NaN or infinite"):
        localizer.detect(values, GRID)


@pytest.mark.parametrize(
    ("name", "message"),
    [("z.npy", "there is no file"), ("notes.txt", "is not a feature file"), ("film.mp4", "is a video")],
)
def test_files_that_are_no_features_are_refused(localizer, features, tmp_path, name, message):
    (tmp_path / "notes.txt").touch()
    (tmp_path / "film.mp4").touch()
    np.save(tmp_path / "a.npy", values_of(features, "a"))
    with pytest.raises(InputError, match=message):
        localizer.detect(tmp_path / name)


def test_a_file_of_another_dimension_is_refused_with_both(localizer, tmp_path):
    np.save(tmp_path / "wide.npy", np.zeros((5, 9), dtype=np.float32))
    with pytest.raises(InputError, match=r"wide\.npy has 9 values a step instead of the 6"):
        localizer.detect(tmp_path / "wide.npy")


# Many


def test_a_video_gives_in_a_batch_what_it_gives_alone(localizer, features):
    sequences = [FeatureSequence(values_of(features, video_id), GRID) for video_id in LENGTHS]
    for together, sequence in zip(localizer.localize(sequences), sequences, strict=True):
        (alone,) = localizer.localize([sequence])
        assert len(alone.score) > 0
        assert_close(together, alone)


@pytest.mark.parametrize("steps", [1, 36, 60, 10_000])
def test_the_videos_of_a_folder_give_the_same_however_they_are_batched(
    localizer, store, features, monkeypatch, steps
):
    monkeypatch.setattr(module, "batch_steps", lambda device: steps)
    sizes = []
    localize = localizer.localize
    monkeypatch.setattr(
        localizer, "localize", lambda sequences, ends: sizes.append(len(sequences)) or localize(sequences, ends)
    )
    found = dict(localizer.detect_videos(store, unknown_durations()))
    assert sizes == {1: [1] * 5, 36: [1, 1, 2, 1], 60: [2, 3], 10_000: [5]}[steps]
    assert list(found) == ["a", "e", "d", "b", "c"]
    for video_id in LENGTHS:
        (alone,) = localize([FeatureSequence(values_of(features, video_id), GRID)])
        assert_close(found[video_id], alone)


def test_a_broken_file_is_an_error_in_its_place_and_the_others_are_done(localizer, features, tmp_path):
    for video_id in "abd":
        np.save(tmp_path / f"{video_id}.npy", values_of(features, video_id))
    (tmp_path / "broken.npy").write_bytes(b"no array")
    np.save(tmp_path / "wide.npy", np.zeros((9, 8), dtype=np.float32))
    values = values_of(features, "e")
    values[2, 2] = np.nan
    np.save(tmp_path / "holes.npy", values)
    opened = localizer.features.open([tmp_path])
    durations = unknown_durations(*opened.ids, "missing")
    found = list(localizer.detect_videos(opened, durations))
    assert sorted(video_id for video_id, _ in found) == sorted(durations)
    errors = {video_id: str(result) for video_id, result in found if isinstance(result, InputError)}
    assert set(errors) == {"broken", "wide", "holes", "missing"}
    assert "broken.npy" in errors["broken"]
    assert "8 values a step instead of the 6" in errors["wide"]
    assert "holes.npy holds 1 values that are NaN" in errors["holes"]
    assert "'missing'" in errors["missing"]
    for video_id, result in found:
        if video_id not in errors:
            (alone,) = localizer.localize([opened[video_id]])
            assert_close(result, alone)


def test_a_folder_in_which_nothing_can_be_read_has_only_errors(localizer, tmp_path):
    (tmp_path / "broken.npy").write_bytes(b"no array")
    ((video_id, error),) = localizer.detect_videos(localizer.features.open([tmp_path]), {"broken": math.nan})
    assert video_id == "broken"
    assert isinstance(error, InputError)


def test_detections_end_with_the_video_where_that_is_known_and_with_the_last_window_where_not(localizer, store):
    ends = {"a": 2.5, "e": math.nan}
    found = dict(localizer.detect_videos(store, ends))
    assert found["a"].end_seconds.max() == 2.5
    assert found["e"].end_seconds.max() == pytest.approx(GRID.end_seconds(30))


def test_a_model_of_raw_signals_folds_them_as_it_was_trained(localizer, tmp_path):
    signal = np.random.default_rng(1).standard_normal((50, 2)).astype(np.float32)
    np.save(tmp_path / "signal.npy", signal)
    data = localizer.features.data.model_copy(update={"raw": True, "window": 3, "stride": 2})
    of_signals = Localizer(
        localizer.detector, CLASSES, localizer.decoding, dataclasses.replace(localizer.features, data=data)
    )
    folded = np.stack([signal[first : first + 3].T.ravel() for first in range(0, 48, 2)])
    expected = localizer.detect(folded, TimeGrid(fps=10, stride=2, window=3))
    assert columns_of(of_signals.detect(tmp_path / "signal.npy")) == columns_of(expected)


# Batches


lengths_of_videos = st.dictionaries(st.text("abc", min_size=1), st.integers(1, 50), max_size=12)


@given(lengths_of_videos, st.integers(1, 120))
def test_batches_hold_every_video_once_and_no_more_than_allowed(lengths: Mapping[str, int], steps: int):
    batches = list(batches_by_length(lengths, steps))
    in_order = [video_id for batch in batches for video_id in batch]
    assert sorted(in_order) == sorted(lengths)
    assert [lengths[video_id] for video_id in in_order] == sorted(lengths.values(), reverse=True)
    for batch in batches:
        assert batch
        assert len(batch) == 1 or len(batch) * max(lengths[video_id] for video_id in batch) <= steps


@given(lengths_of_videos, st.integers(1, 120))
def test_no_batch_could_have_taken_the_next_video(lengths: Mapping[str, int], steps: int):
    batches = list(batches_by_length(lengths, steps))
    for batch in batches[:-1]:
        assert (len(batch) + 1) * lengths[batch[0]] > steps


# Tables


def labels_of(*rows: tuple[float, float, int, float]) -> TimedLabels:
    table = np.array(rows).reshape(-1, 4)
    return TimedLabels(table[:, 0], table[:, 1], table[:, 2].astype(np.int64), table[:, 3])


def test_several_videos_become_one_table_by_falling_score():
    found = collect(CLASSES, {
        "b": labels_of((0, 1, 1, 0.9), (1, 2, 0, 0.5)), "nothing": labels_of(), "a": labels_of((3, 4, 0, 0.7)),
    })  # fmt: skip
    assert [tuple(one) for one in found] == [
        ("b", 0, 1, "stir", 0.9), ("a", 3, 4, "pour", 0.7), ("b", 1, 2, "pour", 0.5),
    ]  # fmt: skip
    assert found.video_ids == ("b", "nothing", "a")


@pytest.mark.parametrize("found", [{}, {"a": labels_of()}], ids=["no video", "a video without detections"])
def test_a_table_of_nothing_has_columns_of_the_right_kind(found):
    table = collect(CLASSES, found)
    assert len(table) == 0
    assert table.video_ids == tuple(found)
    assert table.label.dtype == table.video.dtype == np.int64
    assert table.score.dtype == np.float64


# Loading


def test_a_run_folder_and_its_file_are_the_same_model(model, localizer, features):
    of_folder = untrimmed.load(model.parent)
    assert of_folder.classes == CLASSES
    assert columns_of(of_folder.detect(features / "a.npy")) == columns_of(localizer.detect(features / "a.npy"))


def test_the_decoding_is_that_of_the_recipe(localizer):
    assert localizer.decoding == Decoding(suppression=Suppression(max_detections=60))
    section = DetectionSection.model_validate(
        {
            "threshold": 0.2,
            "candidates_per_level": 7,
            "min_steps": 0.5,
            "min_seconds": 0.25,
            "suppression": {
                "method": "hard",
                "per_class": False,
                "sigma": 0.9,
                "tiou": 0.4,
                "min_score": 0.01,
                "max_detections": 11,
                "voting_tiou": 0.7,
            },
        }
    )
    assert Decoding.of(section) == Decoding(
        threshold=0.2,
        candidates_per_level=7,
        min_steps=0.5,
        min_seconds=0.25,
        suppression=Suppression(
            method="hard",
            per_class=False,
            sigma=0.9,
            tiou_threshold=0.4,
            min_score=0.01,
            max_detections=11,
            voting_tiou=0.7,
        ),
    )


@pytest.fixture
def decoded(localizer: Localizer, features: Path) -> Callable[..., Detections]:
    """decoded(threshold=...) is what the model finds in a sequence when it decodes otherwise."""

    def detect(**changes: object) -> Detections:
        decoding = dataclasses.replace(localizer.decoding, **changes)
        return Localizer(localizer.detector, CLASSES, decoding, localizer.features).detect(features / "a.npy")

    return detect


def test_detections_score_above_the_threshold(decoded):
    usual = decoded(suppression=Suppression(method="none"))
    middle = float(np.median(usual.score))
    found = decoded(suppression=Suppression(method="none"), threshold=middle)
    assert 0 < len(found) == (usual.score > middle).sum()
    assert len(decoded(threshold=1.0)) == 0


def test_detections_are_longer_than_the_least(decoded):
    durations = [one.end_seconds - one.start_seconds for one in decoded(min_seconds=1.0)]
    assert len(durations) > 0
    assert min(durations) > 1.0


def test_the_device_is_chosen_by_name(model):
    automatic = load(model, "auto").device.type
    assert automatic == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(InputError, match="there is no device tpu5000"):
        load(model, "tpu5000")
    with pytest.raises(InputError, match="cuda:99 is not there"):
        load(model, "cuda:99")
