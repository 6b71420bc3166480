import io
import sys
from types import SimpleNamespace

import pytest
import torch

from untrimmed.training.progress import ProgressLine


class Terminal(io.StringIO):
    """What a person looks at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def trainer() -> SimpleNamespace:
    """What the line asks of a trainer, at the end of the second of three epochs of ten steps."""
    return SimpleNamespace(
        is_global_zero=True,
        current_epoch=1,
        max_epochs=3,
        global_step=20,
        estimated_stepping_batches=30,
        callback_metrics={"train_total": torch.tensor(0.8765), "validation_map": torch.tensor(0.4321)},
    )


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the line believes it is."""
    now = [0.0]
    monkeypatch.setattr("untrimmed.training.progress.time.monotonic", lambda: now[0])
    return now


def begun_at(step: int, trainer: SimpleNamespace) -> ProgressLine:
    line, reached = ProgressLine(), trainer.global_step
    trainer.global_step = step
    line.on_train_start(trainer, None)
    trainer.global_step = reached
    return line


def test_where_there_is_no_terminal_each_epoch_is_a_line(trainer, seconds, capsys):
    line = begun_at(0, trainer)
    seconds[0] = 200.0
    line.on_train_epoch_end(trainer, None)
    assert capsys.readouterr().err == "epoch 2 of 3, loss 0.877, validation mAP 43.2, 1:40 left\n"


def test_what_is_not_known_is_not_said(trainer, seconds, capsys):
    trainer.callback_metrics = {}
    begun_at(0, trainer).on_train_epoch_end(trainer, None)
    assert capsys.readouterr().err == "epoch 2 of 3, 0:00 left\n"


def test_time_is_counted_from_where_a_run_was_taken_up(trainer, seconds, capsys):
    line = begun_at(10, trainer)
    seconds[0] = 3700.0  # for ten steps, as many as are left
    line.on_train_epoch_end(trainer, None)
    assert capsys.readouterr().err.endswith(", 1:01:40 left\n")


def test_only_the_first_of_several_processes_speaks(trainer, seconds, capsys):
    trainer.is_global_zero = False
    begun_at(0, trainer).on_train_epoch_end(trainer, None)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("end", ["on_train_end", "on_exception"])
def test_in_a_terminal_a_line_moves_until_the_training_ends(trainer, monkeypatch, end):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    line = begun_at(0, trainer)
    line.on_train_batch_end(trainer, None, None, None, 0)
    line.on_train_epoch_end(trainer, None)
    assert line.progress.tasks[0].completed == 20
    assert line.progress.tasks[0].total == 30
    getattr(line, end)(*(trainer, None, KeyboardInterrupt())[: 3 if end == "on_exception" else 2])
    assert line.progress is None
    assert "20/30" in terminal.getvalue()
    assert "epoch 2 of 3, loss 0.877, validation mAP 43.2" in terminal.getvalue()
