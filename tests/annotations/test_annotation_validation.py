import math

import pytest

from untrimmed.annotations.problems import Problem, log_warnings, raise_errors
from untrimmed.annotations.rows import Rows, SegmentRow, VideoRow
from untrimmed.annotations.validation import validated
from untrimmed.errors import InputError


def rows_of(*segments, duration=10.0, fps=None, subset=None):
    """One video "v" and segments (start, end[, label]) of it, at the places s1, s2, ..."""
    return Rows(
        videos=[VideoRow("here", "v", duration, fps, subset)],
        segments=[
            SegmentRow(f"s{number}", "v", start, end, *(label or ("Dive",)))
            for number, (start, end, *label) in enumerate(segments, start=1)
        ],
    )


def times(annotations):
    return list(
        zip(
            annotations.segments.start_seconds.tolist(),
            annotations.segments.end_seconds.tolist(),
            strict=True,
        )
    )


@pytest.mark.parametrize(
    ("segment", "kept", "message"),
    [
        ((8.0, 12.0), (8.0, 10.0), "a segment that ends after its video, cut to it"),
        ((8.0, math.nextafter(10.0, 11.0)), (8.0, 10.0), "a segment that ends after its video, cut to it"),
        ((-1.0, 2.0), (0.0, 2.0), "a segment that starts before 0 s, cut to its video"),
        ((3.0, 3.0), None, "a segment that does not end after its start, dropped"),
        ((5.0, 4.0), None, "a segment that does not end after its start, dropped"),
        ((10.0, 12.0), None, "a segment that lies wholly outside its video, dropped"),
        ((-3.0, 0.0), None, "a segment that lies wholly outside its video, dropped"),
    ],
)
def test_a_segment_outside_its_video_is_cut_or_dropped_with_one_warning(segment, kept, message):
    annotations, problems = validated(rows_of(segment, (1.0, 2.0)))
    assert times(annotations) == [kept, (1.0, 2.0)] if kept else [(1.0, 2.0)]
    assert [(p.place, p.message, p.severity) for p in problems] == [("s1", message, "warning")]

    annotations, problems = validated(rows_of(segment, (1.0, 2.0)), strict=True)
    assert annotations is None
    assert [(p.place, p.message, p.severity) for p in problems] == [("s1", message.rpartition(",")[0], "error")]


def test_a_segment_that_reaches_over_both_ends_is_cut_at_both():
    annotations, problems = validated(rows_of((-1.0, 11.0)))
    assert times(annotations) == [(0.0, 10.0)]
    assert len(problems) == 2


def test_segments_that_fill_their_video_exactly_are_no_problem():
    annotations, problems = validated(rows_of((0.0, 10.0), (0, 10)), strict=True)
    assert times(annotations) == [(0.0, 10.0), (0.0, 10.0)]
    assert [p.message for p in problems] == ["a segment that repeats another, kept"]


def test_a_video_of_unknown_duration_cuts_nothing():
    annotations, problems = validated(rows_of((5.0, 1e6), duration=None), strict=True)
    assert times(annotations) == [(5.0, 1e6)]
    assert math.isnan(annotations.videos.duration_seconds[0])
    assert problems == []


def test_segments_keep_the_order_of_the_file_and_follow_their_own_video():
    rows = Rows(
        videos=[VideoRow("a", "a", 10.0), VideoRow("b", "b", 20.0)],
        segments=[
            SegmentRow("1", "b", 1, 15, "Dive"),
            SegmentRow("2", "a", 5, 5, "Dive"),
            SegmentRow("3", "a", 1, 15, "Jump"),
            SegmentRow("4", "b", 0, 2, "Jump"),
        ],
    )
    annotations, _ = validated(rows)
    assert annotations.segments.video.tolist() == [1, 0, 1]
    assert annotations.segments.label.tolist() == [0, 1, 1]
    assert times(annotations) == [(1.0, 15.0), (1.0, 10.0), (0.0, 2.0)]


def test_repeats_are_kept_and_named_with_what_they_repeat():
    rows = rows_of((1, 2), (1, 2, "Jump"), (1, 2), (1, 3), (1, 2), (2, 1), (2, 1))
    annotations, problems = validated(rows)
    assert len(annotations.segments) == 5
    repeats = [p for p in problems if "repeats" in p.message]
    assert [(p.place, p.detail, p.severity) for p in repeats] == [
        ("s3", "as s1", "warning"),
        ("s5", "as s1", "warning"),
    ]


def test_repeats_are_named_in_the_order_of_the_file():
    rows = rows_of((5, 6, "b"), (1, 2, "a"), (5, 6, "b"), (1, 2, "a"))
    _, problems = validated(rows)
    assert [(p.place, p.detail) for p in problems] == [("s3", "as s1"), ("s4", "as s2")]


