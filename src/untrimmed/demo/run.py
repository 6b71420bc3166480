"""`untrimmed demo`: from data to a table and pictures, with the parts that every other command uses."""

from collections.abc import Callable
from pathlib import Path

from untrimmed.annotations.formats import read_annotations
from untrimmed.annotations.subsets import chosen_subset
from untrimmed.demo.task import write_task
from untrimmed.detection.inputs import open_inputs
from untrimmed.detection.loading import load
from untrimmed.detection.localizer import collect
from untrimmed.detection.result_files import write_detections
from untrimmed.detection.timed_labels import TimedLabels
from untrimmed.errors import InputError, MissingExtraError
from untrimmed.evaluation.evaluator import Evaluation, evaluate
from untrimmed.evaluation.tables import text_table
from untrimmed.evaluation.thresholds import parse_tiou
from untrimmed.recipes.loading import load_recipe
from untrimmed.report.timelines import draw_timeline
from untrimmed.training.fit import Stopped, train

PICTURES = 2


def run_demo(folder: Path, seed: int, say: Callable[[str], None]) -> Evaluation:
    """Make a task, train on it, detect in the sequences that were held out, judge and draw that.

    Args:
        folder: for everything; nothing of an earlier demo may be in it.
        seed: of the task and of training.
        say: is told what happens.
    """
    if (folder / "run").exists():
        raise InputError(f"{folder} holds a demo already; choose another place with --out")
    say(f"making a task in {folder}: movements of two performers, seen by a noisy sensor")
    write_task(folder, seed)
    recipe = load_recipe(
        "demo",
        [
            f"data.annotations={folder / 'annotations.json'}",
            f"data.features={folder / 'features'}",
            f"training.seed={seed}",
        ],
    )
    say("training CLTDR-GMG on its 80 training sequences")
    try:
        train(recipe, folder / "run")
    except Stopped as error:
        raise Stopped(f"the demo was stopped; remove {folder} before you begin it anew") from error
    say("detecting in its 20 test sequences")
    test = chosen_subset(read_annotations(folder / "annotations.json"), "test")
    localizer = load(folder / "run")
    (inputs,), _ = open_inputs([folder / "features"], localizer.features, test)
    found: dict[str, TimedLabels] = {}
    for video_id, result in localizer.detect_videos(inputs.store, inputs.durations_seconds):
        if isinstance(result, InputError):
            raise result
        found[video_id] = result
    detections = collect(localizer.classes, found)
    write_detections(detections, folder / "detections.json")
    evaluation = evaluate(detections, test, tiou_thresholds=parse_tiou(recipe.evaluation.thresholds))
    say(text_table(evaluation, per_class=True).rstrip())
    try:
        for video_id in test.videos.ids[:PICTURES]:
            picture = folder / f"{video_id}.png"
            draw_timeline(video_id, test, detections, picture)
            say(f"{picture}: truth above detections")
    except MissingExtraError as error:
        say(f"no pictures: {error}")
    return evaluation
