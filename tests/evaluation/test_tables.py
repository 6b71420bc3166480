import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from untrimmed.errors import InputError
from untrimmed.evaluation.evaluator import evaluate
from untrimmed.evaluation.provenance import Provenance
from untrimmed.evaluation.tables import csv_text, json_text, text_table, write_evaluation


@pytest.fixture
def evaluation(annotations_of, detections_of):
    truths = [("a", 0, 10, "run"), ("a", 20, 30, "run"), ("b", 0, 10, "long jump, men"), ("c", 0, 10, "run")]
    found = [
        ("a", 0, 10, "run", 0.9),
        ("a", 20, 26, "run", 0.8),
        ("b", 0, 9, "long jump, men", 0.5),
        ("d", 0, 9, "swim", 0.1),
    ]
    return evaluate(
        detections_of(found),
        annotations_of(truths),
        tiou_thresholds=np.linspace(0.3, 0.7, 5),
        with_average_recall=True,
    )


def test_the_text_table_shows_percentages(evaluation):
    assert text_table(evaluation, per_class=True).splitlines()[:6] == [
        "tIoU               0.3     0.4     0.5     0.6     0.7     Avg",
        "long jump, men  100.00  100.00  100.00  100.00  100.00  100.00",
        "run              66.67   66.67   66.67   66.67   33.33   60.00",
        "mAP              83.33   83.33   83.33   83.33   66.67   80.00",
        "",
        "3 detections, 4 action instances of 2 classes in 3 videos",
    ]


def test_without_classes_it_has_one_row_and_then_average_recall(evaluation):
    lines = text_table(evaluation).splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["tIoU", "mAP"]
    assert lines[-1].startswith("AR@1 ")
    assert lines[-1].endswith("(tIoU 0.5 to 0.95, all classes as one)")


def test_the_csv_holds_every_number_unrounded(evaluation):
    rows = list(csv.DictReader(io.StringIO(csv_text(evaluation))))
    assert [row["class"] for row in rows] == ["long jump, men", "run", "(mean of all classes)"]
    assert [row["segments"] for row in rows] == ["1", "3", "4"]
    assert [row["detections"] for row in rows] == ["1", "2", "3"]
    run = [float(rows[1][f"ap_at_{tiou}"]) for tiou in ("0.3", "0.4", "0.5", "0.6", "0.7")]
    assert run == evaluation.average_precision[1].tolist()
    assert float(rows[2]["average_ap"]) == evaluation.average_map


def test_the_json_holds_what_was_compared_too(evaluation):
    content = json.loads(json_text(evaluation))
    assert content["mAP"] == evaluation.mean_average_precision.tolist()
    assert content["average_mAP"] == evaluation.average_map
    assert content["tiou_thresholds"] == evaluation.tiou_thresholds.tolist()
    assert [entry["AP"] for entry in content["classes"]] == evaluation.average_precision.tolist()
    assert content["ignored_classes"] == {"swim": 1}
    assert content["unknown_videos"] == ["d"]
    assert content["videos_without_detections"] == ["c"]
    assert content["average_recall"]["average_recall_at"]["100"] == evaluation.average_recall.at(100)


def test_the_ending_of_the_path_chooses_the_format(evaluation, tmp_path):
    write_evaluation(evaluation, tmp_path / "scores.csv")
    write_evaluation(evaluation, tmp_path / "scores.JSON")
    assert (tmp_path / "scores.csv").read_text() == csv_text(evaluation)
    assert (tmp_path / "scores.JSON").read_text() == json_text(evaluation)
    with pytest.raises(InputError, match=r"scores\.xlsx must end in \.json or \.csv"):
        write_evaluation(evaluation, tmp_path / "scores.xlsx")


@pytest.fixture
def known():
    return Provenance(
        annotations="thumos14.json",
        videos="info.csv",
        label="verb",
        protocol="thumos14",
        subset="test",
        classifier="cuhk.json",
        recipe="mine",
        seed=3,
    )


def test_what_it_was_judged_with_is_told(evaluation, known):
    assert "\njudged with the annotations given, all videos, no protocol\n" in text_table(evaluation)
    told = text_table(replace(evaluation, provenance=known))
    assert (
        "\njudged with thumos14.json, label verb, subset test, protocol thumos14, classifier cuhk.json, "
        "recipe mine, seed 3\n"
    ) in told
    named = text_table(replace(evaluation, provenance=Provenance(only_named_videos=True)))
    assert "the videos that the detections name" in named


def test_the_json_knows_how_it_was_made(evaluation, known):
    content = json.loads(json_text(replace(evaluation, provenance=known)))
    assert content["annotations"] == "thumos14.json"
    assert content["videos_file"] == "info.csv"
    assert (content["protocol"], content["subset"], content["label"]) == ("thumos14", "test", "verb")
    assert (content["classifier"], content["recipe"], content["seed"]) == ("cuhk.json", "mine", 3)
    assert (content["videos"], content["instances"]) == (3, 4)
    assert json.loads(json_text(evaluation))["protocol"] is None


def test_recall_stands_below_map_and_in_the_json(annotations_of, detections_of):
    truths = [("a", 0, 10, "x"), ("a", 20, 30, "x"), ("a", 0, 10, "y")]
    found = [("a", 0, 10, "x", 0.9), ("a", 0, 9, "x", 0.8), ("a", 20, 30, "x", 0.7), ("a", 0, 6, "y", 0.5)]
    result = evaluate(detections_of(found), annotations_of(truths), tiou_thresholds=[0.5, 0.75], with_recall=True)
    assert text_table(result).splitlines()[2:4] == [
        "R@1x   75.00  25.00  50.00",
        "R@5x  100.00  50.00  75.00",
    ]
    content = json.loads(json_text(result))["recall_at_multiples"]
    assert content["1x"] == {
        "mean_recall": [0.75, 0.25],
        "average_recall": 0.5,
        "classes": [[0.5, 0.5], [1.0, 0.0]],
    }
    assert content["5x"]["mean_recall"] == [1.0, 0.5]


def test_what_does_not_count_is_told(evaluation):
    told = text_table(replace(evaluation, n_repeats=21, n_ignored=9, n_left_out=np.array([3, 5, 4, 4, 4])))
    assert "\n21 instances that repeat another are not counted\n" in told
    assert "\n3 to 5 detections that find nothing are left out, because they overlap one of 9 ignored" in told
    told = text_table(replace(evaluation, n_ignored=9, n_left_out=np.full(5, 4)))
    assert "\n4 detections that find nothing" in told
