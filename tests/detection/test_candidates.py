import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from untrimmed.detection.candidates import Candidates, candidates
from untrimmed.models.predictions import DirectRegression, Places, Points, Predictions

LOWEST = -1000.0


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def predictions(points: Points, scores: dict[tuple[int, int, int], float], classes: int = 2) -> Predictions:
    """Scores at (sequence, class, point), none elsewhere; every distance is a stride before and two after."""
    batch = len(points.valid)
    logits = torch.full((batch, classes, len(points)), LOWEST, dtype=torch.float64)
    for place, score in scores.items():
        logits[place] = logit(score)
    distances = torch.tensor([1.0, 2.0])[None, :, None].expand(batch, 2, len(points))
    return Predictions(points, logits, DirectRegression(distances))


def found(predicted: Predictions, threshold=0.001, per_level=100, min_steps=0.0) -> list[list[tuple]]:
    """(start, end, label, score) of each candidate of each sequence, in order."""
    several = candidates(predicted, threshold=threshold, per_level=per_level, min_steps=min_steps)
    return [rows_of(one) for one in several]


def rows_of(one: Candidates) -> list[tuple]:
    columns = (one.start_steps, one.end_steps, one.label, one.score)
    return [
        (start, end, label, round(score, 6))
        for start, end, label, score in zip(*(column.tolist() for column in columns), strict=True)
    ]


def test_distances_are_in_strides_of_the_level_around_its_points(points_of):
    # 8 steps, then 4 of stride 2 and 2 of stride 4: the points 8, 9, 10, 11 and 12, 13.
    points = points_of([8], 8, 3)
    predicted = predictions(points, {(0, 0, 3): 0.9, (0, 1, 10): 0.8, (0, 0, 13): 0.7})
    assert found(predicted) == [[(2, 5, 0, 0.9), (2, 8, 1, 0.8), (0, 12, 0, 0.7)]]


def test_levels_come_one_after_another_each_by_falling_score(points_of):
    predicted = predictions(
        points_of([4], 4, 2), {(0, 0, 1): 0.2, (0, 1, 2): 0.3, (0, 0, 4): 0.8, (0, 0, 5): 0.9}
    )
    assert [score for *_, score in found(predicted)[0]] == [0.3, 0.2, 0.9, 0.8]


def test_scores_must_exceed_the_threshold(points_of):
    predicted = predictions(points_of([4], 4, 1), {(0, 0, 0): 0.5, (0, 0, 1): 0.5000001, (0, 0, 2): 0.4})
    threshold = 0.5  # exactly the sigmoid of 0
    assert [start for start, *_ in found(predicted, threshold=threshold)[0]] == [0]


def test_a_level_gives_its_best_and_no_more_than_allowed(points_of):
    points = points_of([4], 4, 2)
    scores = {(0, k, point): 0.1 + 0.1 * point + 0.01 * k for k in range(2) for point in range(6)}
    rows = found(predictions(points, scores), per_level=3)[0]
    assert [score for *_, score in rows] == [0.41, 0.4, 0.31, 0.61, 0.6, 0.51]


def test_every_sequence_of_a_batch_has_its_own_allowance(points_of):
    points = points_of([4, 4], 4, 1)
    scores = {(0, 0, point): 0.9 for point in range(4)} | {(1, 0, point): 0.1 for point in range(4)}
    assert [len(rows) for rows in found(predictions(points, scores), per_level=3)] == [3, 3]


def test_among_equal_scores_the_earlier_point_and_then_the_lower_class_comes_first(points_of):
    points = points_of([600], 600, 1)
    logits = torch.zeros(1, 3, 600)
    predicted = Predictions(points, logits, DirectRegression(torch.ones(1, 2, 600)))
    rows = found(predicted, per_level=700)[0]
    assert [(start + 1, label) for start, _, label, _ in rows] == [divmod(row, 3) for row in range(700)]


def test_segments_must_be_longer_than_the_least(points_of):
    points = points_of([4], 4, 2)
    predicted = predictions(points, {(0, 0, 1): 0.9, (0, 0, 4): 0.8})
    # Three strides: 3 steps on level 0, 6 on level 1.
    assert [end - start for start, end, *_ in found(predicted, min_steps=2.9)[0]] == [3, 6]
    assert [end - start for start, end, *_ in found(predicted, min_steps=3.0)[0]] == [6]
    assert found(predicted, min_steps=6.0) == [[]]


