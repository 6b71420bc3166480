import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.detection.score_fusion import ScoreFusion, fused
from untrimmed.detection.timed_labels import TimedLabels
from untrimmed.detection.video_scores import VideoScores
from untrimmed.errors import InputError


def found(*rows: tuple[float, float, float]) -> TimedLabels:
    """Detections (start, end, score) of one class."""
    start, end, score = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return TimedLabels(start, end, np.zeros(len(rows), dtype=np.int64), score)


def rows_of(labels: TimedLabels) -> list[tuple[float, ...]]:
    columns = (labels.start_seconds, labels.end_seconds, labels.label, labels.score)
    return list(zip(*(column.tolist() for column in columns), strict=True))


THREE = found((0, 4, 0.81), (2, 3, 0.36), (7, 9, 0.04))


def test_each_of_the_best_detections_gets_each_of_the_best_classes_by_hand() -> None:
    # Classes 3 (0.64) and 1 (0.25); roots of 0.64, 0.25, 0.81 and 0.36 are 0.8, 0.5, 0.9 and 0.6.
    labelled = fused(THREE, np.array([0.01, 0.25, 0.1, 0.64]), detections=2, classes=2)
    expected = [(0, 4, 3, 0.72), (2, 3, 3, 0.48), (0, 4, 1, 0.45), (2, 3, 1, 0.3)]
    np.testing.assert_allclose(rows_of(labelled), expected, atol=1e-12)
    assert labelled.label.dtype == np.int64


def test_fewer_detections_and_classes_than_asked_for_are_all() -> None:
    assert len(fused(THREE, np.array([0.5, 0.4]), detections=200, classes=5).score) == 6
    assert len(fused(found(), np.array([0.5, 0.4])).score) == 0


def test_a_class_that_scores_nothing_is_not_given() -> None:
    labelled = fused(THREE, np.array([0.0, 0.0, 1.0]), classes=2)
    assert labelled.label.tolist() == [2, 2, 2]
    np.testing.assert_allclose(labelled.score, [0.9, 0.6, 0.2])


def test_equal_classes_are_taken_in_their_order() -> None:
    assert fused(THREE, np.full(4, 0.5), detections=1, classes=2).label.tolist() == [0, 1]


@given(
    st.lists(st.floats(0.001, 1), max_size=30),
    st.lists(st.floats(0, 1), min_size=1, max_size=8),
    st.integers(1, 12),
    st.integers(1, 4),
)
def test_fused_scores_are_those_of_plain_loops(scores, class_scores, detections, classes) -> None:
    labelled = fused(
        found(*((i, i + 1, score) for i, score in enumerate(scores))),
        np.array(class_scores),
        detections=detections,
        classes=classes,
    )
    expected = [
        (score * class_score) ** 0.5
        for class_score in sorted(class_scores, reverse=True)[:classes]
        for score in sorted(scores, reverse=True)[:detections]
        if class_score > 0
    ]
    np.testing.assert_allclose(labelled.score, sorted(expected, reverse=True), rtol=1e-12)
    for start, _, label, score in rows_of(labelled):
        assert score == pytest.approx((scores[int(start)] * class_scores[int(label)]) ** 0.5)


def test_a_fusion_labels_each_video_with_its_own_classes() -> None:
    scores = VideoScores(("pour", "stir"), ("a", "b"), np.array([[0.64, 0.1], [0.1, 0.25]]), "scores.json")
    fusion = ScoreFusion(scores, video_classes=1, fused_detections=1)
    assert rows_of(fusion.label("a", THREE)) == [(0, 4, 0, pytest.approx(0.72))]
    assert rows_of(fusion.label("b", THREE)) == [(0, 4, 1, pytest.approx(0.45))]
    with pytest.raises(InputError, match=r"scores.json has no scores of the video 'c'"):
        fusion.label("c", THREE)
