"""What docs/add-a-model.md tells people to write and to type does what it says."""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import untrimmed
from untrimmed.config import ModelSection
from untrimmed.demo.task import write_task
from untrimmed.detection.result_files import read_detections
from untrimmed.errors import InputError
from untrimmed.models.build import build_detector
from untrimmed.recipes.loading import load_recipe
from untrimmed.testing import check_detector
from untrimmed.training.fit import train

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

from running import run_apart, run_here

PAGE = (Path(__file__).parents[2] / "docs" / "add-a-model.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


def write_files(folder: Path) -> None:
    """What the page puts into files; a file that is told in parts is their sum."""
    for title, block in re.findall(r'```\w+ title="(.+?)"\n(.*?)```', PAGE, re.DOTALL):
        with (folder / title).open("a", encoding="utf-8") as file:
            file.write(block + "\n\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the page, a task, and the run of the first command, typed as a user does."""
    folder = tmp_path_factory.mktemp("page")
    write_files(folder)
    write_task(folder / "task", seed=0, training=3, held_out=2)
    done = run_apart(COMMANDS[0].removeprefix("untrimmed "), folder)
    assert done.code == 0, done.stderr
    assert "detect with it: untrimmed detect runs/contrast FEATURES --plugin contrast\n" in done.stderr
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_new_kinds: None) -> Iterator[Path]:
    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    monkeypatch.chdir(copy)
    return copy


def test_the_page_has_files_and_commands(here: Path) -> None:
    assert {path.name for path in here.iterdir() if path.is_file()} == {
        "contrast.py",
        "mine.yaml",
        "pointwise.py",
        "test_contrast.py",
    }
    assert len(COMMANDS) == 4


@pytest.mark.parametrize("step", [0, 2], ids=["encoder", "encoder and decoder"])
def test_every_command_does_what_it_says(here: Path, step: int) -> None:
    train_command, detect_command = COMMANDS[step : step + 2]
    if step:
        assert run_here(train_command.removeprefix("untrimmed ")).code == 0
    done = run_here(detect_command.removeprefix("untrimmed "))
    assert done.code == 0, done.stderr
    assert len(read_detections("detections.json").video_ids) == 5


def test_the_test_of_the_page_passes(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(here)
    content: dict[str, Any] = {}
    exec((here / "test_contrast.py").read_text(), content)
    content["test_contrast_keeps_sequences_apart_and_learns"]()


def test_the_decoder_of_the_page_passes_the_same_test(here: Path) -> None:
    recipe = load_recipe("mine.yaml", ["plugins=[pointwise]", "model.decoder.kind=pointwise"])
    model = recipe.model.model_copy(update={"channels": 64})
    assert model.encoder.kind == "contrast"
    check_detector(build_detector(model, input_dim=24, classes=5), 24)


def test_the_model_is_loaded_once_its_plugin_is_allowed(here: Path) -> None:
    with pytest.raises(InputError, match=r"plugins=\[\"contrast\"\]$"):
        untrimmed.load("runs/contrast")
    assert untrimmed.load("runs/contrast", plugins=["contrast"]).classes
    assert untrimmed.load("runs/contrast").classes


def test_a_run_of_ones_own_model_is_resumed(here: Path) -> None:
    recipe = load_recipe("mine.yaml")
    before = (here / "runs" / "contrast" / "last.safetensors").read_bytes()
    train(recipe, here / "runs" / "contrast", resume=True)
    assert (here / "runs" / "contrast" / "last.safetensors").read_bytes() == before


@pytest.mark.slow
def test_several_processes_and_loaders_know_ones_own_model(here: Path) -> None:
    changes = "training.devices=2 training.workers=1 training.accelerator=cpu"
    done = run_apart(f"train mine.yaml {changes} --out runs/two", here)
    assert done.code == 0, done.stderr
    one, two = (untrimmed.load(f"runs/{name}", plugins=["contrast"]) for name in ("contrast", "two"))
    for ours, theirs in zip(one.detector.parameters(), two.detector.parameters(), strict=True):
        assert (ours - theirs).abs().max() < 1e-4


def test_what_the_recipe_of_the_page_means(here: Path) -> None:
    model = load_recipe("mine.yaml").model
    assert isinstance(model, ModelSection)
    assert model.encoder.model_dump() == {"kind": "contrast", "hidden": 48, "kernel_size": 3}
