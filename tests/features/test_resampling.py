import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from untrimmed.features.resampling import resample_linear


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 300))
def test_resampling_is_that_of_torch(length, new_length):
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(length).standard_normal((length, 3)).astype(np.float32)
    # In float64: torch computes positions in the type of the values.
    batch = torch.from_numpy(values.astype(np.float64)).T[None]
    expected = torch.nn.functional.interpolate(batch, size=new_length, mode="linear", align_corners=False)
    resampled = resample_linear(values, new_length)
    assert resampled.dtype == np.float32
    np.testing.assert_allclose(resampled, expected[0].T.numpy(), atol=2e-6)


def test_two_steps_stretched_to_four_by_hand():
    values = np.array([[0.0], [4.0]], np.float32)
    np.testing.assert_array_equal(resample_linear(values, 4), [[0], [1], [3], [4]])


def test_the_same_length_changes_nothing():
    values = np.random.default_rng(0).standard_normal((17, 5)).astype(np.float32)
    np.testing.assert_array_equal(resample_linear(values, 17), values)
