import subprocess
import sys

import numpy as np
import pytest

from untrimmed.errors import InputError
from untrimmed.evaluation.evaluator import evaluate
from untrimmed.evaluation.recall import AverageRecall

HALF = np.array([0.5])


def test_a_hand_worked_average_precision(annotations_of, detections_of):
    truths = [("a", 0, 10, "x"), ("a", 20, 30, "x"), ("b", 0, 10, "x"), ("b", 50, 60, "x")]
    found = [
        ("a", 0, 10, "x", 0.9),  # right: precision 1, recall 1/4
        ("a", 1, 10, "x", 0.8),  # a second time
        ("b", 0, 12, "x", 0.7),  # right: 2/3, 2/4
        ("b", 30, 40, "x", 0.6),  # nothing there
        ("a", 20, 29, "x", 0.5),  # right: 3/5, 3/4
    ]
    result = evaluate(detections_of(found), annotations_of(truths), tiou_thresholds=HALF)
    assert result.average_precision == pytest.approx(np.array([[(1 + 2 / 3 + 3 / 5) / 4]]))
    np.testing.assert_allclose(result.precision_by_recall[0], [[1, 2 / 3, 3 / 5, 0]])
    assert (result.n_segments.tolist(), result.n_detections.tolist()) == ([4], [5])


def test_precision_is_interpolated_from_later_ranks(annotations_of, detections_of):
    truths = [("a", 0, 10, "x"), ("a", 20, 30, "x")]
    found = [("a", 50, 60, "x", 0.9), ("a", 0, 10, "x", 0.8), ("a", 20, 30, "x", 0.7)]
    result = evaluate(detections_of(found), annotations_of(truths), tiou_thresholds=HALF)
    np.testing.assert_allclose(result.precision_by_recall[0], [[2 / 3, 2 / 3]])


def test_the_mean_counts_classes_without_detections_but_not_those_without_ground_truth(
    annotations_of, detections_of
):
    annotations = annotations_of([("a", 0, 10, "x"), ("a", 0, 10, "y")], classes=("z", "y", "x"))
    found = [
        ("a", 0, 10, "x", 0.5),
        ("a", 0, 10, "z", 0.9),
        ("a", 0, 10, "other", 0.9),
        ("a", 1, 9, "z", 0.1),
    ]
    result = evaluate(detections_of(found), annotations, tiou_thresholds=HALF)
    assert result.classes == ("y", "x")
    assert result.average_precision.tolist() == [[0.0], [1.0]]
    assert result.mean_average_precision.tolist() == [0.5]
    assert result.ignored_classes == {"other": 1, "z": 2}
    assert "2 classes have no ground truth, so their 3 detections are ignored: other; z" in result.remarks()


def test_names_not_numbers_tell_classes_and_videos_apart(annotations_of, detections_of):
    annotations = annotations_of([("a", 0, 10, "x"), ("b", 20, 30, "y")])
    found = [("b", 20, 30, "y", 0.5), ("a", 0, 10, "x", 0.5)]
    result = evaluate(detections_of(found, ("q", "b", "a"), ("y", "q", "x")), annotations, tiou_thresholds=HALF)
    assert result.average_precision.tolist() == [[1.0], [1.0]]
    assert result.ignored_classes == {}
    assert result.unknown_videos == ()


def test_a_subset_is_evaluated_alone_and_foreign_detections_are_false_positives(annotations_of, detections_of):
    annotations = annotations_of(
        [("a", 0, 10, "x"), ("b", 0, 10, "x"), ("c", 0, 10, "x")],
        videos={"a": "Validation", "b": "training", "c": "validation"},
    )
    found = [("b", 0, 10, "x", 0.9), ("d", 0, 10, "x", 0.8), ("a", 0, 10, "x", 0.7)]
    result = evaluate(detections_of(found), annotations, tiou_thresholds=HALF, subset="validation")
    assert result.n_videos == 2
    assert result.average_precision == pytest.approx(np.array([[1 / 3 / 2]]))
    assert result.videos_without_detections == ("c",)
    assert result.videos_of_other_subsets == ("b",)
    assert result.unknown_videos == ("d",)
    assert [message.rpartition(" ")[2] for message in result.remarks()] == ["d", "b", "c"]


def test_a_clean_evaluation_has_nothing_to_remark(annotations_of, detections_of):
    found = detections_of([("a", 0, 1, "x", 1)])
    result = evaluate(found, annotations_of([("a", 0, 1, "x")]), tiou_thresholds=HALF)
    assert result.remarks() == []


def test_no_detections_at_all_give_zeros(annotations_of, detections_of):
    result = evaluate(
        detections_of([]),
        annotations_of([("a", 0, 10, "x")]),
        tiou_thresholds=[0.3, 0.5],
        with_average_recall=True,
    )
    assert result.average_precision.tolist() == [[0.0, 0.0]]
    assert result.average_recall.at(100) == 0
    assert result.videos_without_detections == ("a",)


@pytest.mark.parametrize(
    ("subset", "words"),
    [
        ("tset", 'have no subset "tset"; theirs are: "test", "training"'),
        ("test", 'subset "test" of the annotations hold no action instance in 1 videos'),
    ],
)
def test_a_subset_that_holds_nothing_is_refused(annotations_of, detections_of, subset, words):
    annotations = annotations_of([("a", 0, 10, "x")], videos={"a": "training", "b": "test"})
    with pytest.raises(InputError, match=words):
        evaluate(detections_of([]), annotations, tiou_thresholds=HALF, subset=subset)


def test_annotations_without_any_instance_are_refused(annotations_of, detections_of):
    with pytest.raises(InputError, match="nothing to evaluate"):
        evaluate(detections_of([]), annotations_of([], videos={"a": ""}, classes="x"), tiou_thresholds=HALF)


def test_wrong_thresholds_are_refused(annotations_of, detections_of):
    with pytest.raises(InputError, match=r"1\.5"):
        evaluate(detections_of([]), annotations_of([("a", 0, 10, "x")]), tiou_thresholds=[0.5, 1.5])


def test_average_recall_is_read_at_points_of_its_curve_only():
    numbers = np.arange(1, 101) / 100.0 * 100
    curve = AverageRecall(HALF, numbers, numbers[None] / 100)
    assert curve.at(5) == pytest.approx(0.05)
    assert curve.area == pytest.approx((1 - 0.01**2) / 2)
    with pytest.raises(ValueError, match=r"AN 2\.5"):
        curve.at(2.5)


def test_evaluating_does_not_import_torch():
    code = (
        "import sys, untrimmed.evaluation.tables, untrimmed.detection.result_files; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
