import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.features.signals import Folding


def fold_by_loop(samples, window, stride):
    """Vector by vector, channel by channel, sample by sample."""
    vectors = []
    start = 0
    while start + window <= len(samples):
        vectors.append(
            [samples[start + k, channel] for channel in range(samples.shape[1]) for k in range(window)]
        )
        start += stride
    return np.array(vectors)


@given(st.integers(1, 60), st.integers(1, 4), st.integers(1, 12), st.integers(1, 15))
def test_folding_is_that_of_a_loop(count, channels, window, stride):
    samples = np.random.default_rng(count).standard_normal((count, channels)).astype(np.float32)
    folding = Folding(window, stride)
    vectors = folding.fold(samples)
    assert vectors.shape == (folding.length(count), channels * window)
    if count >= window:
        np.testing.assert_array_equal(vectors, fold_by_loop(samples, window, stride))


@given(st.integers(1, 10), st.integers(1, 4), st.integers(1, 20), st.integers(1, 15))
def test_a_recording_shorter_than_a_window_repeats_its_last_sample(count, channels, missing, stride):
    samples = np.random.default_rng(count).standard_normal((count, channels)).astype(np.float32)
    vectors = Folding(count + missing, stride).fold(samples)
    padded = np.concatenate([samples] + [samples[-1:]] * missing)
    np.testing.assert_array_equal(vectors, padded.T.reshape(1, -1))


def test_two_channels_in_windows_of_three_by_hand():
    samples = np.array([[0, 10], [1, 11], [2, 12], [3, 13], [4, 14], [5, 15]], np.float32)
    vectors = Folding(window=3, stride=2).fold(samples)
    np.testing.assert_array_equal(vectors, [[0, 1, 2, 10, 11, 12], [2, 3, 4, 12, 13, 14]])


@pytest.mark.parametrize(
    ("samples", "vectors"), [(1, 1), (49, 1), (50, 1), (74, 1), (75, 2), (100, 3), (20598, 822)]
)
def test_the_number_of_vectors_counts_whole_windows(samples, vectors):
    assert Folding(window=50, stride=25).length(samples) == vectors


@given(st.integers(4, 60), st.integers(1, 4), st.integers(1, 6), st.data())
def test_the_vectors_of_a_crop_come_from_its_samples_alone(count, window, stride, data):
    samples = np.random.default_rng(count).standard_normal((count, 2)).astype(np.float32)
    folding = Folding(window, stride)
    start = data.draw(st.integers(0, folding.length(count) - 1))
    stop = data.draw(st.integers(start + 1, folding.length(count)))
    first, last = folding.samples(start, stop)
    assert 0 <= first < last <= count
    np.testing.assert_array_equal(folding.fold(samples[first:last]), folding.fold(samples)[start:stop])
