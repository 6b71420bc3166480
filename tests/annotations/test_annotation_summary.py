import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.annotations.annotations import Annotations, Segments, Stretches, Videos
from untrimmed.annotations.summary import (
    ClassSummary,
    Ignored,
    Overlaps,
    Spread,
    SubsetSummary,
    VideoLength,
    format_summary,
    summarize,
)


def annotations_of(segments, durations, classes=("a", "b", "c"), subsets=None):
    """Videos v0, v1, ... and segments (video, start, end, label)."""
    columns = list(zip(*segments, strict=True)) or [(), (), (), ()]
    ids = tuple(f"v{row}" for row in range(len(durations)))
    return Annotations(
        classes,
        Videos(
            ids,
            np.array(durations, dtype=float),
            np.full(len(ids), np.nan),
            subsets or ("",) * len(ids),
        ),
        Segments(
            np.array(columns[0], dtype=np.int64),
            np.array(columns[1], dtype=float),
            np.array(columns[2], dtype=float),
            np.array(columns[3], dtype=np.int64),
        ),
    )


# v0 (10 s): a 1-4, b 3-6, a 6-7, labelled 6 s, one pair of different classes, 6 s only touches.
# v1 (20 s): none. v2 (unknown): a 0-2 and a 1-3. v3 (30 s): b 0-10 holds b 2-3 and a 4-5, labelled 10 s.
EXAMPLE = annotations_of(
    [
        (3, 0, 10, 1),
        (0, 1, 4, 0),
        (0, 3, 6, 1),
        (0, 6, 7, 0),
        (2, 0, 2, 0),
        (3, 2, 3, 1),
        (3, 4, 5, 0),
        (2, 1, 3, 0),
    ],
    [10, 20, np.nan, 30],
    subsets=("test", "training", "test", ""),
)


def test_the_numbers_of_a_small_set_are_those_counted_by_hand():
    summary = summarize(EXAMPLE)
    assert summary.subsets == (
        SubsetSummary("test", videos=2, videos_with_actions=2, instances=5),
        SubsetSummary("training", videos=1, videos_with_actions=0, instances=0),
        SubsetSummary("", videos=1, videos_with_actions=1, instances=3),
    )
    assert (summary.videos, summary.videos_with_actions, summary.instances) == (4, 3, 8)
    assert summary.classes == (
        ClassSummary("a", 5, 5 / 8, Spread(1.0, 2.0, 3.0)),
        ClassSummary("b", 3, 3 / 8, Spread(1.0, 3.0, 10.0)),
        ClassSummary("c", 0, 0.0, None),
    )
    assert summary.seconds == Spread(1.0, 2.0, 10.0)
    assert summary.videos_with_duration == 3
    assert summary.total_seconds == 60.0
    assert summary.labelled_seconds == 16.0
    assert summary.labelled_share == 16 / 60
    assert summary.shortest == VideoLength("v0", 10.0)
    assert summary.longest == VideoLength("v3", 30.0)
    assert summary.same_class == Overlaps(pairs=2, videos=2)
    assert summary.different_classes == Overlaps(pairs=2, videos=2)


def test_the_text_shows_these_numbers_in_aligned_columns():
    assert format_summary(summarize(EXAMPLE)).splitlines() == [
        "subset    videos  with actions  without  instances",
        "test           2             2        0          5",
        "training       1             0        1          0",
        "(none)         1             1        0          3",
        "all            4             3        1          8",
        "",
        "class  instances  share  min s  median s  max s",
        "a              5  62.5%   1.00      2.00   3.00",
        "b              3  37.5%   1.00      3.00  10.00",
        "c              0   0.0%      -         -      -",
        "all            8          1.00      2.00  10.00",
        "",
        "videos of unknown duration            1",
        "labelled time                         16.0 s of 60.0 s, 26.7%",
        "shortest video                        10.00 s, v0",
        "longest video                         30.00 s, v3",
        "overlapping pairs, same class         2 (videos: 2)",
        "overlapping pairs, different classes  2 (videos: 2)",
    ]


def test_a_set_without_segments_durations_or_classes_has_a_summary():
    summary = summarize(annotations_of([], [np.nan, np.nan], classes=()))
    assert (summary.videos, summary.videos_with_actions, summary.instances) == (2, 0, 0)
    assert summary.seconds is None
    assert summary.shortest is None
    assert math.isnan(summary.labelled_share)
    assert summary.same_class == summary.different_classes == Overlaps(0, 0)
    assert "labelled time" not in format_summary(summary)


def test_equal_starts_overlap_and_repeats_are_pairs():
    summary = summarize(annotations_of([(0, 1, 2, 0), (0, 1, 2, 0), (0, 1, 3, 1), (0, 1, 2, 0)], [5]))
    assert summary.same_class == Overlaps(3, 1)
    assert summary.different_classes == Overlaps(3, 1)
    assert summary.labelled_seconds == 2.0


def test_times_far_from_zero_are_told_apart_exactly():
    touching = 1e6 + 0.1
    segments = [(9_999, 1e6, touching, 0), (9_999, touching, 2e6, 0), (9_999, 2e6 - 2e-10, 3e6, 1)]
    summary = summarize(annotations_of(segments, [4e6] * 10_000))
    assert summary.same_class.pairs == 0
    assert summary.different_classes.pairs == 1


@st.composite
def random_annotations(draw):
    videos = draw(st.integers(1, 4))
    segments = []
    for _ in range(draw(st.integers(0, 12))):
        start, end = sorted(draw(st.lists(st.integers(0, 12), min_size=2, max_size=2, unique=True)))
        segments.append((draw(st.integers(0, videos - 1)), start, end, draw(st.integers(0, 2))))
    durations = draw(st.lists(st.sampled_from([12.0, 15.0, math.nan]), min_size=videos, max_size=videos))
    return annotations_of(segments, durations), segments


@given(random_annotations())
def test_overlaps_coverage_and_spreads_are_those_of_counting_one_by_one(drawn):
    annotations, segments = drawn
    summary = summarize(annotations)
    pairs = [
        (one[0], one[3] == other[3])
        for one, other in itertools.combinations(segments, 2)
        if one[0] == other[0] and max(one[1], other[1]) < min(one[2], other[2])
    ]
    same = [video for video, is_same in pairs if is_same]
    different = [video for video, is_same in pairs if not is_same]
    assert summary.same_class == Overlaps(len(same), len(set(same)))
    assert summary.different_classes == Overlaps(len(different), len(set(different)))

    known = {row for row, seconds in enumerate(annotations.videos.duration_seconds) if seconds > 0}
    covered = {(video, t) for video, start, end, _ in segments for t in range(start, end) if video in known}
    assert summary.labelled_seconds == len(covered)

    for label, entry in enumerate(summary.classes):
        own = [end - start for _, start, end, index in segments if index == label]
        assert entry.instances == len(own)
        assert entry.seconds == (Spread(min(own), float(np.median(own)), max(own)) if own else None)


def test_ignored_stretches_are_counted_with_their_videos_and_told_where_there_are_any():
    stretches = Stretches(np.array([0, 3, 3]), np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0, 5.0]))
    summary = summarize(Annotations(EXAMPLE.classes, EXAMPLE.videos, EXAMPLE.segments, stretches))
    assert summary.ignored == Ignored(stretches=3, videos=2)
    assert "ignored stretches                     3 (videos: 2)" in format_summary(summary).splitlines()
    assert "ignored" not in format_summary(summarize(EXAMPLE))
