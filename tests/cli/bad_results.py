"""Evaluations from which no page of results can be made."""

import json
from collections.abc import Callable
from pathlib import Path

from bad_input import Case, text


def evaluated(**changes: object) -> str:
    """An evaluation of a run, with something changed."""
    content = {
        "protocol": None,
        "subset": "test",
        "annotations": "task/annotations.json",
        "classifier": None,
        "recipe": "tiny",
        "seed": 0,
        "tiou_thresholds": [0.5, 0.75],
        "mAP": [0.4, 0.2],
        "average_mAP": 0.3,
    }
    return json.dumps(content | changes)


def two(**changes: object) -> Callable[[Path], object]:
    """Evaluations a.json and b.json, of which the second is changed."""

    def prepare(world: Path) -> None:
        text("a.json", evaluated())(world)
        text("b.json", evaluated(**{"seed": 1} | changes))(world)

    return prepare


RESULTS = [
    Case(
        "run that is not there",
        "results runs/nothing",
        "there is no file or run folder runs/nothing; check its name",
    ),
    Case(
        "run that was not evaluated",
        "results trained",
        "trained holds no evaluation.json; make it first: untrimmed evaluate trained",
    ),
    Case("no such run", "results nowhere.json", "there is no file or run folder nowhere.json; check its name"),
    Case(
        "table instead of an evaluation",
        "results a.csv",
        "a.csv must be a run folder, or an evaluation that ends in .json",
        prepare=text("a.csv", "class,segments\n"),
    ),
    Case(
        "detections instead of an evaluation",
        "results detections.json",
        "detections.json is no evaluation; one is written by: untrimmed evaluate RUN",
    ),
    Case(
        "evaluation of an unknown recipe",
        "results a.json",
        "a.json does not say of which recipe it is; evaluate the run itself: untrimmed evaluate RUN",
        prepare=text("a.json", evaluated(recipe=None)),
    ),
    Case(
        "mAP in percent",
        "results a.json",
        "a.json: mAP must hold 2 fractions of 1, one for each of tiou_thresholds",
        prepare=text("a.json", evaluated(mAP=[40, 20])),
    ),
    Case(
        "evaluation given twice",
        "results a.json b.json",
        "a.json and b.json are both of tiny with seed 0; give each run once",
        prepare=two(seed=0),
    ),
    Case(
        "evaluations on different subsets",
        "results a.json b.json",
        "a.json and b.json are both of tiny, but subset is test in the first and training in the second; give "
        "evaluations that were made alike",
        prepare=two(subset="training"),
    ),
    Case(
        "benchmark that was judged in another way",
        "results a.json",
        "a.json is of thumos14-i3d, but not judged as Table 1 is: under the protocol thumos14, on the subset "
        "test, at tIoU 0.3:0.7:0.1; evaluate it so",
        prepare=text("a.json", evaluated(recipe="thumos14-i3d")),
    ),
    Case(
        "note without a text",
        "results --note hapt",
        "'hapt' is no note: write it as RECIPE=TEXT",
    ),
    Case(
        "note on a recipe without a run",
        "results --note hapt=good",
        "there is a note on hapt, but no run of it; the recipes on the page are activitynet-i3d, "
        "activitynet-tsp, epic-noun-slowfast, epic-verb-slowfast, hacs-i3d, hacs-slowfast, multithumos-i3d, "
        "multithumos-i3d-rgb, multithumos-videomaev2, thumos14-i3d, thumos14-internvideo2, thumos14-videomaev2",
    ),
]
