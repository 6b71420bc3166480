from dataclasses import replace
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.models.predictions import Points
from untrimmed.models.sequences import Padding
from untrimmed.training.targets import CenterSampling, SequenceTruth, Targets

ANY_DISTANCE = (0.0, float("inf"))


def truth(*actions: tuple[float, float, int]) -> SequenceTruth:
    segments = torch.tensor([action[:2] for action in actions], dtype=torch.float32).reshape(-1, 2)
    return SequenceTruth(segments, torch.tensor([action[2] for action in actions], dtype=torch.int64))


def assign(points: Points, *truths: SequenceTruth, ranges=(ANY_DISTANCE,), radius=1.5, classes=3) -> Targets:
    return CenterSampling(ranges, radius).assign_points(points, truths, classes)


def learned(targets: Targets, row: int = 0) -> dict[int, set[int]]:
    """The classes that each positive point of a sequence learns."""
    found: dict[int, set[int]] = {}
    for label, point in targets.labels[row].nonzero().tolist():
        found.setdefault(point, set()).add(label)
    return found


def test_points_nearer_to_the_middle_than_the_radius_learn_the_action(points_of):
    targets = assign(points_of([10], 10, 1), truth((2, 6, 1)))
    assert learned(targets) == {3: {1}, 4: {1}, 5: {1}}
    assert targets.distances[0, 3:6].tolist() == [[1, 3], [2, 2], [3, 1]]


def test_the_radius_is_measured_in_strides_of_the_level_and_distances_too(points_of):
    # Level 1 stands at 0, 2, 4 ...; the middle is 10 and 1.5 strides are 3 steps: 8, 10 and 12.
    targets = assign(points_of([20], 20, 2), truth((0, 20, 0)), ranges=((100, 200), ANY_DISTANCE))
    assert learned(targets) == {20 + 4: {0}, 20 + 5: {0}, 20 + 6: {0}}
    assert targets.distances[0, 24].tolist() == [4, 6]


def test_a_point_exactly_at_the_radius_does_not_learn_the_action(points_of):
    # The middle is 5 and the radius of level 1 is 3: 2 and 8 lie on its rim.
    targets = assign(points_of([12], 12, 2), truth((0, 10, 0)), ranges=((100, 200), ANY_DISTANCE))
    assert learned(targets) == {12 + 2: {0}, 12 + 3: {0}}


def test_a_point_exactly_at_a_boundary_does_not_learn_the_action(points_of):
    assert learned(assign(points_of([8], 8, 1), truth((3, 5, 0)))) == {4: {0}}


def test_an_action_between_two_points_is_learned_by_none(points_of):
    assert learned(assign(points_of([8], 8, 1), truth((3.1, 3.9, 0)))) == {}


def test_a_level_learns_the_distances_of_its_range_with_both_ends_of_it(points_of):
    # The larger distance is 4 at the points 2 and 4, and 3 at the point 3.
    targets = assign(points_of([8], 8, 2), truth((0, 6, 0)), ranges=((0, 4), (4, float("inf"))))
    assert learned(targets) == {2: {0}, 3: {0}, 4: {0}, 8 + 1: {0}, 8 + 2: {0}}
    targets = assign(points_of([8], 8, 2), truth((0, 6, 0)), ranges=((0, 3.5), (4.5, float("inf"))))
    assert learned(targets) == {3: {0}}


def test_the_shortest_of_several_actions_wins(points_of):
    targets = assign(points_of([10], 10, 1), truth((0, 9, 0), (3, 6, 1)))
    assert learned(targets) == {4: {1}, 5: {1}}
    assert targets.distances[0, 4].tolist() == [1, 2]


def test_actions_of_equal_length_are_all_learned_with_the_distances_of_the_first(points_of):
    targets = assign(points_of([10], 10, 1), truth((2, 6, 0), (3, 7, 2)))
    assert learned(targets) == {3: {0}, 4: {0, 2}, 5: {0, 2}, 6: {2}}
    assert targets.distances[0, 4].tolist() == [2, 2]


@pytest.mark.parametrize(("longer", "classes"), [(0.0005, {0, 1}), (0.01, {0})])
def test_lengths_count_as_equal_up_to_a_thousandth_of_a_step(points_of, longer, classes):
    targets = assign(points_of([10], 10, 1), truth((2, 6, 0), (2, 6 + longer, 1)))
    assert learned(targets)[4] == classes


def test_one_class_twice_at_a_point_counts_once(points_of):
    targets = assign(points_of([10], 10, 1), truth((2, 6, 1), (2, 6, 1)))
    assert targets.labels.max() == 1
    assert targets.positive_places().point.tolist() == [3, 4, 5]


def test_places_hold_each_point_once_for_each_of_its_classes(points_of):
    targets = assign(points_of([10], 10, 1), truth((2, 6, 0), (3, 7, 2)))
    places = targets.positive_places()
    assert places.sequence.tolist() == [0] * 6
    assert list(zip(places.label.tolist(), places.point.tolist(), strict=True)) == [
        (0, 3), (0, 4), (0, 5), (2, 4), (2, 5), (2, 6),
    ]  # fmt: skip
    assert targets.positive.nonzero()[:, 1].tolist() == [3, 4, 5, 6]


