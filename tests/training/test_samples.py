from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.annotations.annotations import Annotations, Segments, Videos
from untrimmed.features.opening import open_features
from untrimmed.training.samples import Cropping, TrainingVideos

UNCUT = Cropping(max_length=10_000, ratio=None)


def annotate(**segments: list[tuple[float, float]]) -> Annotations:
    """Videos with their segments in seconds, all of one class."""
    rows = [(row, *one) for row, video in enumerate(segments.values()) for one in video]
    table = np.array(rows, dtype=float).reshape(-1, 3)
    count = len(segments)
    return Annotations(
        ("act",),
        Videos(tuple(segments), np.full(count, 1e3), np.full(count, np.nan), ("training",) * count),
        Segments(table[:, 0].astype(int), table[:, 1], table[:, 2], np.arange(len(table))),
    )


# Where a sample is cut out


@st.composite
def croppings(draw):
    least, most = sorted((draw(st.floats(0, 1)), draw(st.floats(0, 1))))
    return Cropping(
        max_length=draw(st.integers(1, 60)),
        ratio=draw(st.sampled_from([None, (least, most)])),
        truncation_threshold=draw(st.floats(0, 1)),
    )


@st.composite
def sequences(draw):
    """A length, and segments that may reach beyond it."""
    length = draw(st.integers(1, 100))
    segments = []
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.floats(-3, length))
        segments.append((start, start + draw(st.floats(0.1, 40))))
    return length, np.array(segments).reshape(-1, 2)


def shares_left(segments, first, stop):
    left = np.minimum(segments[:, 1], stop) - np.maximum(segments[:, 0], first)
    return np.maximum(left, 0) / (segments[:, 1] - segments[:, 0])


@given(croppings(), sequences(), st.integers(0, 1000))
def test_a_part_lies_within_the_sequence_and_has_a_length_that_was_asked_for(cropping, sequence, seed):
    length, segments = sequence
    first, stop, _ = cropping.draw(length, segments, np.random.default_rng(seed))
    assert 0 <= first < stop <= length
    if length > cropping.max_length:
        assert stop - first == cropping.max_length
    elif cropping.ratio is None:
        assert (first, stop) == (0, length)
    else:
        least, most = cropping.ratio
        assert max(round(least * length), 1) <= stop - first <= max(round(most * length), 1)


@given(croppings(), sequences(), st.integers(0, 1000))
def test_an_action_stays_just_if_enough_of_it_is_left(cropping, sequence, seed):
    length, segments = sequence
    first, stop, stays = cropping.draw(length, segments, np.random.default_rng(seed))
    for share, kept in zip(shares_left(segments, first, stop), stays, strict=True):
        if abs(share - cropping.truncation_threshold) > 1e-9:
            assert kept == (share > cropping.truncation_threshold and share > 0)


@given(croppings(), sequences(), st.integers(0, 1000))
def test_an_action_is_kept_if_many_places_to_cut_keep_one(cropping, sequence, seed):
    length, segments = sequence
    first, stop, stays = cropping.draw(length, segments, np.random.default_rng(seed))
    size = stop - first
    keeping = [
        (shares_left(segments, start, start + size) > cropping.truncation_threshold + 1e-9).any()
        for start in range(length - size + 1)
    ]
    # 200 places are tried: if a fifth of all is good, none is found once in 10^19 times.
    if np.mean(keeping) >= 0.2:
        assert stays.any()


def test_a_part_without_a_whole_enough_action_is_accepted_when_there_is_no_other():
    first, stop, stays = Cropping(10, None, 0.5).draw(50, np.array([[5.0, 45.0]]), np.random.default_rng(0))
    assert stop - first == 10
    assert not stays.any()


def test_all_lengths_and_places_are_drawn():
    cropping, generator = Cropping(100, (0.5, 1.0)), np.random.default_rng(0)
    drawn = {cropping.draw(4, np.zeros((0, 2)), generator)[:2] for _ in range(200)}
    assert drawn == {(0, 2), (1, 3), (2, 4), (0, 3), (1, 4), (0, 4)}


