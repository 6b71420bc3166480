import json

import pytest

from untrimmed.annotations.formats import inspect_annotations, read_annotations
from untrimmed.annotations.hacs import is_layout


@pytest.fixture
def file(tmp_path):
    """A file in the layout of HACS_segments_v1.1.1.json with these durations."""

    def write(*durations):
        subsets = ("training", "validation", "testing")
        database = {
            f"--0edUL8zm{number}": {
                "annotations": [] if subset == "testing" else [{"label": "Dodgeball", "segment": [5.4, 11.6]}],
                "subset": subset,
                "duration": duration,
                "url": f"https://www.youtube.com/watch?v=--0edUL8zm{number}",
            }
            for number, (subset, duration) in enumerate(zip(subsets, durations, strict=True))
        }
        path = tmp_path / "HACS_segments_v1.1.1.json"
        path.write_text(json.dumps({"database": database}))
        return path

    return write


def test_durations_that_are_text_are_numbers(file):
    annotations, problems = inspect_annotations(file("92.166667", "10", "120.5"))
    assert annotations.videos.duration_seconds.tolist() == [92.166667, 10.0, 120.5]
    assert annotations.videos.subsets == ("training", "validation", "testing")
    assert annotations.videos.ids == ("--0edUL8zm0", "--0edUL8zm1", "--0edUL8zm2")
    assert annotations.segments.video.tolist() == [0, 1]
    assert annotations.segments.end_seconds.tolist() == [11.6, 10.0]
    assert [problem.message for problem in problems] == ["a segment that ends after its video, cut to it"]


def test_segments_are_left_as_written_where_that_is_asked_for(file):
    annotations = read_annotations(file("92.166667", "10", "120.5"), as_written=True)
    assert annotations.segments.end_seconds.tolist() == [11.6, 11.6]


def test_a_duration_that_is_missing_is_unknown(file):
    annotations = read_annotations(file("92.5", None, "120.5"))
    assert str(annotations.videos.duration_seconds.tolist()) == "[92.5, nan, 120.5]"


@pytest.mark.parametrize("wrong", ["-3", "nan", "inf", "0"])
def test_text_that_is_no_duration_is_an_error_with_its_video(file, wrong):
    annotations, problems = inspect_annotations(file("92.5", wrong, "120.5"))
    assert annotations is None
    assert [(p.place, p.message) for p in problems] == [
        ('video "--0edUL8zm1"', "the duration must be a number above 0, or be left out")
    ]


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        (["1", "2.5"], True),
        (["1", None], True),
        (["1", 2.5], False),
        ([1.0], False),
        (["1 s"], False),
        ([""], False),
        ([None], False),
        ([], False),
    ],
)
def test_the_layout_is_told_by_durations_that_are_all_text(durations, expected):
    database = {str(number): {"duration": duration} for number, duration in enumerate(durations)}
    assert is_layout({"database": database}) == expected
