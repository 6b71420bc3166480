"""Wrong scores of whole videos."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bad_input import Case, text

from untrimmed.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from untrimmed.models.build import build_detector

DETECT = "detect agnostic task/features --video-scores "
VIDEOS = [f"sequence-00{number}" for number in range(1, 6)]
GOOD = {"results": {name: [0.9, 0.1] for name in VIDEOS}, "class": ["rise", "fall"]}


def with_model(*others: Callable[[Path], object], scores: str | None = None) -> Callable[[Path], object]:
    """A class-agnostic model with random weights in `agnostic`, and what else there is to prepare."""

    def prepare(world: Path) -> None:
        trained = load_checkpoint(world / "trained")
        recipe = trained.recipe.model_copy(
            update={
                "data": trained.recipe.data.model_copy(update={"class_agnostic": True}),
                "detection": trained.recipe.detection.model_copy(
                    update={"video_scores": None if scores is None else Path(scores)}
                ),
            }
        )
        detector = build_detector(recipe.model, input_dim=trained.input_dim, classes=1)
        checkpoint = Checkpoint(detector, recipe, ("action",), trained.input_dim)
        save_checkpoint(checkpoint, world / "agnostic" / "last.safetensors")
        for other in others:
            other(world)

    return prepare


def scores_file(content: Any) -> Callable[[Path], object]:
    return text("scores.json", json.dumps(content))


def matrix(videos: str | None = None) -> Callable[[Path], object]:
    """A matrix of 5 videos and 2 classes, its classes, and maybe its videos."""

    def prepare(world: Path) -> None:
        np.save(world / "scores.npy", np.full((5, 2), 0.5))
        text("scores.classes.txt", "rise\nfall\n")(world)
        if videos is not None:
            text("scores.videos.txt", videos)(world)

    return prepare


VIDEO_SCORES = [
    Case(
        "scores for a model that tells classes itself",
        "detect trained task/features --video-scores scores.json",
        "trained tells classes itself: leave out the video scores scores.json, which are for models that were "
        "trained with data.class_agnostic",
        prepare=scores_file(GOOD),
    ),
    Case(
        "no such file",
        DETECT + "nowhere.json",
        "nowhere.json cannot be read: no such file or directory",
        prepare=with_model(),
    ),
    Case(
        "file of an unknown kind",
        DETECT + "scores.pkl",
        "scores.pkl must end in .json or .npy to hold scores of videos",
        prepare=with_model(text("scores.pkl", "x")),
    ),
    Case(
        "the file of the recipe is not there",
        "detect agnostic task/features",
        "the recipe of agnostic labels detections with gone.json, which is not there; give that file, wherever "
        "it is now, with --video-scores",
        prepare=with_model(scores="gone.json"),
    ),
    Case(
        "classes are not named",
        DETECT + "scores.json",
        'scores.json does not say which class each score belongs to: add the list "class" to it, or give '
        "annotations, whose classes are then taken in their order",
        prepare=with_model(scores_file({"results": GOOD["results"]})),
    ),
    Case(
        "as many scores as other classes",
        DETECT + "scores.json --annotations task/annotations.json",
        'scores.json, video "sequence-001": there are 2 scores, but 5 classes; give one score a class',
        prepare=with_model(scores_file({"results": GOOD["results"]})),
    ),
    Case(
        "score that is NaN",
        DETECT + "scores.json",
        'scores.json, video "sequence-001": the score of "rise" must be a finite number, but is nan',
        prepare=with_model(text("scores.json", '{"sequence-001": {"rise": NaN}}')),
    ),
    Case(
        "scores that are no probabilities",
        DETECT + "scores.json",
        "scores.json: 1 of 10 scores are not between 0 and 1, so all are taken for logits and turned into "
        "probabilities by softmax",
        code=0,
        prepare=with_model(scores_file({**GOOD, "results": {**GOOD["results"], "sequence-002": [3.5, 0.2]}})),
        writes=("detections.json",),
    ),
    Case(
        "matrix without the names of its videos",
        DETECT + "scores.npy",
        "scores.npy needs scores.videos.txt beside it, with the name of one video a line",
        prepare=with_model(matrix()),
    ),
    Case(
        "matrix with fewer names than rows",
        DETECT + "scores.npy",
        "scores.videos.txt has 1 names, but scores.npy has the shape (5, 2), which must be (videos, classes)",
        prepare=with_model(matrix("sequence-001\n")),
    ),
    Case(
        "scores of other videos alone",
        DETECT + "scores.json",
        "scores.json has scores of none of the 5 videos (sequence-001; sequence-002; sequence-003; and 2 more), "
        "but of match-1",
        prepare=with_model(scores_file({"match-1": {"rise": 1}})),
    ),
    Case(
        "video without scores",
        DETECT + "scores.json",
        "4 of 5 videos are left out, because scores.json has no scores of them: sequence-001; sequence-002; "
        "sequence-003; and 1 more",
        code=0,
        prepare=with_model(scores_file({"sequence-005": {"rise": 1}})),
        writes=("detections.json",),
    ),
    Case(
        "scores for a recipe that learns classes",
        "train tiny.yaml detection.video_scores=scores.json",
        "[...]detection.video_scores says which class an action is: set data.class_agnostic to true, or leave "
        "the scores out[...]",
        prepare=scores_file(GOOD),
    ),
]
