"""Every number against the definitions written out as loops over rows, on small random tasks full of ties."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.annotations.annotations import Segments, Stretches
from untrimmed.evaluation import overlaps
from untrimmed.evaluation.evaluator import evaluate
from untrimmed.evaluation.grouping import in_numbering_of
from untrimmed.evaluation.matching import NOT_FOUND, match
from untrimmed.evaluation.recall import average_recall, recall_at_kx
from untrimmed.evaluation.repeats import first_of_each
from untrimmed.evaluation.tiou import aligned_tiou

THRESHOLDS = np.array([0.2, 1 / 3, 0.5, 0.75, 1.0])

times = st.tuples(st.integers(0, 8), st.integers(1, 8)).map(lambda pair: (pair[0], pair[0] + pair[1]))
truths = st.lists(
    st.builds(
        lambda video, time, label: (video, *time, label), st.sampled_from("ab"), times, st.sampled_from("xy")
    ),
    min_size=1,
    max_size=12,
)
found = st.lists(
    st.builds(
        lambda video, time, label, score: (video, *time, label, score),
        st.sampled_from("abc"),
        times | st.just((4, 4)),
        st.sampled_from("xyz"),
        st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    ),
    max_size=30,
)
# Stretches may stand in videos without ground truth, be empty, or end before they start.
stretches = st.lists(
    st.builds(
        lambda video, start, length: (video, start, start + length),
        st.sampled_from("ab"),
        st.integers(0, 14),
        st.integers(-1, 3),
    ),
    max_size=4,
)
# As some published files have them: no length, a negative one, or outside of any video.
odd_times = times | st.sampled_from([(4, 4), (6, 2), (-5, -1), (-2, 3), (500, 600)])
odd_truths = st.lists(
    st.builds(
        lambda video, time, label: (video, *time, label),
        st.sampled_from("ab"),
        odd_times,
        st.sampled_from("xy"),
    ),
    min_size=1,
    max_size=12,
)


def with_ignored(annotations, rows):
    """The annotations with stretches of rows (video, start, end) to be ignored."""
    rows = [row for row in rows if row[0] in annotations.videos.index]
    video, start, end = zip(*rows, strict=True) if rows else ((), (), ())
    number = np.array([annotations.videos.index[name] for name in video], dtype=np.int64)
    return replace(annotations, ignored=Stretches(number, np.array(start, float), np.array(end, float)))


def in_order(rows):
    """By falling score, then video, start, end and label."""
    return sorted(rows, key=lambda row: (-row[4], row[0], row[1], row[2], row[3]))


def tiou(ours, theirs):
    intersection = max(0, min(ours[2], theirs[2]) - max(ours[1], theirs[1]))
    union = (ours[2] - ours[1]) + (theirs[2] - theirs[1]) - intersection
    return intersection / union if union > 0 else 0.0


def matches(truths, found, threshold):
    """For each detection in order, the index of the truth that it takes, or None."""
    taken, result = set(), []
    for row in found:
        best = None
        for index, truth in enumerate(truths):
            fits = (truth[0], truth[3]) == (row[0], row[3]) and tiou(row, truth) >= threshold
            if fits and index not in taken:
                best = max((best, index), key=lambda i: (-1.0 if i is None else tiou(row, truths[i]), i or 0))
        taken.add(best)
        result.append(best)
    return result


def shares_time(row, stretch):
    return row[0] == stretch[0] and min(row[2], stretch[2]) > max(row[1], stretch[1])


def slow_ap(truths, found, label, threshold, ignored=()):
    truths = [row for row in truths if row[3] == label]
    found = in_order([row for row in found if row[3] == label])
    taken = matches(truths, found, threshold)
    hits = [
        index is not None
        for row, index in zip(found, taken, strict=True)
        if index is not None or not any(shares_time(row, stretch) for stretch in ignored)
    ]
    precision = [sum(hits[: k + 1]) / (k + 1) for k in range(len(hits))]
    return sum(max(precision[k:]) / len(truths) for k in range(len(hits)) if hits[k])


def slow_average_recall(truths, found, maximum, threshold):
    videos = sorted({row[0] for row in truths})
    total = len(found)
    if total == 0:
        return [0.0] * 100
    maximum = total / len(videos) if maximum is None else maximum
    ratio = maximum * float(len(videos)) / total
    kept = {}
    for video in videos:
        rows = in_order([row for row in found if row[0] == video])
        kept[video] = rows[: min(math.floor(len(rows) * ratio), len(rows))]
    n_kept = sum(map(len, kept.values()))
    if n_kept == 0:
        return [0.0] * 100
    curve = []
    for point in range(1, 101):
        share = (point / 100.0) * (maximum * float(len(videos)) / n_kept)
        hits = 0
        for truth in truths:
            rows = kept[truth[0]]
            used = rows[: min(math.floor(len(rows) * share), len(rows))]
            hits += any(tiou(row, truth) >= threshold for row in used)
        curve.append(hits / len(truths))
    return curve


def slow_recall_at_kx(truths, found, label, multiple, threshold):
    truths = [row for row in truths if row[3] == label]
    hits = 0
    for truth in truths:
        rivals = sum(row[0] == truth[0] for row in truths)
        rows = in_order([row for row in found if row[0] == truth[0] and row[3] == label])
        hits += any(tiou(row, truth) >= threshold for row in rows[: multiple * rivals])
    return hits / len(truths) if truths else math.nan


@given(truths, found)
def test_average_precision_is_that_of_the_loops(annotations_of, detections_of, truths, found):
    result = evaluate(detections_of(found), annotations_of(truths), tiou_thresholds=THRESHOLDS)
    assert result.classes == tuple(sorted({row[3] for row in truths}))
    expected = [[slow_ap(truths, found, label, tiou) for tiou in THRESHOLDS] for label in result.classes]
    np.testing.assert_allclose(result.average_precision, expected, atol=1e-12)
    np.testing.assert_allclose(result.mean_average_precision, np.mean(expected, axis=0), atol=1e-12)
    assert result.average_map == pytest.approx(np.mean(expected), abs=1e-12)


@given(odd_truths, found)
def test_ground_truth_as_it_is_written_counts_and_is_missed(annotations_of, detections_of, truths, found):
    annotations = annotations_of(truths)
    result = evaluate(
        detections_of(found), annotations, tiou_thresholds=THRESHOLDS, with_average_recall=True, with_recall=True
    )
    expected = [[slow_ap(truths, found, label, tiou) for tiou in THRESHOLDS] for label in result.classes]
    np.testing.assert_allclose(result.average_precision, expected, atol=1e-12)
    expected = [
        [[slow_recall_at_kx(truths, found, label, k, tiou) for tiou in THRESHOLDS] for label in result.classes]
        for k in (1, 5)
    ]
    np.testing.assert_allclose(result.recall_at_multiples.recall, expected, atol=1e-12)
    expected = [slow_average_recall(truths, found, 100, tiou) for tiou in np.linspace(0.5, 0.95, 10)]
    np.testing.assert_allclose(result.average_recall.recall, expected, atol=1e-12)


@given(truths, found, stretches)
def test_ignored_stretches_are_those_of_the_loops(annotations_of, detections_of, truths, found, ignored):
    annotations = with_ignored(annotations_of(truths), ignored)
    ignored = [row for row in ignored if row[0] in annotations.videos.index]
    result = evaluate(detections_of(found), annotations, tiou_thresholds=THRESHOLDS)
    expected = [[slow_ap(truths, found, label, tiou, ignored) for tiou in THRESHOLDS] for label in result.classes]
    np.testing.assert_allclose(result.average_precision, expected, atol=1e-12)
    left_out = [
        sum(
            index is None and any(shares_time(row, stretch) for stretch in ignored)
            for label in result.classes
            for row, index in zip(
                in_order([row for row in found if row[3] == label]),
                matches(truths, in_order([row for row in found if row[3] == label]), tiou),
                strict=True,
            )
        )
        for tiou in THRESHOLDS
    ]
    assert result.n_left_out.tolist() == left_out
    assert result.n_ignored == len(ignored)


@given(truths, found, stretches)
def test_what_is_ignored_never_lowers_precision(annotations_of, detections_of, truths, found, ignored):
    plain = annotations_of(truths)
    before = evaluate(detections_of(found), plain, tiou_thresholds=THRESHOLDS)
    after = evaluate(detections_of(found), with_ignored(plain, ignored), tiou_thresholds=THRESHOLDS)
    assert np.all(after.average_precision >= before.average_precision - 1e-12)


def slow_first_of_each(rows):
    kept, result = [], []
    for row in rows:
        same = [one for one in kept if (one[0], one[3]) == (row[0], row[3])]
        result.append(not any(abs(one[1] - row[1]) <= 1e-3 and abs(one[2] - row[2]) <= 1e-3 for one in same))
        if result[-1]:
            kept.append(row)
    return result


# Eighths of a millisecond are whole fractions of two, so that sums and differences of them are exact.
near_times = st.integers(0, 24).map(lambda number: 4 + number / 8192)


@given(st.lists(st.tuples(st.sampled_from([0, 1]), near_times, near_times, st.sampled_from([0, 1])), max_size=14))
def test_repeats_are_those_of_the_loops(rows):
    video, start, end, label = zip(*rows, strict=True) if rows else ((), (), (), ())
    segments = Segments(
        np.array(video, np.int64), np.array(start, float), np.array(end, float), np.array(label, np.int64)
    )
    assert first_of_each(segments).tolist() == slow_first_of_each(rows)


@given(truths, found, st.sampled_from([1, 3, 100, None]))
def test_average_recall_is_that_of_the_loops(annotations_of, detections_of, truths, found, maximum):
    curve = average_recall(
        detections_of(found), annotations_of(truths), tiou_thresholds=THRESHOLDS, max_average_number=maximum
    )
    expected = [slow_average_recall(truths, found, maximum, tiou) for tiou in THRESHOLDS]
    np.testing.assert_allclose(curve.recall, expected, atol=1e-12)
    assert np.all(np.diff(curve.recall, axis=1) >= 0)
    assert np.all(np.diff(curve.recall, axis=0) <= 0)


@given(truths, found)
def test_recall_at_kx_is_that_of_the_loops(annotations_of, detections_of, truths, found):
    annotations = annotations_of(truths, classes="xyw")
    result = recall_at_kx(detections_of(found), annotations, tiou_thresholds=THRESHOLDS, multiples=(1, 2, 5))
    expected = [
        [[slow_recall_at_kx(truths, found, label, k, tiou) for tiou in THRESHOLDS] for label in "xyw"]
        for k in (1, 2, 5)
    ]
    np.testing.assert_allclose(result, expected, atol=1e-12)


@given(truths, found, st.randoms(use_true_random=False))
def test_no_order_of_the_input_changes_the_result(annotations_of, detections_of, truths, found, random):
    annotations = annotations_of(truths)
    shuffled = random.sample(found, len(found))
    one = evaluate(
        detections_of(found, "abc", "xyz"), annotations, tiou_thresholds=THRESHOLDS, with_average_recall=True
    )
    other = evaluate(
        detections_of(shuffled, random.sample("abc", 3), random.sample("xyz", 3)),
        annotations,
        tiou_thresholds=THRESHOLDS,
        with_average_recall=True,
    )
    assert np.array_equal(one.average_precision, other.average_precision)
    assert np.array_equal(one.average_recall.recall, other.average_recall.recall)
    assert (one.ignored_classes, one.unknown_videos) == (other.ignored_classes, other.unknown_videos)


@given(truths, st.randoms(use_true_random=False))
def test_the_ground_truth_itself_is_perfect(annotations_of, detections_of, truths, random):
    found = [(*row, random.random()) for row in truths]
    result = evaluate(detections_of(found), annotations_of(truths), tiou_thresholds=THRESHOLDS)
    assert np.all(result.average_precision == 1.0)
    assert result.average_map == 1.0


@given(truths, found, st.sampled_from("ab"), st.sampled_from("xy"), st.floats(-1, 2))
def test_a_detection_of_nothing_never_raises_precision(
    annotations_of, detections_of, truths, found, video, label, score
):
    annotations = annotations_of(truths)
    before = evaluate(detections_of(found), annotations, tiou_thresholds=THRESHOLDS)
    nothing = (video, 100, 101, label, score)
    after = evaluate(detections_of([*found, nothing]), annotations, tiou_thresholds=THRESHOLDS)
    assert np.all(after.average_precision <= before.average_precision)
    if score < 0:
        assert np.array_equal(after.average_precision, before.average_precision)


@given(truths, found)
def test_nobody_is_matched_twice_or_below_the_threshold(annotations_of, detections_of, truths, found):
    annotations = annotations_of(truths)
    ranked = in_numbering_of(annotations, detections_of(found).sorted())
    segments = annotations.segments
    for row, threshold in zip(match(ranked, segments, THRESHOLDS), THRESHOLDS, strict=True):
        hit = np.flatnonzero(row != NOT_FOUND)
        by = row[hit]
        assert len(set(by.tolist())) == len(by)
        assert np.array_equal(ranked.video[by], segments.video[hit])
        assert np.array_equal(ranked.label[by], segments.label[hit])
        values = aligned_tiou(
            ranked.start_seconds[by],
            ranked.end_seconds[by],
            segments.start_seconds[hit],
            segments.end_seconds[hit],
        )
        assert np.all(values >= threshold)


@pytest.mark.parametrize("pairs_at_once", [1, 50, 1 << 19])
def test_one_crowded_video_in_blocks_of_any_size(annotations_of, detections_of, monkeypatch, pairs_at_once):
    monkeypatch.setattr(overlaps, "PAIRS_AT_ONCE", pairs_at_once)
    random = np.random.default_rng(3)
    start, length = random.uniform(0, 30, 40), random.uniform(1, 20, 40)
    truths = [("v", s, s + d, "x") for s, d in zip(start, length, strict=True)]
    target, jitter = random.integers(0, 40, 400), random.normal(0, 1, (2, 400))
    found = [
        ("v", truths[t][1] + a, max(truths[t][2] + b, truths[t][1] + a), "x", score)
        for t, a, b, score in zip(target, *jitter, random.random(400), strict=True)
    ]
    annotations = annotations_of(truths)
    ranked = in_numbering_of(annotations, detections_of(found).sorted())
    for row, threshold in zip(match(ranked, annotations.segments, THRESHOLDS), THRESHOLDS, strict=True):
        taken = matches(truths, in_order(found), threshold)
        assert row.tolist() == [taken.index(t) if t in taken else NOT_FOUND for t in range(len(truths))]