def test_a_sequence_of_the_greatest_length_may_be_shortened_and_one_above_it_is_cut_to_it():
    cropping, generator = Cropping(10, (0.5, 0.5)), np.random.default_rng(0)
    first, stop, _ = cropping.draw(10, np.zeros((0, 2)), generator)
    assert stop - first == 5
    first, stop, _ = cropping.draw(11, np.zeros((0, 2)), generator)
    assert stop - first == 10


def test_a_single_step_stays_a_single_step():
    assert Cropping(10, (0.1, 0.2)).draw(1, np.zeros((0, 2)), np.random.default_rng(0))[:2] == (0, 1)


# Samples of features


@pytest.fixture
def clock(tmp_path: Path):
    """clock(...) has one video of 40 vectors, each of which holds its own time in seconds."""

    def build(segments: list[tuple[float, float]], cropping=UNCUT, **options) -> TrainingVideos:
        times = (np.arange(40) * 5 + 8) / 25
        np.save(tmp_path / "clock.npy", np.stack((times, -times), axis=1).astype(np.float32))
        store = open_features(tmp_path, fps=25, stride=5, window=16)
        return TrainingVideos(store, annotate(clock=segments), cropping, **options)

    return build


def times_of(sample, steps) -> np.ndarray:
    """The times at these steps, by the features of the sample."""
    times = sample.features[:, 0].numpy().astype(float)
    return times[0] + np.asarray(steps) * 0.2


def test_an_uncut_sample_is_the_whole_sequence(clock):
    sample = clock([(1.0, 3.0)]).sample(0, np.random.default_rng(0))
    assert sample.features.shape == (40, 2)
    assert sample.features.dtype == torch.float32
    assert sample.video == 0
    np.testing.assert_allclose(times_of(sample, sample.truth.segments), [[1.0, 3.0]], atol=1e-5)
    assert sample.truth.labels.tolist() == [0]


def test_actions_of_a_cut_sample_are_when_its_features_say(clock):
    videos = clock([(1.0, 2.0), (3.0, 4.4), (5.0, 6.0)], Cropping(20, truncation_threshold=1.0))
    seen = set()
    for seed in range(30):
        sample = videos.sample(0, np.random.default_rng(seed))
        kept = np.array([(1.0, 2.0), (3.0, 4.4), (5.0, 6.0)])[sample.truth.labels.numpy()]
        np.testing.assert_allclose(times_of(sample, sample.truth.segments), kept, atol=1e-5)
        seen.update(sample.truth.labels.tolist())
    assert seen == {0, 1, 2}


def test_an_action_that_is_cut_ends_at_the_cut(clock):
    videos = clock([(0.5, 7.9)], Cropping(20, truncation_threshold=0.1))
    for seed in range(10):
        sample = videos.sample(0, np.random.default_rng(seed))
        ((start, end),) = sample.truth.segments.tolist()
        assert 0 <= start < end <= 20
        # It reaches over every cut of 4 seconds but the first ones.
        np.testing.assert_allclose(times_of(sample, start), max(0.5, times_of(sample, 0)), atol=1e-5)
        np.testing.assert_allclose(times_of(sample, end), min(7.9, times_of(sample, 20)), atol=1e-5)


def test_a_video_without_actions_has_an_empty_truth(clock):
    sample = clock([], Cropping(20)).sample(0, np.random.default_rng(0))
    assert sample.truth.segments.shape == (0, 2)
    assert sample.truth.labels.shape == (0,)
    assert sample.features.shape == (20, 2)


def test_the_seed_of_a_samples_noise_comes_from_its_generator_alone(clock):
    videos = clock([(1.0, 3.0)])
    seeds = [videos.sample(0, np.random.default_rng(seed)).noise_seed for seed in (7, 7, 8)]
    assert seeds[0] == seeds[1] != seeds[2]


