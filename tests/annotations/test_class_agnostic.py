import numpy as np

from untrimmed.annotations.annotations import Annotations, Segments, Stretches, Videos
from untrimmed.annotations.class_agnostic import class_agnostic

ANNOTATIONS = Annotations(
    ("pour", "stir", "wait"),
    Videos(("a", "b"), np.array([10.0, 20.0]), np.array([25.0, np.nan]), ("training", "test")),
    Segments(np.array([0, 0, 1]), np.array([1.0, 1.0, 4.0]), np.array([2.0, 2.0, 9.0]), np.array([2, 0, 1])),
    Stretches(np.array([1]), np.array([0.5]), np.array([1.5])),
)


def test_every_segment_is_an_action_and_nothing_else_changes() -> None:
    changed = class_agnostic(ANNOTATIONS)
    assert changed.classes == ("action",)
    assert changed.segments.label.tolist() == [0, 0, 0]
    assert changed.segments.label.dtype == np.int64
    assert changed.videos is ANNOTATIONS.videos
    assert changed.ignored is ANNOTATIONS.ignored
    for name in ("video", "start_seconds", "end_seconds"):
        np.testing.assert_array_equal(getattr(changed.segments, name), getattr(ANNOTATIONS.segments, name))
    assert ANNOTATIONS.classes == ("pour", "stir", "wait")
    assert ANNOTATIONS.segments.label.tolist() == [2, 0, 1]


def test_annotations_without_segments_have_the_one_class_too() -> None:
    empty = class_agnostic(ANNOTATIONS.select([False, False]))
    assert (empty.classes, len(empty.segments)) == (("action",), 0)
