"""How long training took, epoch by epoch."""

import csv
import io
import time

import lightning.pytorch as pl

from untrimmed.files import write_text
from untrimmed.training.run_folder import RunFolder


class EpochTimes(pl.Callback):
    """Writes times.csv: the seconds of each whole epoch, validation included, whichever session it was in.

    An epoch in which the run was stopped is begun anew, and counts with what it took then.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.begun = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self.begun = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add the epoch, in the place of those that are done again."""
        now = time.perf_counter()
        seconds, self.begun = now - self.begun, now
        if not trainer.is_global_zero:
            return
        rows = [(epoch, one) for epoch, one in self.folder.read_times() if epoch <= trainer.current_epoch]
        rows.append((trainer.current_epoch + 1, seconds))
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["epoch", "seconds"])
        table.writerows((epoch, f"{one:.3f}") for epoch, one in rows)
        write_text(self.folder.times, text.getvalue())
