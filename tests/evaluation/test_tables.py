import csv
import io
import json

import numpy as np
import pytest

from untrimmed.errors import InputError
from untrimmed.evaluation.evaluator import evaluate
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