def test_the_features_of_a_sample_may_be_changed_without_changing_its_file(clock):
    videos = clock([(1.0, 3.0)], Cropping(5))
    for read in (lambda: videos.sample(0, np.random.default_rng(0)), lambda: videos.whole(0)):
        before = read().features.clone()
        read().features.add_(1)
        assert torch.equal(read().features, before)


def test_the_whole_video_is_given_without_a_cut(clock):
    sample = clock([(1.0, 3.0)], Cropping(5)).whole(0)
    np.testing.assert_allclose(sample.features[:, 0], (np.arange(40) * 5 + 8) / 25, rtol=1e-6)
    np.testing.assert_allclose(times_of(sample, sample.truth.segments), [[1.0, 3.0]], atol=1e-5)


# Samples of raw signals

RATE = 50
WINDOW, HOP = 20, 10


@pytest.fixture
def signal(tmp_path: Path):
    """signal(...) has a recording, 10 seconds long by default, whose only channel is the time."""

    def build(samples=10 * RATE, cropping=UNCUT, resample_to=None, random_phase=True) -> TrainingVideos:
        np.save(tmp_path / "signal.npy", (np.arange(samples) / RATE).astype(np.float32)[:, None])
        store = open_features(tmp_path, fps=RATE, stride=HOP, window=WINDOW, raw=True, resample_to=resample_to)
        annotations = annotate(signal=[(2.0, 3.0), (5.5, 8.25)])
        return TrainingVideos(store, annotations, cropping, random_phase=random_phase)

    return build


def first_sample_of(sample) -> int:
    """The number of the first raw sample that the first vector holds."""
    return round(sample.features[0, 0].item() * RATE)


@pytest.mark.parametrize("cropping", [UNCUT, Cropping(25, truncation_threshold=1.0)], ids=["whole", "cut"])
def test_windows_that_begin_anywhere_take_the_actions_with_them(signal, cropping):
    videos, phases = signal(cropping=cropping), set()
    for seed in range(60):
        sample = videos.sample(0, np.random.default_rng(seed))
        phases.add(first_sample_of(sample) % HOP)
        # The middle of the first window, and a hop a step.
        times = (first_sample_of(sample) + WINDOW / 2 + HOP * sample.truth.segments.numpy()) / RATE
        expected = np.array([(2.0, 3.0), (5.5, 8.25)])[sample.truth.labels.numpy()]
        np.testing.assert_allclose(times, expected, atol=1e-4)
    assert phases == set(range(HOP))


def test_without_a_random_phase_windows_begin_at_whole_hops(signal):
    videos = signal(cropping=Cropping(25), random_phase=False)
    starts = {first_sample_of(videos.sample(0, np.random.default_rng(seed))) for seed in range(30)}
    assert len(starts) > 5
    assert all(start % HOP == 0 for start in starts)


def test_the_whole_recording_begins_at_its_first_sample(signal):
    sample = signal().whole(0)
    assert first_sample_of(sample) == 0
    assert sample.features.shape == ((10 * RATE - WINDOW) // HOP + 1, WINDOW)


@pytest.mark.parametrize("samples", [3, WINDOW, WINDOW + HOP - 1, WINDOW + HOP])
def test_recordings_of_one_or_two_windows_have_samples(signal, samples):
    videos = signal(samples)
    for seed in range(20):
        sample = videos.sample(0, np.random.default_rng(seed))
        assert len(sample.features) >= 1
        assert torch.isfinite(sample.features).all()


@pytest.mark.parametrize("samples", [3, WINDOW, 10 * RATE])
def test_recordings_that_are_stretched_have_samples(signal, samples):
    videos = signal(samples, resample_to=16)
    for seed in range(20):
        sample = videos.sample(0, np.random.default_rng(seed))
        assert sample.features.shape == (16, WINDOW)
        assert torch.isfinite(sample.features).all()
