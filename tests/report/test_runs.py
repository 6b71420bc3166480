"""Evaluations as they are read: everything of them, and a sentence for each thing that is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from untrimmed.errors import InputError
from untrimmed.report.runs import read_run


def test_a_run_folder_and_its_file_are_the_same(write):
    file = write("run/evaluation.json", classifier="C:\\scores\\cuhk.json", seed=3)
    run = read_run(file.parent)
    assert run.path == file
    assert (run.recipe, run.seed, run.protocol, run.subset) == ("thumos14-i3d", 3, "thumos14", "test")
    assert (run.videos, run.only_named_videos, run.label) == (212, False, None)
    assert (run.annotations, run.classifier) == ("thumos14.json", "cuhk.json")
    assert run.mean_average_precision.tolist() == [0.8, 0.7, 0.6, 0.5, 0.4]
    assert run.average_map == pytest.approx(0.6)
    assert read_run(file).tiou_thresholds.tolist() == run.tiou_thresholds.tolist() == [0.3, 0.4, 0.5, 0.6, 0.7]


def test_what_is_not_said_is_none(write):
    file = write()
    content = json.loads(file.read_text())
    for key in ("protocol", "subset", "annotations", "classifier", "videos", "label", "only_named_videos"):
        del content[key]
    file.write_text(json.dumps(content))
    run = read_run(file)
    assert (run.protocol, run.subset, run.annotations, run.classifier) == (None, None, None, None)
    assert (run.videos, run.label, run.only_named_videos) == (None, None, False)


def test_a_run_that_was_not_evaluated_is_to_be_evaluated_first(tmp_path: Path):
    with pytest.raises(InputError, match=r"holds no evaluation\.json; make it first: untrimmed evaluate .*"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": None}, "does not say of which recipe it is"),
        ({"seed": None}, "does not say of which seed it is"),
        ({"seed": True}, "seed must be a whole number, but is true"),
        ({"seed": "0"}, 'seed must be a whole number, but is the text "0"'),
        ({"videos": "a.csv"}, 'videos must be a whole number or null, but is the text "a.csv"'),
        ({"subset": 3}, "subset must be text or null, but is 3"),
        ({"mAP": [0.5]}, "mAP must hold 5 fractions of 1"),
        ({"mAP": [80.0, 70.0, 60.0, 50.0, 40.0]}, "mAP must hold 5 fractions of 1"),
        ({"mAP": [0.8, 0.7, 0.6, 0.5, float("nan")]}, "mAP must be a list of numbers, all of them finite"),
        ({"mAP": 0.5}, "mAP must be a list of numbers, but is 0.5"),
        ({"tiou_thresholds": [0.3, 0.3, 0.5, 0.6, 0.7]}, "tIoU thresholds .* must rise"),
    ],
)
def test_a_wrong_value_is_named_with_its_file(write, changes: dict[str, Any], message: str):
    with pytest.raises(InputError, match=rf"^\S*evaluation\.json:? {message}"):
        read_run(write(**changes))
