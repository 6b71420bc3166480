"""An Evaluation as a table to look at, and as a file to keep."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from untrimmed.annotations.annotations import FloatArray
from untrimmed.errors import InputError
from untrimmed.evaluation.evaluator import Evaluation
from untrimmed.evaluation.recall import AverageRecall, RecallAtMultiples
from untrimmed.files import write_text

SHOWN_AVERAGE_NUMBERS = (1, 5, 10, 50, 100)
"""The numbers of proposals at which average recall is usually reported."""


def text_table(evaluation: Evaluation, *, per_class: bool = False) -> str:
    """Percentages with two decimals, as papers print them: a column for each tIoU and one for their average.

    The last row is mAP, but for Recall@1x and @5x where they were computed; `per_class` puts the AP of each class
    above it. Below stands what was compared, what it was judged with, and average recall where it was computed.
    """
    rows = [["tIoU", *(f"{tiou:.4g}" for tiou in evaluation.tiou_thresholds), "Avg"]]
    if per_class:
        for name, values in zip(evaluation.classes, evaluation.average_precision, strict=True):
            rows.append([name, *_percent(values)])
    rows.append(["mAP", *_percent(evaluation.mean_average_precision)])
    if evaluation.recall_at_multiples is not None:
        found = evaluation.recall_at_multiples
        rows += [[f"R@{k}x", *_percent(values)] for k, values in zip(found.multiples, found.mean, strict=True)]
    lines = _aligned(rows)
    lines += ["", _what_was_compared(evaluation), *_what_was_left_out(evaluation)]
    lines.append(evaluation.provenance.sentence())
    if evaluation.average_recall is not None:
        lines.append(_recall_line(evaluation.average_recall))
    return "\n".join(lines) + "\n"


def write_evaluation(evaluation: Evaluation, path: Path | str) -> None:
    """Write all numbers, unrounded, as fractions of 1: .json holds everything, .csv a line for each class.

    Raises InputError where the path has another ending.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".json", ".csv"):
        raise InputError(f"{path} must end in .json or .csv to hold an evaluation")
    write_text(path, json_text(evaluation) if suffix == ".json" else csv_text(evaluation))


def csv_text(evaluation: Evaluation) -> str:
    """A line for each class with its AP at each threshold and on average, and last their means."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    thresholds = [f"ap_at_{tiou:.4g}" for tiou in evaluation.tiou_thresholds]
    table.writerow(["class", "segments", "detections", *thresholds, "average_ap"])
    for name, segments, detections, values in zip(
        evaluation.classes,
        evaluation.n_segments.tolist(),
        evaluation.n_detections.tolist(),
        evaluation.average_precision,
        strict=True,
    ):
        table.writerow([name, segments, detections, *values.tolist(), float(values.mean())])
    totals = int(evaluation.n_segments.sum()), int(evaluation.n_detections.sum())
    means = evaluation.mean_average_precision.tolist()
    table.writerow(["(mean of all classes)", *totals, *means, evaluation.average_map])
    return text.getvalue()


def json_text(evaluation: Evaluation) -> str:
    """All of an evaluation but its precision-recall curves; null for what nobody said."""
    content: dict[str, object] = asdict(evaluation.provenance)
    # The number of videos has had this key for longer.
    content["videos_file"] = content.pop("videos")
    content |= {
        "tiou_thresholds": evaluation.tiou_thresholds.tolist(),
        "mAP": evaluation.mean_average_precision.tolist(),
        "average_mAP": evaluation.average_map,
        "instances": int(evaluation.n_segments.sum()),
        "repeated_instances": evaluation.n_repeats,
        "ignored_stretches": evaluation.n_ignored,
        "detections_left_out": evaluation.n_left_out.tolist(),
        "classes": [
            {
                "name": name,
                "segments": segments,
                "detections": detections,
                "AP": values.tolist(),
                "average_AP": float(values.mean()),
            }
            for name, segments, detections, values in zip(
                evaluation.classes,
                evaluation.n_segments.tolist(),
                evaluation.n_detections.tolist(),
                evaluation.average_precision,
                strict=True,
            )
        ],
        "ignored_classes": dict(evaluation.ignored_classes),
        "videos": evaluation.n_videos,
        "videos_without_detections": list(evaluation.videos_without_detections),
        "videos_of_other_subsets": list(evaluation.videos_of_other_subsets),
        "unknown_videos": list(evaluation.unknown_videos),
    }
    if evaluation.recall_at_multiples is not None:
        content["recall_at_multiples"] = _multiples_content(evaluation.recall_at_multiples)
    if evaluation.average_recall is not None:
        content["average_recall"] = _recall_content(evaluation.average_recall)
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _percent(values: FloatArray) -> list[str]:
    return [f"{100 * value:.2f}" for value in (*values, np.mean(values))]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right, two spaces between."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _what_was_compared(evaluation: Evaluation) -> str:
    return (
        f"{evaluation.n_detections.sum()} detections, {evaluation.n_segments.sum()} action instances of "
        f"{len(evaluation.classes)} classes in {evaluation.n_videos} videos"
    )


def _what_was_left_out(evaluation: Evaluation) -> list[str]:
    lines = []
    if evaluation.n_repeats:
        lines.append(f"{evaluation.n_repeats} instances that repeat another are not counted")
    if evaluation.n_ignored:
        fewest, most = evaluation.n_left_out.min(), evaluation.n_left_out.max()
        number = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        lines.append(
            f"{number} detections that find nothing are left out, because they overlap one of "
            f"{evaluation.n_ignored} ignored stretches"
        )
    return lines


def _recall_line(recall: AverageRecall) -> str:
    shown = ", ".join(f"AR@{number} {100 * recall.at(number):.2f}" for number in SHOWN_AVERAGE_NUMBERS)
    tiou = recall.tiou_thresholds
    return f"{shown}, area {100 * recall.area:.2f} (tIoU {tiou[0]:.4g} to {tiou[-1]:.4g}, all classes as one)"


def _recall_content(recall: AverageRecall) -> dict[str, object]:
    return {
        "tiou_thresholds": recall.tiou_thresholds.tolist(),
        "average_recall_at": {str(number): recall.at(number) for number in SHOWN_AVERAGE_NUMBERS},
        "area": recall.area,
    }


def _multiples_content(found: RecallAtMultiples) -> dict[str, object]:
    """By 1x and 5x: the mean over the classes at each threshold, its average, and the recall of each class."""
    return {
        f"{multiple}x": {
            "mean_recall": mean.tolist(),
            "average_recall": float(mean.mean()),
            "classes": of_classes.tolist(),
        }
        for multiple, mean, of_classes in zip(found.multiples, found.mean, found.recall, strict=True)
    }
