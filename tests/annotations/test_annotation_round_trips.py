"""Whatever annotations there are, a file gives them back; whatever a file holds, reading it ends well."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from untrimmed.annotations.annotations import Annotations, Segments, Stretches, Videos
from untrimmed.annotations.formats import inspect_annotations, read_annotations, write_annotations
from untrimmed.errors import InputError

# Any name that JSON and UTF-8 can hold, and any that a table can hold besides.
ANY_NAME = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6).filter(str.strip)
TABLE_NAME = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1, max_size=6
).filter(lambda name: name == name.strip())
POSITIVE = st.floats(min_value=1e-300, max_value=1e300)


@st.composite
def annotations_of(draw, names, *, with_ignored=False):
    """Valid annotations, segments in the order of the videos."""
    ids = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    classes = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    maybe = st.just(np.nan) | POSITIVE
    durations = draw(st.lists(maybe, min_size=len(ids), max_size=len(ids)))
    segments = []
    for video, duration in enumerate(durations):
        times = st.floats(min_value=0.0, max_value=1e300 if np.isnan(duration) else duration)
        for _ in range(draw(st.integers(0, 3))):
            start, end = sorted(draw(st.lists(times, min_size=2, max_size=2)))
            if start < end:
                segments.append((video, start, end, draw(st.integers(0, len(classes) - 1))))
    columns = list(zip(*segments, strict=True)) or [(), (), (), ()]
    ignored = sorted(draw(st.lists(st.integers(0, len(ids) - 1), max_size=3))) if with_ignored else []
    stretch = st.floats(min_value=0.0, max_value=1e300)
    return Annotations(
        classes=tuple(classes),
        videos=Videos(
            ids=tuple(ids),
            duration_seconds=np.array(durations),
            fps=np.array(draw(st.lists(maybe, min_size=len(ids), max_size=len(ids)))),
            subsets=tuple(draw(st.lists(st.just("") | names, min_size=len(ids), max_size=len(ids)))),
        ),
        segments=Segments(
            video=np.array(columns[0], dtype=np.int64),
            start_seconds=np.array(columns[1], dtype=np.float64),
            end_seconds=np.array(columns[2], dtype=np.float64),
            label=np.array(columns[3], dtype=np.int64),
        ),
        ignored=Stretches(
            video=np.array(ignored, dtype=np.int64),
            start_seconds=np.array([draw(stretch) for _ in ignored], dtype=np.float64),
            end_seconds=np.array([draw(stretch) for _ in ignored], dtype=np.float64),
        ),
    )


def assert_equal(found, expected):
    assert found.classes == expected.classes
    assert found.videos.ids == expected.videos.ids
    assert found.videos.subsets == expected.videos.subsets
    for name in ("duration_seconds", "fps"):
        np.testing.assert_array_equal(getattr(found.videos, name), getattr(expected.videos, name))
    for name in ("video", "start_seconds", "end_seconds", "label"):
        column, wanted = getattr(found.segments, name), getattr(expected.segments, name)
        np.testing.assert_array_equal(column, wanted)
        assert column.dtype == wanted.dtype
    for name in ("video", "start_seconds", "end_seconds"):
        column, wanted = getattr(found.ignored, name), getattr(expected.ignored, name)
        np.testing.assert_array_equal(column, wanted)
        assert column.dtype == wanted.dtype


@given(annotations_of(ANY_NAME, with_ignored=True))
def test_json_gives_back_exactly_what_was_written(annotations):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "labels.json")
        write_annotations(annotations, path)
        assert_equal(read_annotations(path, strict=True), annotations)


@given(annotations_of(TABLE_NAME), st.sampled_from([".csv", ".tsv"]))
def test_a_table_gives_back_all_but_the_list_of_classes(annotations, ending):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "labels" + ending)
        write_annotations(annotations, path)
        assert_equal(read_annotations(path, strict=True, classes=annotations.classes), annotations)
        used = {annotations.classes[label] for label in annotations.segments.label}
        assert read_annotations(path).classes == tuple(sorted(used))


@pytest.mark.parametrize("ending", [".json", ".csv"])
def test_segments_in_any_order_come_back_in_the_order_of_the_videos(tmp_path, ending):
    mixed = Annotations(
        classes=("a", "b"),
        videos=Videos(("v", "w"), np.array([9.0, np.nan]), np.array([np.nan, 25.0]), ("", "test")),
        segments=Segments(
            video=np.array([1, 0, 1, 0]),
            start_seconds=np.array([5.0, 4.0, 3.0, 2.0]),
            end_seconds=np.array([6.0, 7.0, 8.0, 9.0]),
            label=np.array([0, 1, 1, 0]),
        ),
    )
    write_annotations(mixed, tmp_path / f"x{ending}")
    grouped = Annotations(mixed.classes, mixed.videos, mixed.segments[np.array([1, 3, 0, 2])])
    assert_equal(read_annotations(tmp_path / f"x{ending}"), grouped)


ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "annotations",
                    "segment",
                    "label",
                    "label_id",
                    "duration",
                    "fps",
                    "subset",
                    "ignored",
                    "coverage",
                ]
            )
            | st.text(max_size=2),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def segment_like():
    number = st.floats() | st.integers() | ANY_VALUE
    return st.fixed_dictionaries(
        {},
        optional={
            "segment": st.tuples(number, number) | ANY_VALUE,
            "label": ANY_VALUE,
            "label_id": ANY_VALUE,
            "coverage": ANY_VALUE,
            "length": ANY_VALUE,
        },
    )


def video_like():
    return st.fixed_dictionaries(
        {"annotations": st.lists(segment_like(), max_size=3) | ANY_VALUE},
        optional={"duration": ANY_VALUE, "fps": ANY_VALUE, "subset": ANY_VALUE, "ignored": ANY_VALUE},
    )


@given(
    st.fixed_dictionaries(
        {"database": st.dictionaries(st.text(max_size=3), video_like() | ANY_VALUE, max_size=3)},
        optional={"classes": ANY_VALUE | st.lists(st.text(max_size=2), max_size=3)},
    )
)
@example({"database": {"v": {"annotations": [{"segment": [0, 10**400], "label": "\ud800"}]}}})
def test_json_of_any_content_is_read_or_refused_with_problems_that_can_be_printed(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "labels.json")
        path.write_text(json.dumps(content))
        annotations, problems = inspect_annotations(path)
    assert (annotations is None) == any(problem.severity == "error" for problem in problems)
    for problem in problems:
        str(problem).encode("utf-8")
    if annotations is not None:
        segments = annotations.segments
        assert (segments.start_seconds >= 0).all()
        assert (segments.end_seconds > segments.start_seconds).all()
        assert not (segments.end_seconds > annotations.videos.duration_seconds[segments.video]).any()


@given(
    st.lists(
        st.lists(
            st.sampled_from(["v", "w", "1", "2.5", "-1", "nan", "1,5", '"', "", " ", "a", "\n", "\r", "é", "\0"]),
            max_size=6,
        ),
        max_size=4,
    ),
    st.sampled_from(",;\t"),
)
def test_a_table_of_any_content_is_read_or_refused_with_one_sentence(lines, delimiter):
    header = ["video", "start", "end", "label", "duration"]
    text = "\n".join(map(delimiter.join, [header, *lines]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "labels.csv")
        path.write_bytes(text.encode())
        try:
            annotations, problems = inspect_annotations(path)
        except InputError:
            assert '"' in text or "\0" in text, "only quotes and NUL may keep a table from being read at all"
        else:
            assert (annotations is None) == any(problem.severity == "error" for problem in problems)