def test_segments_that_end_before_they_start_are_left_out(points_of):
    points = points_of([4], 4, 1)
    distances = torch.tensor([[[1.0, -3, 0, -1], [1, 1, 0, 2]]])
    predicted = Predictions(points, torch.zeros(1, 1, 4), DirectRegression(distances))
    # At 1 the end lies before the start, at 2 they are one; at 3 the point lies outside its segment.
    assert found(predicted) == [[(-1, 1, 0, 0.5), (4, 5, 0, 0.5)]]


def test_points_behind_the_end_of_a_sequence_give_none(points_of):
    points = points_of([8, 3], 8, 2)
    everywhere = {(row, 0, point): 0.9 for row in range(2) for point in range(12)}
    rows = found(predictions(points, everywhere))
    assert len(rows[0]) == 12
    assert [(start, end) for start, end, *_ in rows[1]] == [(-1, 2), (0, 3), (1, 4), (-2, 4), (0, 6)]


def test_a_sequence_in_which_nothing_scores_has_none(points_of):
    rows = candidates(
        predictions(points_of([4, 4], 4, 2), {(1, 0, 0): 0.9}), threshold=0.1, per_level=9, min_steps=0
    )
    assert [len(one.score) for one in rows] == [0, 1]
    assert rows[0].start_steps.shape == rows[0].end_steps.shape == rows[0].label.shape == (0,)
    assert rows[0].label.dtype == torch.int64


class Counting:
    """A regression that remembers for how many places it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def distances(self, places: Places) -> Tensor:
        self.asked.append(len(places.point))
        return torch.ones(len(places.point), 2)


def test_boundaries_are_computed_for_the_chosen_alone(points_of):
    points, regression = points_of([400], 400, 3), Counting()
    predicted = Predictions(points, torch.zeros(1, 20, len(points)), regression)
    candidates(predicted, threshold=0.1, per_level=5, min_steps=0)
    assert regression.asked == [15]


@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
    per_level=st.integers(1, 10),
    threshold=st.sampled_from([0.0, 0.3, 0.6]),
    min_steps=st.sampled_from([0.0, 1.5]),
)
def test_a_sequence_gives_in_a_batch_what_it_gives_alone(
    lengths, seed, per_level, threshold, min_steps, points_of
):
    generator = torch.Generator().manual_seed(seed)
    levels, settings = 3, {"threshold": threshold, "per_level": per_level, "min_steps": min_steps}
    together = points_of(lengths, 12, levels)
    # Halves of logits, so that many are equal.
    logits = (2 * torch.randn(len(lengths), 2, len(together), generator=generator)).round() / 2
    distances = 3 * torch.randn(len(lengths), 2, len(together), generator=generator)
    batch = candidates(Predictions(together, logits, DirectRegression(distances)), **settings)
    for row, length in enumerate(lengths):
        alone = points_of([length], length, levels)
        kept = together.valid[row]
        predicted = Predictions(
            alone, logits[row : row + 1, :, kept], DirectRegression(distances[row : row + 1, :, kept])
        )
        (expected,) = candidates(predicted, **settings)
        for name in ("start_steps", "end_steps", "score", "label"):
            assert torch.equal(getattr(batch[row], name), getattr(expected, name))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_scores_of_half_precision_are_float32(dtype, points_of):
    predicted = Predictions(
        points_of([4], 4, 1), torch.zeros(1, 1, 4, dtype=dtype), DirectRegression(torch.ones(1, 2, 4))
    )
    (one,) = candidates(predicted, threshold=0.1, per_level=9, min_steps=0)
    assert one.score.dtype == torch.float32


@given(
    scores=st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.5, 0.9]), min_size=1, max_size=40),
    threshold=st.sampled_from([0.0, 0.1, 0.25, 0.9]),
    per_level=st.integers(1, 12),
)
def test_of_more_than_a_level_may_give_the_best_stay_and_of_equals_the_first(
    scores, threshold, per_level, points_of
):
    points = points_of([len(scores)], len(scores), 1)
    predicted = predictions(points, {(0, 0, step): score for step, score in enumerate(scores) if score > 0}, 1)
    ranked = sorted(range(len(scores)), key=lambda step: (-scores[step], step))
    expected = [step - 1.0 for step in ranked if scores[step] > threshold][:per_level]
    assert [start for start, *_ in found(predicted, threshold, per_level)[0]] == expected
