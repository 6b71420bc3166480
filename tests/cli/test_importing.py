"""Weights of a released system, from its checkpoint to detections."""

from pathlib import Path

import numpy as np
import torch
from bad_released import state
from running import run_here

import untrimmed


def test_import_weights_leaves_a_model_that_detects_and_says_what_it_assumed(world: Path) -> None:
    torch.save({"state_dict_ema": state()}, "best.pth")
    Path("names.txt").write_text("rise\nfall\nrest\n")
    np.save("video.npy", np.ones((40, 4), np.float32))
    command = (
        "import-weights best.pth --system temporalmaxer --padding own --classes names.txt --out tm.safetensors"
    )
    result = run_here(f"{command} data.fps=10 data.stride=1 data.window=1")
    assert (result.code, result.stdout) == (0, "")
    lines = result.stderr.splitlines()
    assert lines[0] == (
        "best.pth holds averaged weights (state_dict_ema) of temporalmaxer: features of 4 values, 16 channels, "
        "2 levels, 3 classes, 2,071 parameters"
    )
    assert lines[1] == "classes are named by names.txt: rise, fall, rest"
    assert "  data.fps=10.0 (as given)" in lines
    assert lines[-1] == "the model is in tm.safetensors; detect with it: untrimmed detect tm.safetensors FEATURES"
    assert untrimmed.load("tm.safetensors").classes == ("rise", "fall", "rest")
    assert run_here("detect tm.safetensors video.npy").code == 0


def test_import_weights_takes_names_from_the_annotations_of_a_recipe(world: Path) -> None:
    names = untrimmed.read_annotations("task/annotations.json").classes
    classes = {"cls_head.cls_head.conv.weight": (len(names), 16, 3), "cls_head.cls_head.conv.bias": (len(names),)}
    torch.save(state() | {name: torch.ones(shape) for name, shape in classes.items()}, "best.pth")
    result = run_here("import-weights best.pth --recipe tiny.yaml --out tm.safetensors")
    assert result.code == 0
    assert untrimmed.load("tm.safetensors").classes == names
    assert "classes are named by task/annotations.json" in result.stderr
