import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.features.time_grid import TimeGrid

positive = st.floats(0.01, 1000)


def test_a_step_is_the_centre_of_its_window():
    grid = TimeGrid(fps=30, stride=4, window=16)
    assert grid.seconds(0.0) == pytest.approx(8 / 30)
    assert grid.seconds(10.0) == pytest.approx(48 / 30)


def test_the_last_window_ends_at_end_seconds():
    assert TimeGrid(fps=30, stride=4, window=16).end_seconds(10) == pytest.approx((9 * 4 + 16) / 30)


@given(positive, positive, st.floats(0, 1000), st.floats(-1e4, 1e4))
def test_steps_invert_seconds(fps, stride, window, step):
    grid = TimeGrid(fps, stride, window)
    assert grid.steps(grid.seconds(step)) == pytest.approx(step, rel=1e-6, abs=1e-6 * (1 + window / stride))


def test_arrays_of_steps_become_arrays_of_seconds():
    grid = TimeGrid(fps=2, stride=1, window=0)
    np.testing.assert_array_equal(grid.seconds(np.array([0.0, 1.0, 3.0])), [0, 0.5, 1.5])


def test_resampled_steps_divide_the_covered_time_evenly():
    grid = TimeGrid(fps=10, stride=5, window=20).resampled(9, 30)  # 8 * 5 + 20 = 60 frames
    assert (grid.fps, grid.stride, grid.window) == (10, 2, 2)
    assert grid.end_seconds(30) == pytest.approx(6)


@pytest.mark.parametrize(
    "numbers", [(0, 1, 1), (1, 0, 1), (1, 1, -1), (float("nan"), 1, 1), (1, float("inf"), 1)]
)
def test_impossible_grids_are_refused(numbers):
    with pytest.raises(ValueError, match="time grid"):
        TimeGrid(*numbers)
