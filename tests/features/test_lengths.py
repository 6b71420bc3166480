import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.features.lengths import Lengths, whole_windows
from untrimmed.features.time_grid import TimeGrid


def lengths(steps: list[int], seconds: list[float], fps: float, stride: float, window: float) -> Lengths:
    names = tuple(f"video {number}" for number in range(len(steps)))
    return Lengths(names, np.array(steps), np.array(seconds), np.full(len(steps), fps), stride, window)


def test_the_expected_length_is_that_of_windows_that_fill_the_video() -> None:
    # 10 s at 30 frames a second: windows of 16 start at frames 0, 4 ... 284, that is 72.
    assert lengths([72], [10.0], 30, 4, 16).expected.tolist() == [72.0]
    assert whole_windows(10.0, TimeGrid(30, 4, 16)) == 72
    assert whole_windows(0.2, TimeGrid(30, 4, 16)) == 1


@given(
    seconds=st.floats(0.1, 5000),
    fps=st.sampled_from([15.0, 25.0, 29.97, 30.0]),
    grid=st.sampled_from([(4, 16), (16, 16), (8, 32), (16, 32), (1, 1)]),
    rounding=st.sampled_from([np.floor, np.ceil, np.round]),
)
def test_every_way_to_treat_the_ends_of_a_video_fits(
    seconds: float, fps: float, grid: tuple[int, int], rounding: object
) -> None:
    stride, window = grid
    padded = max(int(rounding(seconds * fps / stride)), 1)  # type: ignore[operator]
    whole = whole_windows(seconds, TimeGrid(fps, stride, window))
    found = lengths([padded, whole], [seconds, seconds], fps, stride, window)
    assert found.fit.all()
    assert found.diagnosis() is None or seconds * fps / stride < 100


def test_a_length_far_off_does_not_fit() -> None:
    # Expected 897: 3 % are 27 steps, window / stride + 3 are 7.
    found = lengths([897, 871, 870, 923, 924], [120.0] * 5, 30, 4, 16)
    assert found.fit.tolist() == [True, True, False, True, False]


def test_few_misfits_are_no_matter_of_the_stride() -> None:
    seconds = [60.0, 70.0, 80.0, 90.0]
    steps = [whole_windows(s, TimeGrid(30, 4, 16)) for s in seconds]
    assert lengths([steps[0] // 2, *steps[1:]], seconds, 30, 4, 16).diagnosis() is None


@pytest.mark.parametrize(
    ("made_with", "said"),
    [
        (TimeGrid(30, 8, 16), "a stride of 8 frames instead of 4, or a rate of 15 frames a second instead of 30"),
        (TimeGrid(15, 4, 16), "a stride of 8 frames instead of 4, or a rate of 15 frames a second instead of 30"),
        (
            TimeGrid(30, 1, 16),
            "a stride of 1 frames instead of 4, or a rate of 120 frames a second instead of 30",
        ),
        (
            TimeGrid(25, 4, 16),
            "a stride of 4.81 frames instead of 4, or a rate of 25 frames a second instead of 30",
        ),
    ],
)
def test_the_diagnosis_says_what_the_lengths_would_fit(made_with: TimeGrid, said: str) -> None:
    seconds = [60.0, 100.0, 150.0, 200.0, 300.0]
    found = lengths([whole_windows(s, made_with) for s in seconds], seconds, 30, 4, 16).diagnosis()
    assert found is not None
    assert said in found


def test_sequences_of_one_length_were_stretched() -> None:
    found = lengths([100] * 4, [60.0, 100.0, 150.0, 200.0], 30, 16, 16).diagnosis()
    assert found is not None
    assert found.startswith("all 4 sequences have 100 steps, however long the video is")
    same_videos = lengths([72] * 4, [10.0] * 4, 30, 4, 16)
    assert same_videos.diagnosis() is None


def test_nothing_is_said_of_no_videos() -> None:
    assert lengths([], [], 30, 4, 16).diagnosis() is None
