"""What a choice is worth on the real recordings: cross-validation over the persons of HAPT's training subset.

    python benchmarks/choices.py ANNOTATIONS SIGNALS --out FOLDER [--only NAME ...] [--set KEY=VALUE ...]

Each choice changes some keys of the recipe `hapt`. For each of three folds a model is trained without the
persons whose number leaves that remainder when divided by three, and judged on them; the test subset is not read.
A fold that is in FOLDER already is not run again: use another FOLDER with another --set. Prints the mean over the
folds of the average mAP, in percent, at tIoU 0.3:0.1:0.7 and 0.5:0.05:0.95.
"""

import argparse
import json
import re
from pathlib import Path
from statistics import mean

import torch

from untrimmed.annotations.annotations import Annotations
from untrimmed.annotations.formats import read_annotations
from untrimmed.detection.inputs import open_inputs
from untrimmed.detection.loading import load
from untrimmed.detection.localizer import Localizer, collect
from untrimmed.detection.timed_labels import TimedLabels
from untrimmed.evaluation.evaluator import evaluate
from untrimmed.evaluation.thresholds import parse_tiou
from untrimmed.recipes.loading import load_recipe
from untrimmed.training.fit import train

FOLDS = 3
TIOU = ("0.3:0.7:0.1", "0.5:0.95:0.05")
HELD_OUT = "held out"

CHOICES: dict[str, list[str]] = {
    "the recipe": [],
    "100 epochs": ["training.epochs=100"],
    "30 epochs": ["training.epochs=30"],
    "windows always from the first sample": ["training.random_phase=false"],
    "layer scale from 1e-4": ["model.encoder.layer_scale=1e-4"],
    "layer scale from 0.1": ["model.encoder.layer_scale=0.1"],
    "no loss on coarse predictions": ["training.loss.coarse_weight=0"],
    "sums divided as in Eq. 13": ["training.loss.normalizer=counts"],
    "tIoU to the power 0.2": ["training.loss.quality_power=0.2"],
    "GIoU": ["training.loss.regression=giou"],
    "IoU": ["training.loss.regression=iou"],
    "focal loss": ["training.loss.classification=focal"],
    "local kernel 1": ["model.encoder.kernel_size=1"],
    "local kernel 5": ["model.encoder.kernel_size=5"],
    "drop path 0.3": ["model.encoder.drop_path=0.3"],
    "input noise 0.05": ["training.input_noise=0.05"],
    "twice the stride, a level less": ["data.stride=25", "model.levels=6"],
    "ranges of 8 strides": [
        "training.regression_ranges=[[0,8],[8,16],[16,32],[32,64],[64,128],[128,256],[256,null]]"
    ],
}


def person(video_id: str) -> int:
    """The number of the person in the name of a recording, such as exp01_user07."""
    found = re.search(r"user(\d+)", video_id)
    if found is None:
        raise SystemExit(f"{video_id} does not name its person as user07 does")
    return int(found.group(1))


def without_fold(source: Path, fold: int, target: Path) -> None:
    """Write the training subset again, with the persons of a fold in a subset of their own."""
    content = json.loads(source.read_text())
    content["database"] = {
        name: video | {"subset": HELD_OUT if person(name) % FOLDS == fold else "training"}
        for name, video in content["database"].items()
        if video["subset"] == "training"
    }
    target.write_text(json.dumps(content))


def detected(localizer: Localizer, signals: Path, held_out: Annotations) -> dict[str, TimedLabels]:
    """What is found in the recordings of a fold."""
    (inputs,), missing = open_inputs([signals], localizer.features, held_out)
    assert not missing, missing
    results = localizer.detect_videos(inputs.store, inputs.durations_seconds)
    return {name: found for name, found in results if isinstance(found, TimedLabels)}


def fold_result(changes: list[str], fold: int, seed: int, given: argparse.Namespace, folder: Path) -> list[float]:
    """Train without a fold and judge on it: the average mAP at each set of tIoU, in percent."""
    result = folder / "average_map.json"
    if not result.exists():
        folder.mkdir(parents=True, exist_ok=True)
        annotations = folder / "annotations.json"
        without_fold(given.annotations, fold, annotations)
        places = [f"data.annotations={annotations}", f"data.features={given.signals}", f"training.seed={seed}"]
        recipe = load_recipe("hapt", [*places, *changes])
        train(recipe, folder / "run", resume=(folder / "run" / "recipe.yaml").exists())
        localizer = load(folder / "run", "cpu")
        whole = read_annotations(annotations)
        held_out = whole.subset(HELD_OUT)
        detections = collect(localizer.classes, detected(localizer, given.signals, held_out))
        found = [
            100 * evaluate(detections, held_out, tiou_thresholds=parse_tiou(tiou)).average_map for tiou in TIOU
        ]
        result.write_text(json.dumps(found))
    averages: list[float] = json.loads(result.read_text())
    return averages


def main() -> None:
    options = argparse.ArgumentParser(description="Cross-validate choices on HAPT's training subset.")
    options.add_argument("annotations", type=Path)
    options.add_argument("signals", type=Path)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--only", nargs="+", choices=CHOICES, default=list(CHOICES))
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="change the recipe itself")
    options.add_argument("--threads", type=int, default=2, help="threads of torch (%(default)s)")
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    for name in given.only:
        folders = [given.out / f"seed {given.seed}" / name / f"fold {fold}" for fold in range(FOLDS)]
        results = [
            fold_result([*given.set, *CHOICES[name]], fold, given.seed, given, folder)
            for fold, folder in enumerate(folders)
        ]
        print(f"{name:42}", *(f"{mean(column):6.2f}" for column in zip(*results, strict=True)), flush=True)


if __name__ == "__main__":
    main()
