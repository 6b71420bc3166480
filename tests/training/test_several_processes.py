"""Two processes on the CPU learn what one learns with the batch of both."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.multiprocessing.spawn import ProcessRaisedException

from untrimmed.config import Recipe
from untrimmed.config.encoders import TransformerSection
from untrimmed.detection.result_files import read_detections
from untrimmed.errors import InputError
from untrimmed.models.dropout import Dropout
from untrimmed.models.layers import ResidualPath
from untrimmed.training.fit import Stopped, assemble, train
from untrimmed.training.module import DetectorTraining
from untrimmed.training.preparation import prepare
from untrimmed.training.run_folder import RunFolder
from untrimmed.training.validation import gathered

#: Sums of the two halves of a batch round otherwise than one over all of it.
ROUNDING = 1e-5


def assert_nearly_same(one: RunFolder, other: RunFolder, tolerance: float = ROUNDING) -> None:
    for first, second in ((one.last, other.last), (one.best, other.best)):
        assert first.exists() == second.exists()
        if first.exists():
            torch.testing.assert_close(load_file(first), load_file(second), rtol=0, atol=tolerance)
    rows, other_rows = one.read_metrics(), other.read_metrics()
    assert [list(row) for row in rows] == [list(row) for row in other_rows]
    for row, other_row in zip(rows, other_rows, strict=True):
        numbers = [[float(value) for value in values.values()] for values in (row, other_row)]
        assert numbers[0] == pytest.approx(numbers[1], abs=1e-3 if "validation_map" in row else 10 * tolerance)
    first, second = (torch.load(run.resume, weights_only=True) for run in (one, other))
    for key in ("current_model_state", "averaging_state"):
        torch.testing.assert_close(first[key], second[key], rtol=1e-5, atol=tolerance)


def test_two_processes_end_with_the_weights_of_one(tmp_path, recipe_for, trained):
    # With drop path, input noise, random crops, a running mean, and three videos to validate on.
    run = train(recipe_for(devices=2), tmp_path / "run")
    assert_nearly_same(run, trained)
    found, expected = read_detections(run.detections), read_detections(trained.detections)
    assert found.video_ids == expected.video_ids
    assert len(found) == pytest.approx(len(expected), rel=0.02)
    assert found.score[:20] == pytest.approx(expected.score[:20], abs=1e-3)


@pytest.mark.parametrize("held_out", [1, 2, 3])
@pytest.mark.parametrize("processes", [1, 2, 4])
def test_every_process_validates_on_a_video_and_together_on_all(recipe_for, held_out, processes):
    folds = {1: 7, 2: 4, 3: 3}[held_out]
    recipe = recipe_for(data={"hold_out": {"folds": folds}})
    module = assemble(recipe, prepare(recipe.data))
    seen = []
    for rank in range(processes):
        module._trainer = SimpleNamespace(global_rank=rank, world_size=processes)
        own = [video for batch in module.val_dataloader() for video in batch.videos]
        assert own
        seen += own
    assert set(seen) == set(range(held_out))


def test_every_layer_that_draws_knows_which_part_of_a_batch_it_is_given(recipe_for):
    recipe = recipe_for()
    model = recipe.model.model_copy(update={"encoder": TransformerSection()})
    recipe = recipe.model_copy(update={"model": model})
    module = assemble(recipe, prepare(recipe.data))
    module._trainer = SimpleNamespace(global_rank=1, world_size=3)
    module.on_fit_start()
    shares = [(type(layer), layer.share) for layer in module.modules() if hasattr(layer, "share")]
    assert set(shares) == {(ResidualPath, (1, 3)), (Dropout, (1, 3))}


def test_what_one_process_found_comes_in_alphabetical_order():
    assert list(gathered({"b": 1, "c": 2, "a": 3}).items()) == [("a", 3), ("b", 1), ("c", 2)]


@pytest.mark.slow
def test_fewer_videos_to_validate_on_than_processes_are_enough(tmp_path, recipe_for):
    recipe = {"data": {"hold_out": {"folds": 7}}, "epochs": 2}
    run = train(recipe_for(devices=2, **recipe), tmp_path / "two")
    assert_nearly_same(run, train(recipe_for(**recipe), tmp_path / "one"))


def failing(monkeypatch: pytest.MonkeyPatch, traceback: str) -> None:
    """Let a process of every training fail with this."""

    def fit(*_: object, **__: object) -> None:
        raise ProcessRaisedException(f"\n\n-- Process 1 terminated with the following error:\n{traceback}", 1, 99)

    monkeypatch.setattr(pl.Trainer, "fit", fit)


def test_wrong_input_that_one_process_meets_is_told_in_its_sentence(tmp_path, recipe_for, monkeypatch):
    failing(monkeypatch, 'Traceback ...\n  File "x.py"\nuntrimmed.errors.InputError: a.npy is broken; mend it\n')
    with pytest.raises(InputError, match=r"^a\.npy is broken; mend it$"):
        train(recipe_for(), tmp_path / "run")


def test_another_failure_of_a_process_stays_what_it_is(tmp_path, recipe_for, monkeypatch):
    failing(monkeypatch, "Traceback ...\nValueError: 3\n")
    with pytest.raises(ProcessRaisedException, match="ValueError: 3"):
        train(recipe_for(), tmp_path / "run")


@pytest.mark.slow
def test_a_file_that_only_one_of_two_processes_reads_ends_both_in_one_sentence(tmp_path, recipe_for, task):
    folder = shutil.copytree(task, tmp_path / "task")
    broken = folder / "features" / "training-3.npy"
    np.save(broken, np.full_like(np.load(broken), np.nan))
    data = {"annotations": folder / "annotations.json", "features": folder / "features", "check_values": False}
    with pytest.raises(InputError) as told:
        train(recipe_for(devices=2, data=data), tmp_path / "run")
    assert str(told.value).startswith(f"{broken} holds ")
    assert str(told.value).endswith("extract it again or remove it")


@pytest.mark.slow
def test_two_processes_go_on_with_the_run_of_one(tmp_path, recipe_for, trained, monkeypatch):
    learn = DetectorTraining.training_step

    def stopped(module, batch, batch_idx):
        if module.global_step == 3:
            raise KeyboardInterrupt
        return learn(module, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(DetectorTraining, "training_step", stopped)
        with pytest.raises(Stopped, match="after 1 whole epochs"):
            train(recipe_for(), tmp_path / "run")
    assert_nearly_same(train(recipe_for(devices=2), tmp_path / "run", resume=True), trained)


def processes_of(group: int) -> list[int]:
    """The processes of a group that are left."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, process_group = path.read_text().rsplit(")", 1)[1].split()[:3]
        except OSError:  # it has just ended
            continue
        if int(process_group) == group and state != "Z":
            found.append(int(path.parent.name))
    return found


