import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.evaluation.tiou import aligned_tiou, pairwise_tiou

segments = st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)).map(sorted)


def test_hand_worked_pairs():
    ours = [[0.0, 10.0], [5.0, 5.0], [20.0, 30.0]]
    theirs = [[0.0, 10.0], [5.0, 20.0], [10.0, 12.0], [5.0, 5.0]]
    expected = [[1.0, 5 / 20, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    assert pairwise_tiou(ours, theirs).tolist() == expected


def test_the_aligned_form_broadcasts():
    assert aligned_tiou(0.0, 4.0, [0.0, 2.0, 4.0], [2.0, 6.0, 8.0]).tolist() == [0.5, 2 / 6, 0.0]


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (2, 0)])
def test_no_segments_give_no_pairs(n, m):
    assert pairwise_tiou(np.zeros((n, 2)), np.zeros((m, 2))).shape == (n, m)


@pytest.mark.parametrize(
    ("end", "other_end", "tiou"),
    [(5.0, 10.0, 0.5), (3.0, 10.0, 0.3), (6.0, 10.0, 0.6), (7.0, 10.0, 0.7), (19.0, 20.0, 0.95)],
)
def test_round_fractions_are_the_nearest_doubles(end, other_end, tiou):
    assert aligned_tiou(0.0, end, 0.0, other_end) == tiou


@given(segments, segments)
def test_it_is_symmetric_and_between_0_and_1(ours, theirs):
    value = pairwise_tiou([ours], [theirs])[0, 0]
    assert 0 <= value <= 1
    assert value == pytest.approx(pairwise_tiou([theirs], [ours])[0, 0], rel=1e-9)


@given(segments)
def test_a_segment_equals_itself_unless_it_has_no_length(segment):
    assert pairwise_tiou([segment], [segment])[0, 0] == (1.0 if segment[1] > segment[0] else 0.0)