def test_segments_that_only_become_alike_by_being_cut_are_no_repeats():
    _, problems = validated(rows_of((1, 11), (1, 12)))
    assert [p.message for p in problems] == ["a segment that ends after its video, cut to it"] * 2


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (None, "it is missing"),
        (math.nan, "it is nan"),
        (math.inf, "it is inf"),
        pytest.param(10**400, "it is 1000", id="huge"),
        (True, "it is true"),
        ([1.0], "it is a list of 1"),
        ({}, "it is an object"),
        ("soon", 'it is the text "soon"'),
        ("1,5", 'it is the text "1,5"; write decimals with a point: 1.5'),
    ],
)
def test_a_time_that_is_no_finite_number_is_an_error_that_shows_it(value, detail):
    annotations, problems = validated(rows_of((value, 2.0), (1.0, value)))
    assert annotations is None
    assert [(p.place, p.message) for p in problems] == [
        ("s1", "the start must be a number of seconds"),
        ("s2", "the end must be a number of seconds"),
    ]
    assert all(p.detail.startswith(detail) and p.severity == "error" for p in problems)
    assert all(len(str(p)) < 200 for p in problems)


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, "60 s", False, [60.0]])
@pytest.mark.parametrize(("column", "name"), [("duration", "the duration"), ("fps", "fps")])
def test_a_duration_or_fps_that_is_not_above_0_is_an_error(column, name, value):
    annotations, problems = validated(rows_of((1, 2), **{column: value}))
    assert annotations is None
    assert [p.message for p in problems] == [f"{name} must be a number above 0, or be left out"]


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (None, "the label is missing"),
        ("", "the label is missing"),
        (" \t", "the label is missing"),
        (3, "the label must be text"),
        (["Dive"], "the label must be text"),
        ("a\ud800", "the label holds half a character"),
    ],
)
def test_a_label_that_is_no_text_is_an_error(label, message):
    annotations, problems = validated(rows_of((1, 2, label)))
    assert annotations is None
    assert [p.message for p in problems] == [message]
    str(problems[0]).encode("utf-8")


@pytest.mark.parametrize("subset", [3, ["training"], [], False])
def test_a_subset_that_is_no_text_is_an_error(subset):
    annotations, problems = validated(rows_of((1, 2), subset=subset))
    assert annotations is None
    assert [p.message for p in problems] == ["the subset must be text"]


def test_without_a_list_the_classes_are_in_alphabetical_order():
    annotations, _ = validated(rows_of((1, 2, "b"), (1, 2, "c"), (1, 2, "a"), (4, 3, "0")))
    assert annotations.classes == ("0", "a", "b", "c")
    assert annotations.segments.label.tolist() == [2, 3, 1]


def test_a_given_list_of_classes_decides_over_that_of_the_file():
    rows = rows_of((1, 2, "b"))
    rows = Rows(rows.videos, rows.segments, classes=("a", "b"))
    assert validated(rows)[0].classes == ("a", "b")
    annotations, _ = validated(rows, classes=["c", "b", "a"])
    assert annotations.classes == ("c", "b", "a")
    assert annotations.segments.label.tolist() == [1]


def test_an_unknown_label_is_one_error_with_its_count_and_what_it_may_have_meant():
    rows = rows_of((1, 2, "LongJmp"), (2, 3, "Diving"), (3, 4, "LongJmp"), (4, 5, "???"))
    annotations, problems = validated(rows, classes=["LongJump", "Diving"])
    assert annotations is None
    assert [str(p) for p in problems] == [
        's1: the label is not among the 2 classes ("LongJmp", of 2 segments; did you mean "LongJump"?)',
        's4: the label is not among the 2 classes ("???", of 1 segment)',
    ]


def test_a_list_of_classes_that_names_one_twice_is_an_error():
    annotations, problems = validated(rows_of((1, 2, "a")), classes=["a", "b", "a"])
    assert annotations is None
    assert [(p.message, p.detail) for p in problems] == [("a class is listed more than once", "a")]


def test_repeated_nameless_and_unlisted_videos_are_errors():
    rows = Rows(
        videos=[VideoRow("p1", "v"), VideoRow("p2", "w"), VideoRow("p3", "v"), VideoRow("p4", " ")],
        segments=[SegmentRow("p5", "x", 1, 2, "Dive"), SegmentRow("p6", "x", 1, 2, "Dive")],
    )
    annotations, problems = validated(rows)
    assert annotations is None
    assert [(p.place, p.message) for p in problems] == [
        ("p3", "this video is listed more than once"),
        ("p4", "the video's name is missing"),
        ("p5", "the file does not list this segment's video"),
        ("p6", "the file does not list this segment's video"),
    ]


def test_a_file_without_a_video_is_an_error():
    annotations, problems = validated(Rows())
    assert annotations is None
    assert [str(p) for p in problems] == ["the file: holds no video"]


def test_every_problem_is_collected_not_only_the_first():
    rows = rows_of(("x", 2, 7), (3, 1), (9, 11), duration=-1, fps="y")
    annotations, problems = validated(rows)
    assert annotations is None
    assert sorted(p.place for p in problems) == ["here", "here", "s1", "s1", "s2"]


def test_an_error_names_the_first_problems_and_how_to_list_all():
    problems = [Problem("s0", "mended", "warning")]
    problems += [Problem(f"s{number}", "is wrong", detail=str(number)) for number in range(1, 6)]
    with pytest.raises(InputError) as caught:
        raise_errors("my labels.json", problems)
    assert str(caught.value) == (
        "my labels.json has 5 errors: s1: is wrong (1); s2: is wrong (2); s3: is wrong (3); and 2 more: "
        "`untrimmed annotations check 'my labels.json'` lists all"
    )
    with pytest.raises(InputError, match=r"^x.json has 1 error: s1: is wrong \(1\)$"):
        raise_errors("x.json", problems[:2])
    raise_errors("x.json", problems[:1])


def test_warnings_are_one_line_for_each_kind_with_count_and_first_places(caplog):
    problems = [Problem(f"s{number}", "is cut", "warning", f"by {number} s") for number in range(1, 6)]
    problems.insert(1, Problem("s9", "is dropped", "warning"))
    problems.append(Problem("s7", "is wrong"))
    log_warnings("x.json", problems)
    assert caplog.messages == [
        "x.json: is cut (5 in all): s1 (by 1 s); s2 (by 2 s); s3 (by 3 s); and 2 more",
        "x.json: is dropped (1 in all): s9",
    ]