def interrupted(recipe: Recipe, folder: Path, send: Callable[[int, int], None]) -> int:
    """Run `untrimmed train` in a group of processes of its own, send Ctrl-C to it in epoch 4; the group."""
    RunFolder(folder).begin(recipe)
    program = "from untrimmed.cli import main; main()"
    command = [sys.executable, "-c", program, "train", str(folder / "recipe.yaml"), "--out", str(folder / "run")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("epoch 3 of "):
                break
        send(process.pid, signal.SIGINT)
        said += process.stderr.readlines()
        process.wait(timeout=60)
    assert process.returncode == 130, "".join(said)
    assert said[-1].startswith("stopped after ")
    assert "Traceback" not in "".join(said)
    return process.pid


def assert_ended(group: int) -> None:
    """No process of the group is left; the one that cleans up after the others ends last."""
    deadline = time.monotonic() + 20
    while processes_of(group) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(group) == []


needs_proc = pytest.mark.skipif(
    not Path("/proc").is_dir(), reason="needs /proc to see whether processes are left"
)


@pytest.mark.slow
@needs_proc
def test_ctrl_c_in_a_terminal_ends_both_processes_and_one_goes_on(tmp_path, recipe_for):
    changes = {"data": {}, "epochs": 30}
    assert_ended(interrupted(recipe_for(devices=2, **changes), tmp_path, os.killpg))
    done = len(RunFolder(tmp_path / "run").read_metrics())
    assert 3 <= done < 30
    resumed = train(recipe_for(**changes), tmp_path / "run", resume=True)
    # Thirty epochs make more of a difference in rounding than three.
    assert_nearly_same(resumed, train(recipe_for(**changes), tmp_path / "undisturbed"), tolerance=1e-3)


@pytest.mark.slow
@needs_proc
def test_a_signal_to_the_first_process_ends_the_other_one_too(tmp_path, recipe_for):
    assert_ended(interrupted(recipe_for(devices=2, data={}, epochs=5000), tmp_path, os.kill))
