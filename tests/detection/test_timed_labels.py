import numpy as np
import pytest
import torch

from untrimmed.detection.candidates import Candidates
from untrimmed.detection.nms import Suppression
from untrimmed.detection.timed_labels import TimedLabels, timed_labels
from untrimmed.features.time_grid import TimeGrid

#: Step t is at (4 t + 8) / 20 seconds: every fifth of a second, from 0.4 on.
GRID = TimeGrid(fps=20, stride=4, window=16)
ALL = Suppression(method="none", min_score=0.0)


def labelled(
    *rows: tuple[float, float, int, float], duration=100.0, suppression=ALL, min_seconds=0.0
) -> TimedLabels:
    """What becomes of candidates (start, end, label, score)."""
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)
    given = Candidates(table[:, 0], table[:, 1], table[:, 3], table[:, 2].long())
    return timed_labels(given, GRID, duration, suppression, min_seconds)


def test_steps_become_seconds_by_falling_score():
    found = labelled((3, 8, 1, 0.25), (0, 10.5, 0, 0.5))
    np.testing.assert_allclose(found.start_seconds, [0.4, 1.0])
    np.testing.assert_allclose(found.end_seconds, [2.5, 2.0])
    assert found.label.tolist() == [0, 1]
    assert found.score.tolist() == [0.5, 0.25]


def test_what_reaches_beyond_the_video_is_cut_at_its_ends():
    # Step -2 is at 0 s, step -10 before it; step 18 is at 4 s.
    found = labelled((-10, 5, 0, 0.9), (10, 40, 0, 0.8), (-10, 40, 0, 0.7), duration=4.0)
    np.testing.assert_allclose(found.start_seconds, [0.0, 2.4, 0.0])
    np.testing.assert_allclose(found.end_seconds, [1.4, 4.0, 4.0])


def test_what_lies_wholly_outside_the_video_is_left_out():
    found = labelled((-20, -2, 0, 0.9), (18, 30, 0, 0.8), (5, 6, 0, 0.7), duration=4.0)
    assert found.score == pytest.approx([0.7])


def test_detections_must_be_longer_than_the_least_after_the_cut():
    # One second each, of which the second is cut to a half.
    rows = [(5, 10, 0, 0.9), (13, 18, 1, 0.8)]
    assert labelled(*rows, duration=3.5, min_seconds=0.4).label.tolist() == [0, 1]
    assert labelled(*rows, duration=3.5, min_seconds=0.6).label.tolist() == [0]
    assert labelled(*rows, duration=3.5, min_seconds=1.1).label.tolist() == []


def test_candidates_are_suppressed_in_steps_before_the_cut():
    # Cut to the video both would be [0, 1.4]; in steps they overlap by 7 of 15.
    rows = [(-2, 5, 0, 0.9), (-10, 5, 0, 0.8)]
    hard = Suppression(method="hard", tiou_threshold=0.5, min_score=0.0)
    found = labelled(*rows, suppression=hard)
    assert found.start_seconds.tolist() == [0, 0]
    assert len(labelled(*rows, suppression=Suppression(method="hard", tiou_threshold=0.4)).score) == 1


def test_scores_are_those_that_suppression_left():
    found = labelled((0, 10, 0, 0.9), (0, 10, 0, 0.8), suppression=Suppression(sigma=0.5, min_score=0.0))
    np.testing.assert_allclose(found.score, [0.9, 0.8 * np.exp(-1 / 0.5)], rtol=1e-5)


def test_at_most_as_many_as_suppression_allows_stay():
    rows = [(3 * row, 3 * row + 2, 0, 0.9 - 0.1 * row) for row in range(5)]
    found = labelled(*rows, suppression=Suppression(max_detections=2))
    np.testing.assert_allclose(found.score, [0.9, 0.8], rtol=1e-6)


def test_without_candidates_there_are_empty_columns_of_the_right_kind():
    found = labelled()
    assert [column.dtype for column in (found.start_seconds, found.end_seconds, found.score)] == [np.float64] * 3
    assert found.label.dtype == np.int64
    assert len(found.score) == 0