def test_the_number_of_positive_points_is_that_of_their_weights(points_of):
    targets = assign(points_of([10, 4], 10, 1), truth((2, 6, 0), (3, 7, 2)), truth((0, 5, 1)))
    assert targets.number == 4 + 2
    weights = torch.zeros(2, 10).index_fill(1, torch.tensor([2, 3, 4]), 0.25)
    assert replace(targets, weights=weights).number == 0.25 * 2 + 0.25 * 2


def test_a_sequence_without_actions_has_nothing_to_learn(points_of):
    targets = assign(points_of([10], 10, 2), truth(), ranges=(ANY_DISTANCE,) * 2)
    assert targets.labels.shape == (1, 3, 15)
    assert targets.distances.shape == (1, 15, 2)
    assert not targets.labels.any()
    assert targets.valid.all()


def test_points_behind_the_end_of_a_sequence_learn_nothing(points_of):
    # Level 0 of the second sequence ends after step 3; its level 1 has the points at 0 and 2.
    targets = assign(points_of([8, 4], 8, 2), truth(), truth((1, 7, 0)), ranges=(ANY_DISTANCE,) * 2)
    assert targets.valid[1].nonzero()[:, 0].tolist() == [0, 1, 2, 3, 8, 9]
    assert learned(targets, row=1) == {3: {0}, 8 + 1: {0}}


def test_sequences_of_a_batch_learn_their_own_actions(points_of):
    both = assign(points_of([10, 10], 10, 1), truth((2, 6, 0)), truth((4, 8, 1)))
    assert learned(both, row=0) == learned(assign(points_of([10], 10, 1), truth((2, 6, 0))))
    assert learned(both, row=1) == learned(assign(points_of([10], 10, 1), truth((4, 8, 1))))


def test_another_number_of_ranges_than_levels_is_refused(points_of):
    with pytest.raises(ValueError, match="2 regression ranges were given for 3 levels"):
        assign(points_of([10], 10, 3), truth((2, 6, 0)), ranges=((0, 4), (4, 8)))


def by_plain_loops(steps, levels, actions, ranges, radius, classes):
    """Labels and distances of every point, one point and one action at a time."""
    labels, distances = [], []
    for level in range(levels):
        stride = 2**level
        for position in range(0, steps, stride):
            fitting = []
            for start, end, label in actions:
                middle = (start + end) / 2
                inside = start < position < end and abs(position - middle) < radius * stride
                if inside and ranges[level][0] <= max(position - start, end - position) <= ranges[level][1]:
                    fitting.append((end - start, start, end, label))
            shortest = min((action[0] for action in fitting), default=None)
            winners = [action for action in fitting if action[0] == shortest]
            labels.append([float(any(action[3] == k for action in winners)) for k in range(classes)])
            if winners:
                _, start, end, _ = winners[0]
                distances.append([(position - start) / stride, (end - position) / stride])
            else:
                distances.append(None)
    return labels, distances


#: Times in quarters of a step, which float32 adds without rounding.
quarters = st.integers(-8, 120).map(lambda number: number / 4)


@st.composite
def lists_of_actions(draw):
    actions = []
    for _ in range(draw(st.integers(0, 6))):
        start, length = draw(quarters), draw(st.integers(1, 100)) / 4
        actions.append((start, start + length, draw(st.integers(0, 2))))
    return actions


@given(actions=lists_of_actions(), steps=st.integers(1, 30), radius=st.sampled_from([0.5, 1.0, 1.5, 3.0]))
def test_targets_are_those_of_plain_loops(actions, steps, radius):
    ranges = ((0.0, 4.0), (4.0, 8.0), (8.0, float("inf")))
    paddings = [Padding((steps,), steps, torch.device("cpu"))]
    while len(paddings) < 3:
        paddings.append(paddings[-1].halved())
    targets = CenterSampling(ranges, radius).assign_points(Points(tuple(paddings)), [truth(*actions)], 3)
    labels, distances = by_plain_loops(steps, 3, actions, ranges, radius, 3)
    assert targets.labels[0].t().tolist() == labels
    for point, expected in enumerate(distances):
        if expected is not None:
            assert targets.distances[0, point].tolist() == expected


@given(actions=lists_of_actions(), shift=st.integers(1, 5))
def test_positive_points_lie_inside_what_they_learn(actions, shift):
    points = Points((Padding((30,), 30, torch.device("cpu")),))
    targets = CenterSampling((ANY_DISTANCE,), float(shift)).assign_points(points, [truth(*actions)], 3)
    assert (targets.distances[targets.positive] > 0).all()
    for label, point in product(range(3), range(30)):
        if targets.labels[0, label, point]:
            assert any(start < point < end and k == label for start, end, k in actions)
