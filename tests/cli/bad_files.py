"""Wrong models, and places that cannot be written."""

import json
import pickle
from pathlib import Path

import torch
from bad_features import FIRST, Evil
from bad_input import Case, cut, text
from safetensors.torch import save_file
from surroundings import file_limit, full_disk, locked, small_disk


def foreign(world: Path) -> None:
    save_file({"weight": torch.zeros(3)}, world / "foreign.safetensors")


def of_the_future(world: Path) -> None:
    header = {"form": 2, "version": "9.0"}
    save_file({"weight": torch.zeros(3)}, world / "new.safetensors", metadata={"untrimmed": json.dumps(header)})


MODELS = [
    Case(
        "no such model",
        "detect runs/demo task/features",
        "there is no model runs/demo: give a run folder or a .safetensors file",
    ),
    Case(
        "folder without a model",
        "detect task task/features",
        "task holds no last.safetensors; has the training in it finished an epoch?",
    ),
    Case(
        "model cut in half",
        "detect trained task/features",
        "trained/last.safetensors is not a whole model file; copy it again, or train again",
        prepare=cut("trained/last.safetensors"),
    ),
    Case(
        "model of another program",
        "detect model.pth task/features",
        "model.pth is not a model of untrimmed: give a run folder or a .safetensors file",
        prepare=text("model.pth", pickle.dumps(Evil())),
    ),
    Case(
        "pickle with code in it, named as a model",
        "detect model.safetensors task/features",
        "model.safetensors is not a whole model file; copy it again, or train again",
        prepare=text("model.safetensors", pickle.dumps(Evil())),
    ),
    Case(
        "weights of something else",
        "detect foreign.safetensors task/features",
        "foreign.safetensors is a safetensors file, but not a model of untrimmed; give a run folder",
        prepare=foreign,
    ),
    Case(
        "model of a newer version",
        "detect new.safetensors task/features",
        "new.safetensors was written by untrimmed 9.0 in a form that untrimmed [...] cannot "
        "read; use that version, or train again",
        prepare=of_the_future,
    ),
]

OUTPUTS = [
    Case(
        "run folder that holds a run",
        "train tiny.yaml --out trained",
        "trained holds a run already: add --resume to go on with it, or choose another --out",
    ),
    Case(
        "resume with another recipe",
        "train tiny.yaml training.seed=1 --out trained --resume",
        "the run in trained was begun with another recipe: training.seed was 0 and is 1; use "
        "the same, or another --out",
    ),
    Case(
        "broken state to resume from",
        "train tiny.yaml --out trained --resume",
        "trained/resume.ckpt is broken, so the run in trained cannot go on; begin anew with another --out",
        prepare=cut("trained/resume.ckpt"),
    ),
    Case(
        "place that holds a demo",
        "demo --out old",
        "old holds a demo already; choose another place with --out",
        prepare=text("old/run/recipe.yaml", ""),
    ),
    Case(
        "file where a folder must be",
        "train tiny.yaml --out detections.json",
        "detections.json/recipe.yaml cannot be written: not a directory; choose another place",
    ),
    Case(
        "folder where a file must be",
        "detect trained task/features --out found.json",
        "found.json is a folder; give the name of a file",
        prepare=lambda world: (world / "found.json").mkdir(),
    ),
    Case(
        "ending of no known format",
        "detect trained task/features --out found.txt",
        "found.txt must end in .json (ActivityNet's results) or .csv to hold detections",
    ),
    Case(
        "no permission to write",
        "detect trained task/features --out locked/found.json",
        "locked/found.json cannot be written: permission denied; choose another place",
        around=locked,
    ),
    Case(
        "no permission to write a run",
        "train tiny.yaml --out locked/run",
        "locked/run/recipe.yaml cannot be written: permission denied; choose another place",
        around=locked,
    ),
    Case(
        "full disk",
        "detect trained task/features --out disk/found.json",
        "disk/found.json could not be written: no space left on device; make room, or choose "
        "another place (what was there before is unchanged)",
        code=1,
        around=small_disk,
    ),
    Case(
        "full disk while training",
        "train tiny.yaml --out disk/run",
        "disk/run/last.safetensors could not be written: no space left on device; make room, "
        "or choose another place (what was there before is unchanged)",
        code=1,
        writes=("disk/run/recipe.yaml", "disk/run/times.csv"),
        around=small_disk,
    ),
    Case(
        "disk that is full from the beginning",
        "train tiny.yaml --out disk/run",
        "disk/run/recipe.yaml could not be written: no space left on device; make room, or "
        "choose another place (what was there before is unchanged)",
        code=1,
        prepare=lambda world: (world / FIRST).unlink(),
        around=full_disk,
        writes=("disk/run/log.txt",),
    ),
    Case(
        "resume where there is no run",
        "train tiny.yaml training.epochs=1 --resume",
        "runs/tiny holds no run to go on with, so one begins there",
        code=0,
        writes=("runs/",),
    ),
    Case(
        "file that grows too large",
        "detect trained task/features",
        "detections.json could not be written: file too large; make room, or choose another "
        "place (what was there before is unchanged)",
        code=1,
        around=file_limit,
    ),
]

#: Run by test_stopping.py, which presses the keys.
CTRL_C = Case(
    "Ctrl-C, twice, while training",
    "train tiny.yaml training.epochs=20",
    "stopped after [...] whole epochs; add --resume to go on with the next one",
    code=130,
)
