"""One line that says how far a training is, how good, and how long it will take."""

import logging
import sys
import time
import warnings
from typing import Any

import lightning.pytorch as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class ProgressLine(pl.Callback):
    """A live line in a terminal; elsewhere, such as in a log file, a line an epoch."""

    def __init__(self) -> None:
        self.console: Console | None = None
        self.progress: Progress | None = None
        self.task: Any = None
        self.begun = 0.0
        self.first_step = 0

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Of several processes, each must be told."""
        quiet()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the line."""
        # Not before: a process is started with this object, and a console cannot be sent to it.
        self.console = Console(file=sys.stderr)
        self.begun = time.monotonic()
        self.first_step = trainer.global_step
        if not (trainer.is_global_zero and self.console.is_terminal):
            return
        self.progress = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps, {task.fields[state]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=self.console,
        )
        total = int(trainer.estimated_stepping_batches)
        self.task = self.progress.add_task("", total=total, completed=trainer.global_step, state="epoch 1")
        self.progress.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move on by a step."""
        if self.progress is not None:
            self.progress.update(self.task, completed=trainer.global_step)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say what the epoch has brought."""
        if not trainer.is_global_zero:
            return
        state = _state(trainer)
        if self.progress is not None:
            self.progress.update(self.task, state=state)
        elif self.console is not None:
            self.console.print(f"{state}, {_left(self._seconds_left(trainer))} left", highlight=False)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Close the line."""
        self._close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Close the line."""
        self._close()

    def _close(self) -> None:
        if self.progress is not None:
            self.progress.stop()
            self.progress = None

    def _seconds_left(self, trainer: pl.Trainer) -> float:
        done = trainer.global_step - self.first_step
        left = int(trainer.estimated_stepping_batches) - trainer.global_step
        return (time.monotonic() - self.begun) / max(done, 1) * left


def _state(trainer: pl.Trainer) -> str:
    metrics = trainer.callback_metrics
    parts = [f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}"]
    if "train_total" in metrics:
        parts.append(f"loss {metrics['train_total'].item():.3f}")
    if "validation_map" in metrics:
        parts.append(f"validation mAP {100 * metrics['validation_map'].item():.1f}")
    return ", ".join(parts)


def _left(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def quiet() -> None:
    """Silence what lightning and torch say of themselves; what matters is said in our own words."""
    for name in ("lightning.pytorch", "lightning.fabric", "torch.multiprocessing.spawn"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
