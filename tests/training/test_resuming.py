"""A run that was stopped and taken up again ends as if it had not been."""

import signal
import subprocess
import sys

import pytest
import torch

from untrimmed.errors import InputError
from untrimmed.training.fit import Stopped, train
from untrimmed.training.module import DetectorTraining
from untrimmed.training.run_folder import Keeping, RunFolder


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch):
    """stopping(owner, name, call) raises KeyboardInterrupt instead of the call of this number, from 1."""

    def arrange(owner: type, name: str, call: int) -> None:
        original, calls = getattr(owner, name), []

        def interrupted(*arguments: object) -> object:
            calls.append(arguments)
            if len(calls) == call:
                raise KeyboardInterrupt
            return original(*arguments)

        monkeypatch.setattr(owner, name, interrupted)

    return arrange


@pytest.mark.parametrize(
    ("owner", "name", "call", "whole_epochs"),
    [
        (DetectorTraining, "training_step", 2, 0),
        (DetectorTraining, "training_step", 4, 1),
        (DetectorTraining, "training_step", 6, 2),
        (DetectorTraining, "validation_step", 5, 1),
        (Keeping, "_save_models", 2, 1),
        (Keeping, "_save_state", 2, 2),
    ],
    ids=["first epoch", "second epoch", "last epoch", "validation", "before the models", "before the state"],
)
def test_a_stopped_run_goes_on_to_the_same_result(
    tmp_path, recipe_for, trained, assert_same_run, stopping, monkeypatch, owner, name, call, whole_epochs
):
    stopping(owner, name, call)
    with pytest.raises(Stopped, match=f"stopped after {whole_epochs} whole epochs; add --resume"):
        train(recipe_for(), tmp_path / "run")
    monkeypatch.undo()
    resumed = train(recipe_for(), tmp_path / "run", resume=True)
    assert_same_run(resumed, trained)
    assert not list(resumed.path.glob("*.part")) + list(resumed.path.glob(".*"))


def test_a_run_may_be_stopped_again_and_again(
    tmp_path, recipe_for, trained, assert_same_run, stopping, monkeypatch
):
    for attempt in range(3):
        with monkeypatch.context() as patch:
            stop_at, original = [], DetectorTraining.training_step

            def third(module, batch, batch_idx, stop_at=stop_at, original=original):
                stop_at.append(module.global_step)
                if len(stop_at) == 3:
                    raise KeyboardInterrupt
                return original(module, batch, batch_idx)

            patch.setattr(DetectorTraining, "training_step", third)
            # Two steps an epoch: each attempt gets one epoch further, the last one to the end.
            if attempt < 2:
                with pytest.raises(Stopped):
                    train(recipe_for(), tmp_path / "run", resume=attempt > 0)
            else:
                train(recipe_for(), tmp_path / "run", resume=True)
    assert_same_run(RunFolder(tmp_path / "run"), trained)


def test_a_run_whose_epochs_are_not_all_validated_goes_on_to_the_same_result(
    tmp_path, recipe_for, assert_same_run, stopping, monkeypatch
):
    recipe = recipe_for(epochs=5, validate_every=2)
    undisturbed = train(recipe, tmp_path / "undisturbed")
    stopping(DetectorTraining, "training_step", 6)  # in the third epoch, which is not validated
    with pytest.raises(Stopped):
        train(recipe, tmp_path / "run")
    monkeypatch.undo()
    assert_same_run(train(recipe, tmp_path / "run", resume=True), undisturbed)


def test_the_state_holds_what_else_changes_with_the_steps(trained):
    state = torch.load(trained.resume, weights_only=True)
    # Seven updates by a tenth would still be above 100 * 0.9^6 if every batch had one positive point.
    assert 0.9**6 * 100 < state["current_model_state"]["criterion.normalizer.value"] < 100
    assert state["averaging_state"]["n_averaged"] == 6
    assert state["global_step"] == 6


def test_a_finished_run_stays_as_it_is(tmp_path, recipe_for, assert_same_run, trained):
    first = train(recipe_for(), tmp_path / "run")
    written = first.resume.stat().st_mtime_ns
    assert_same_run(train(recipe_for(), tmp_path / "run", resume=True), trained)
    assert first.resume.stat().st_mtime_ns == written


def test_a_run_does_not_begin_where_another_is(trained, recipe_for):
    with pytest.raises(InputError, match="holds a run already"):
        train(recipe_for(), trained.path)


def test_a_run_whose_features_could_not_be_read_leaves_the_folder_free(tmp_path, recipe_for, task):
    with pytest.raises(InputError):
        train(recipe_for(data={"features": tmp_path / "nowhere"}), tmp_path / "run")
    train(recipe_for(epochs=1), tmp_path / "run")


def test_ctrl_c_works_again_after_a_training_was_stopped(tmp_path, recipe_for, stopping):
    # Where the tests themselves run in the background of a shell, Ctrl-C is ignored from the beginning.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    stopping(DetectorTraining, "training_step", 1)
    with pytest.raises(Stopped):
        train(recipe_for(), tmp_path / "run")
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


#: `untrimmed train`, in which one step says that it was reached and then waits to be stopped.
PROGRAM = """
import sys, time
from untrimmed.cli import main
from untrimmed.training.module import DetectorTraining

learn = DetectorTraining.training_step
def waiting(module, batch, batch_idx):
    if module.global_step == 3:
        print("waiting", flush=True)
        time.sleep(300)
    return learn(module, batch, batch_idx)
DetectorTraining.training_step = waiting
main()
"""


def test_ctrl_c_ends_the_command_with_code_130_and_the_run_goes_on_to_the_same_result(
    tmp_path, recipe_for, trained, assert_same_run
):
    RunFolder(tmp_path).begin(recipe_for())
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        "train",
        str(tmp_path / "recipe.yaml"),
        "--out",
        str(tmp_path / "run"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.endswith("stopped after 1 whole epochs; add --resume to go on with the next one\n")
    assert "Traceback" not in said
    assert_same_run(train(recipe_for(), tmp_path / "run", resume=True), trained)
