import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from untrimmed.detection import greedy, pairs
from untrimmed.detection.nms import Kept, Suppression, suppress


class Candidates(NamedTuple):
    start: np.ndarray
    end: np.ndarray
    score: np.ndarray
    label: np.ndarray


def make(rows, dtype=np.float64):
    """Candidates from rows of start, end, score, label."""
    columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    return Candidates(*columns[:3].astype(dtype), columns[3].astype(np.int64))


@st.composite
def candidates(draw):
    """Few values, so that ties, equal segments, touching ones and ones of zero length are common."""
    number = draw(st.integers(0, 30))
    halves = st.integers(0, 24).map(lambda number: number / 2)
    row = st.tuples(halves, st.integers(0, 8), st.integers(0, 8), st.integers(0, 2))
    rows = [
        (start, start + length / 2, score / 8, label)
        for start, length, score, label in draw(st.lists(row, min_size=number, max_size=number))
    ]
    return make(rows, draw(st.sampled_from([np.float32, np.float64])))


def distinct_candidates(seed, n, classes):
    """Candidates without ties: random times and scores."""
    random = np.random.default_rng(seed)
    start = random.uniform(0, 100, n)
    return Candidates(
        start, start + random.exponential(5, n), random.uniform(0, 1, n), random.integers(0, classes, n)
    )


def tiou(given, row):
    """The tIoU of one candidate with all, as the releases have it."""
    start, end = given.start.astype(np.float64), given.end.astype(np.float64)
    length = end - start + 1e-6
    shared = np.maximum(0, np.minimum(end, end[row]) - np.maximum(start, start[row]))
    return shared / (length + length[row] - shared)


def sequential(given, suppression):
    """The definition, a step at a time: index and score."""
    score = given.score.astype(np.float64)
    result = []
    for label in np.unique(given.label) if suppression.per_class else [None]:
        rows = list(np.flatnonzero((given.label == label) | (label is None)))
        current = score.copy()
        if suppression.method == "hard":
            rows = [row for row in rows if score[row] > suppression.min_score]
        while rows:
            best = max(rows, key=lambda row: (current[row], -row))
            result.append((current[best], best))
            rows.remove(best)
            overlap = tiou(given, best)
            if suppression.method == "hard":
                rows = [row for row in rows if overlap[row] < suppression.tiou_threshold]
            else:
                current *= np.exp(-(overlap**2) / suppression.sigma)
                rows = [row for row in rows if current[row] >= suppression.min_score]
    result.sort(key=lambda pair: -pair[0])
    result = result[: suppression.max_detections]
    return np.array([row for _, row in result], dtype=int), np.array([value for value, _ in result])


