from dataclasses import replace

import numpy as np
import pytest

from untrimmed.annotations.annotations import Stretches
from untrimmed.annotations.formats import read_annotations
from untrimmed.errors import InputError
from untrimmed.evaluation.by_protocol import judge_by_protocol
from untrimmed.evaluation.evaluator import evaluate
from untrimmed.evaluation.protocols import PROTOCOLS
from untrimmed.evaluation.repeats import first_of_each
from untrimmed.evaluation.thresholds import parse_tiou


@pytest.fixture
def annotations(annotations_of):
    rows = [("a", 0, 10, "x"), ("a", 0, 10, "x"), ("b", 5, 9, "x"), ("c", 0, 4, "x")]
    return annotations_of(rows, videos={"a": "validation", "b": "test", "c": "Test"})


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_says_which_videos_are_judged_and_at_which_overlaps(annotations_of, detections_of, name):
    rules = PROTOCOLS[name]
    annotations = annotations_of([("a", 0, 10, "x"), ("b", 0, 10, "x")], videos={"a": rules.subset, "b": "none"})
    found = detections_of([("b", 0, 10, "x", 0.9), ("a", 0, 10, "x", 0.8)])
    result = judge_by_protocol(found, annotations, name)
    assert result.tiou_thresholds.tolist() == parse_tiou(rules.tiou).tolist()
    assert set(rules.shown) <= set(result.tiou_thresholds.round(9).tolist())
    assert (result.n_videos, result.average_map) == (1, 1.0)
    assert (result.provenance.protocol, result.provenance.subset) == (name, rules.subset)


def test_repeats_count_once_only_where_the_protocol_says_so(annotations, detections_of):
    found = detections_of([("a", 0, 10, "x", 0.9)])
    once = judge_by_protocol(found, annotations, "hacs")
    twice = judge_by_protocol(found, annotations, "thumos14", subset="validation")
    assert (once.n_segments.tolist(), once.n_repeats, once.average_map) == ([1], 1, 1.0)
    assert (twice.n_segments.tolist(), twice.n_repeats, twice.average_map) == ([2], 0, 0.5)


def test_subset_and_thresholds_may_be_others(annotations, detections_of):
    found = detections_of([("b", 5, 9, "x", 0.9), ("a", 0, 10, "x", 1.0)])
    result = judge_by_protocol(found, annotations, "activitynet13", subset="test", tiou="0.5,0.75")
    assert result.tiou_thresholds.tolist() == [0.5, 0.75]
    assert (result.n_videos, result.average_map) == (2, 0.5)
    strict = judge_by_protocol(found, annotations, "thumos14", all_videos=True)
    assert strict.average_map == pytest.approx(1 / 2 / 2)
    assert strict.videos_of_other_subsets == ("a",)


def test_without_a_protocol_it_is_a_plain_evaluation(annotations, detections_of):
    found = detections_of([("a", 0, 7, "x", 0.9), ("c", 0, 4, "x", 0.1)])
    result = judge_by_protocol(found, annotations, None)
    plain = evaluate(found, annotations, tiou_thresholds=parse_tiou("0.3:0.7:0.1"))
    assert np.array_equal(result.average_precision, plain.average_precision)
    assert (result.provenance.protocol, result.provenance.subset) == (None, None)


def test_detections_of_another_data_set_are_refused(annotations, detections_of):
    with pytest.raises(InputError, match="the videos of the detections"):
        judge_by_protocol(detections_of([("q", 0, 1, "x", 1)]), annotations, None)
    with pytest.raises(InputError, match="the classes of the detections"):
        judge_by_protocol(detections_of([("a", 0, 1, "q", 1)]), annotations, None)
    with pytest.raises(InputError, match='in 1 videos, none of which is of subset "test"'):
        judge_by_protocol(detections_of([("a", 0, 1, "x", 1)]), annotations, "thumos14")


def test_no_detections_at_all_are_judged(annotations, detections_of):
    assert judge_by_protocol(detections_of([]), annotations, "thumos14").average_map == 0


def test_a_hand_worked_ranking_with_an_ignored_stretch(annotations_of, detections_of):
    truths = annotations_of([("a", 0, 10, "x"), ("a", 20, 30, "x"), ("b", 0, 10, "x")])
    annotations = replace(truths, ignored=Stretches(np.array([0]), np.array([8.0]), np.array([18.0])))
    found = detections_of(
        [
            ("a", 11, 17, "x", 0.9),  # finds nothing, inside the stretch: left out
            ("a", 17, 20, "x", 0.8),  # finds nothing, reaches into the stretch: left out
            ("b", 11, 17, "x", 0.7),  # the same time in another video: wrong
            ("a", 0, 9, "x", 0.6),  # right, though it reaches into the stretch: precision 1/2
            ("a", 18, 19, "x", 0.5),  # begins where the stretch ends: wrong
            ("a", 20, 30, "x", 0.4),  # right: 2/4
            ("a", 0, 10, "x", 0.3),  # a second time, and in the stretch: left out
            ("b", 0, 10, "x", 0.2),  # right: 3/5
        ]
    )
    result = evaluate(found, annotations, tiou_thresholds=[0.5, 0.95])
    np.testing.assert_allclose(result.precision_by_recall[0][0], [3 / 5, 3 / 5, 3 / 5])
    # At 0.95 the detection from 0 to 9 finds nothing and is left out: wrong, wrong, right, right, right.
    np.testing.assert_allclose(result.precision_by_recall[0][1], [3 / 5, 3 / 5, 3 / 5])
    assert result.n_left_out.tolist() == [3, 3]


def test_activitynet_holds_a_few_instances_twice(shared):
    annotations = read_annotations(shared / "data/annotations/activitynet13/activitynet13.json", as_written=True)
    for subset, instances, repeats in (("training", 15410, 31), ("validation", 7654, 21)):
        segments = annotations.subset(subset).segments
        assert len(segments) == instances
        assert np.count_nonzero(~first_of_each(segments)) == repeats
