from collections.abc import Callable

import torch
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.models.predictions import DirectRegression, Places, Points

PointsOf = Callable[..., Points]


def test_points_of_a_small_pyramid(points_of: PointsOf) -> None:
    points = points_of([5, 2], steps=5, levels=3)
    assert points.sizes == (5, 3, 2)
    assert len(points) == 10
    assert points.first == (0, 5, 8)
    assert points.first_of_level.tolist() == [0, 5, 8]
    assert points.level.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 2, 2]
    assert points.stride.tolist() == [1, 1, 1, 1, 1, 2, 2, 2, 4, 4]
    assert points.position_steps.tolist() == [0, 1, 2, 3, 4, 0, 2, 4, 0, 4]
    assert points.valid.tolist() == [
        [True] * 10,
        [True, True, False, False, False, True, False, False, True, False],
    ]


@given(length=st.integers(1, 300), more=st.integers(0, 40), levels=st.integers(1, 7))
def test_valid_points_are_those_that_stand_within_their_sequence(
    points_of: PointsOf, length: int, more: int, levels: int
) -> None:
    points = points_of([length], length + more, levels)
    assert torch.equal(points.valid[0], points.position_steps < length)


def test_direct_regression_gives_the_two_distances_of_each_point_to_every_class() -> None:
    values = torch.arange(12.0).reshape(2, 2, 3)
    places = Places(torch.tensor([0, 1, 1]), torch.tensor([2, 0, 0]), torch.tensor([0, 1, 4]))
    assert DirectRegression(values).distances(places).tolist() == [[2, 5], [6, 9], [6, 9]]


def test_direct_regression_of_no_places_is_empty() -> None:
    none = torch.zeros(0, dtype=torch.long)
    assert DirectRegression(torch.zeros(1, 2, 4)).distances(Places(none, none, none)).shape == (0, 2)