@pytest.fixture(params=["usual blocks", "tiny blocks"])
def blocks(request):
    """Runs a test once more with blocks so small that few candidates already need several of each kind."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "tiny blocks":
            patch.setattr(greedy, "_FRONT", 3)
            patch.setattr(pairs, "_TILE", 4)
        yield


def assert_same(kept: Kept, other: Kept):
    for name in ("index", "start", "end", "score"):
        assert_array_equal(getattr(kept, name), getattr(other, name))


# By hand: tIoU of [0, 4] and [2, 6] is 2 / 6, of [0, 4] and [0, 3] it is 3 / 4.
HAND = make([(0, 4, 0.9, 0), (2, 6, 0.8, 0), (0, 3, 0.7, 1), (10, 12, 0.1, 1)])


def test_soft_lowers_scores_by_a_gaussian_of_the_tiou():
    kept = suppress(*HAND, Suppression(sigma=0.5, per_class=False))
    second = 0.8 * math.exp(-((1 / 3) ** 2) / 0.5)
    third = 0.7 * math.exp(-((3 / 4) ** 2 + (1 / 6) ** 2) / 0.5)
    assert_array_equal(kept.index, [0, 1, 2, 3])
    assert_allclose(kept.score, [0.9, second, third, 0.1], atol=1e-6)
    assert_array_equal(kept.start, [0, 2, 0, 10])
    assert_array_equal(kept.end, [4, 6, 3, 12])


def test_classes_do_not_touch_each_other():
    kept = suppress(*HAND, Suppression(sigma=0.5))
    assert_array_equal(kept.index, [0, 2, 1, 3])
    assert_allclose(kept.score, [0.9, 0.7, 0.8 * math.exp(-((1 / 3) ** 2) / 0.5), 0.1], atol=1e-6)


def test_hard_removes_from_the_threshold_on_and_leaves_scores_alone():
    overlap = 2 / ((4 + 1e-6) + (4 + 1e-6) - 2)
    settings = Suppression(method="hard", per_class=False, tiou_threshold=np.nextafter(overlap, 1))
    kept = suppress(*HAND, settings)
    assert_array_equal(kept.index, [0, 1, 3])
    assert_array_equal(kept.score, HAND.score[[0, 1, 3]])
    assert_array_equal(suppress(*HAND, replace(settings, tiou_threshold=overlap)).index, [0, 3])


def test_hard_removal_needs_a_kept_candidate():
    chain = make([(0, 4, 0.9, 0), (2, 6, 0.8, 0), (4, 8, 0.7, 0)])
    kept = suppress(*chain, Suppression(method="hard", tiou_threshold=0.3))
    assert_array_equal(kept.index, [0, 2])


def test_none_only_sorts_and_cuts():
    kept = suppress(*HAND, Suppression(method="none", min_score=0.2, max_detections=2))
    assert_array_equal(kept.index, [0, 1])
    assert_array_equal(kept.score, [0.9, 0.8])


def test_min_score_is_kept_by_soft_and_none_and_dropped_by_hard():
    alone = make([(0, 1, 0.5, 0), (5, 6, 0.25, 0)], np.float32)
    for method, count in (("soft", 2), ("none", 2), ("hard", 1)):
        assert len(suppress(*alone, Suppression(method=method, min_score=0.25))) == count


def test_min_score_has_the_precision_of_the_scores():
    for dtype in (np.float32, np.float64):
        at_minimum = make([(0, 1, 0.5, 0), (5, 6, 0.001, 0)], dtype)
        assert len(suppress(*at_minimum, Suppression(method="none", min_score=0.001))) == 2
        assert len(suppress(*at_minimum, Suppression(method="hard", min_score=0.001))) == 1


def test_soft_spares_the_best_of_a_class_that_has_nothing_better():
    weak = make([(0, 1, 0.5, 0), (5, 6, 0.02, 1), (7, 8, 0.03, 1), (2, 3, 0.01, 2), (4, 5, 0.04, 0)])
    assert_array_equal(suppress(*weak, Suppression(min_score=0.1)).index, [0, 2, 3])
    assert_array_equal(suppress(*weak, Suppression(min_score=0.1, max_detections=2)).index, [0, 2])
    assert_array_equal(suppress(*weak, Suppression(min_score=0.1, per_class=False)).index, [0])
    assert_array_equal(
        suppress(*(column[1:] for column in weak), Suppression(min_score=0.1, per_class=False)).index, [3]
    )


def test_scores_of_zero_are_dropped_when_no_minimum_is_set():
    faint = make([(0, 1, 0.5, 0), (5, 6, 0, 0), (7, 8, 1e-30, 0)])
    for method in ("soft", "hard", "none"):
        assert_array_equal(suppress(*faint, Suppression(method=method, min_score=0)).index, [0, 2])


@pytest.mark.parametrize("method", ["soft", "hard", "none"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_gives_nothing_and_types_stay(method, dtype):
    kept = suppress(*make([], dtype), Suppression(method=method))
    assert len(kept) == 0
    assert kept.index.dtype == np.int64
    assert kept.start.dtype == kept.end.dtype == kept.score.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("voting_tiou", [None, 0.5])
def test_one_candidate_stays_as_it_is(dtype, voting_tiou):
    settings = Suppression(per_class=False, voting_tiou=voting_tiou)
    kept = suppress(*make([(3, 7, 0.3, 5)], dtype), settings)
    assert_array_equal(kept.index, [0])
    assert_allclose([kept.start[0], kept.end[0]], [3, 7], rtol=1e-7)
    assert_array_equal(kept.score, np.array([0.3], dtype))
    assert kept.start.dtype == kept.end.dtype == kept.score.dtype == dtype
    assert kept.start.dtype == kept.end.dtype == kept.score.dtype == dtype


@pytest.mark.parametrize("n", [5, 700])
def test_identical_candidates_go_by_index(n):
    same = make([(1, 3, 0.8, 2)] * n)
    kept = suppress(*same, Suppression(sigma=0.5, min_score=0.001))
    # 0.8 exp(-2 k) stays at or above 0.001 for k = 0, 1, 2, 3. The length's 1e-6 lowers the tIoU a little.
    assert_array_equal(kept.index, [0, 1, 2, 3])
    assert_allclose(kept.score, 0.8 * np.exp(-2.0 * np.arange(4)), rtol=1e-4)
    assert_array_equal(suppress(*same, Suppression(method="hard")).index, [0])


def test_more_equal_scores_than_a_block_holds_go_by_index():
    n = 700
    random = np.random.default_rng(5)
    start = random.permutation(n).astype(np.float64)
    apart = Candidates(start, start + 0.5, np.full(n, 0.5), np.zeros(n, np.int64))
    assert_array_equal(suppress(*apart, Suppression(max_detections=300, min_score=0.5)).index, np.arange(300))


def test_of_two_overlapping_with_equal_scores_the_lower_index_stays_wherever_it_lies():
    times = [(10 * i + 1, 10 * i) for i in range(250)]
    twins = [[(start, start + 4, 1 - i / 300, 0) for start in two] for i, two in enumerate(times)]
    kept = suppress(*make(twins), Suppression(method="hard"))
    assert_array_equal(kept.index, np.arange(0, 500, 2))


def test_equal_scores_go_by_class_then_index():
    apart = make([(0, 1, 0.5, 1), (2, 3, 0.5, 0), (4, 5, 0.5, 1), (6, 7, 0.5, 0)])
    for method in ("soft", "hard", "none"):
        assert_array_equal(suppress(*apart, Suppression(method=method)).index, [1, 3, 0, 2])
        assert_array_equal(suppress(*apart, Suppression(method=method, per_class=False)).index, [0, 1, 2, 3])


def test_zero_lengths_and_touching_segments_do_not_overlap():
    points = make([(1, 1, 0.9, 0), (1, 1, 0.8, 0), (0, 1, 0.7, 0), (1, 2, 0.6, 0)])
    for method in ("soft", "hard"):
        kept = suppress(*points, Suppression(method=method))
        assert_array_equal(kept.index, [0, 1, 2, 3])
        assert_array_equal(kept.score, points.score)


@pytest.mark.parametrize("method", ["soft", "hard"])
@pytest.mark.parametrize("per_class", [True, False])
@pytest.mark.parametrize(("n", "limit"), [(40, 1000), (1500, 1000), (1500, 137)])
def test_blocks_give_what_the_definition_gives(method, per_class, n, limit):
    given = distinct_candidates(n + limit, n, 4)
    settings = Suppression(method=method, per_class=per_class, max_detections=limit, min_score=0.01)
    kept = suppress(*given, settings)
    index, score = sequential(given, settings)
    assert_array_equal(kept.index, index)
    assert_allclose(kept.score, score, rtol=1e-12)


@given(given=candidates(), per_class=st.booleans(), limit=st.integers(1, 30), threshold=st.floats(0.05, 1))
@pytest.mark.usefixtures("blocks")
def test_hard_keeps_what_the_definition_keeps_with_ties(given, per_class, limit, threshold):
    settings = Suppression(
        method="hard", per_class=per_class, max_detections=limit, tiou_threshold=threshold, min_score=0.1
    )
    kept = suppress(*given, settings)
    index, score = sequential(given, settings)
    assert_array_equal(kept.index, index)
    assert_array_equal(kept.score, score)


@given(given=candidates(), per_class=st.booleans(), sigma=st.floats(0.05, 2))
@pytest.mark.usefixtures("blocks")
def test_soft_emits_the_best_at_every_step(given, per_class, sigma):
    """Replays the definition along the result: this holds for whatever order rounding gives to ties."""
    settings = Suppression(sigma=sigma, per_class=per_class, min_score=0.02)
    kept = suppress(*given, settings)
    left = given.score.astype(np.float64)
    fresh = set(given.label) if per_class else {0}
    for row, score in zip(kept.index, kept.score, strict=True):
        group = given.label[row] if per_class else 0
        same = (given.label == group) | (not per_class)
        assert left[row] == pytest.approx(score, abs=1e-6)
        assert left[row] >= left[same].max() - 1e-6
        assert left[row] >= settings.min_score - 1e-6 or group in fresh
        fresh.discard(group)
        left[same] *= np.exp(-(tiou(given, row)[same] ** 2) / sigma)
        left[row] = -1
    assert not fresh if len(given.label) else len(kept) == 0
    assert (left < settings.min_score + 1e-6).all()
    assert (np.diff(kept.score) <= 0).all()


@given(given=candidates(), per_class=st.booleans(), method=st.sampled_from(["soft", "hard", "none"]))
@pytest.mark.usefixtures("blocks")
def test_of_equal_candidates_the_first_goes_first(given, per_class, method):
    twice = Candidates(*(np.concatenate([column, column]) for column in given))
    kept = suppress(*twice, Suppression(method=method, per_class=per_class, min_score=0))
    place = np.full(len(twice.label), len(kept))
    place[kept.index] = np.arange(len(kept))
    first, second = np.split(place, 2)
    assert (first <= second).all()


@given(given=candidates(), per_class=st.booleans(), method=st.sampled_from(["soft", "hard"]), data=st.data())
@pytest.mark.usefixtures("blocks")
def test_stopping_early_gives_the_beginning_of_the_whole(given, per_class, method, data):
    settings = Suppression(method=method, per_class=per_class, min_score=0.01)
    whole = suppress(*given, settings)
    limit = data.draw(st.integers(1, len(whole) + 1))
    part = suppress(*given, replace(settings, max_detections=limit))
    assert_same(part, Kept(whole.index[:limit], whole.start[:limit], whole.end[:limit], whole.score[:limit]))


@pytest.mark.parametrize("method", ["soft", "hard"])
def test_the_order_of_the_input_does_not_matter_without_ties(method):
    given = distinct_candidates(7, 600, 3)
    order = np.random.default_rng(8).permutation(600)
    settings = Suppression(method=method)
    kept, permuted = suppress(*given, settings), suppress(*(column[order] for column in given), settings)
    assert_array_equal(order[permuted.index], kept.index)
    assert_allclose(permuted.score, kept.score, rtol=1e-12)


def test_the_input_is_left_as_it_was():
    before = distinct_candidates(9, 50, 2)
    after = Candidates(*(column.copy() for column in before))
    suppress(*after, Suppression(per_class=False, voting_tiou=0.5))
    for column, original in zip(after, before, strict=True):
        assert_array_equal(column, original)


# [0, 4] votes for itself with tIoU 1, [0, 5] for it with 4 / 5 although of another class; [3, 9] does not.
VOTERS = make([(0, 4, 0.8, 0), (0, 5, 0.4, 1), (3, 9, 0.7, 0)])


def test_voting_by_score():
    kept = suppress(*VOTERS, Suppression(per_class=False, max_detections=1, voting_tiou=0.7))
    assert_allclose([kept.start[0], kept.end[0]], [0, (0.8 * 4 + 0.4 * 5) / 1.2])
    assert kept.score[0] == 0.8


def test_voting_by_score_and_tiou():
    settings = Suppression(
        per_class=False, max_detections=1, voting_tiou=0.7, voting_weight="score_tiou", method="hard"
    )
    assert_allclose(suppress(*VOTERS, settings).end, [(0.8 * 4 + 0.4 * 0.8 * 5) / (0.8 + 0.4 * 0.8)])


def test_candidates_below_the_minimum_vote_too():
    settings = Suppression(per_class=False, min_score=0.5, max_detections=1, voting_tiou=0.8)
    assert_allclose(suppress(*VOTERS, settings).end, [(0.8 * 4 + 0.4 * 5) / 1.2])


def test_a_segment_without_votes_stays():
    points = make([(5, 5, 0.9, 0), (5, 5, 0.5, 0), (4, 7, 0.4, 0)])
    kept = suppress(*points, Suppression(per_class=False, voting_tiou=0.5))
    assert_array_equal(kept.start, [5, 5, 4])
    assert_array_equal(kept.end, [5, 5, 7])


@given(given=candidates(), threshold=st.floats(0.05, 1), weight=st.sampled_from(["score", "score_tiou"]))
@pytest.mark.usefixtures("blocks")
def test_voting_is_a_weighted_mean_over_all_candidates(given, threshold, weight):
    settings = Suppression(method="none", per_class=False, voting_tiou=threshold, voting_weight=weight)
    start, end, score = (column.astype(np.float64) for column in given[:3])
    kept = suppress(*given, settings)
    for place, row in enumerate(kept.index):
        shared = np.maximum(0, np.minimum(end, end[row]) - np.maximum(start, start[row]))
        union = end - start + end[row] - start[row] - shared
        overlap = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
        weights = score * (overlap >= threshold) * (overlap if weight == "score_tiou" else 1)
        voted = [weights @ start, weights @ end] / weights.sum() if weights.any() else [start[row], end[row]]
        assert_allclose([kept.start[place], kept.end[place]], voted, atol=1e-5)


@pytest.mark.parametrize(
    ("row", "named"),
    [((np.nan, 1, 0.5, 0), "start nan"), ((2, 1, 0.5, 0), "end 1.0"), ((0, 1, 1.5, 0), "score 1.5")],
)
def test_a_candidate_out_of_range_is_named(row, named):
    with pytest.raises(ValueError, match=f"candidate 1 has .*{named}"):
        suppress(*make([(0, 1, 0.5, 0), row]), Suppression())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "linear"),
        ("sigma", 0),
        ("sigma", math.nan),
        ("tiou_threshold", 0),
        ("tiou_threshold", 1.1),
        ("min_score", -0.1),
        ("max_detections", 0),
        ("voting_tiou", 0.0),
        ("voting_weight", "tiou"),
    ],
)
def test_settings_out_of_range_are_named(name, value):
    with pytest.raises(ValueError, match=f"{name} of the suppression is {value}, but must be"):
        Suppression(**{"per_class": False, name: value})


def test_voting_needs_all_classes_together():
    with pytest.raises(ValueError, match="set per_class to false, or voting_tiou to null"):
        Suppression(per_class=True, voting_tiou=0.7)
