"""What a run leaves behind, and how it is taken up again."""

import csv
import io
import logging
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from untrimmed.checkpoint import Checkpoint, save_checkpoint
from untrimmed.config import Recipe
from untrimmed.detection.result_files import write_detections
from untrimmed.errors import InputError
from untrimmed.files import read_text, replacing, require_writable, write_text
from untrimmed.recipes.loading import as_yaml, read_values
from untrimmed.runs import MACHINE_KEYS, flat
from untrimmed.training.averaging import WarmAverage
from untrimmed.training.module import DetectorTraining

logger = logging.getLogger(__name__)


class RunFolder:
    """The files of one run.

    recipe.yaml: every key; last.safetensors: the model after the last epoch; best.safetensors: after the epoch
    with the best mAP on the held-out videos; detections.json: what the last one finds in these; metrics.csv: a
    row an epoch; times.csv: how long each took; log.txt; resume.ckpt: what lightning needs to go on.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe = path / "recipe.yaml"
        self.last = path / "last.safetensors"
        self.best = path / "best.safetensors"
        self.detections = path / "detections.json"
        self.metrics = path / "metrics.csv"
        self.times = path / "times.csv"
        self.log = path / "log.txt"
        self.resume = path / "resume.ckpt"

    def check(self, recipe: Recipe, resume: bool) -> None:
        """See whether a run of this recipe may begin or go on here; leaves everything as it is.

        Raises:
            InputError: there is a run in it that was not to be resumed, it was made with another recipe, or
                nothing can be written there.
        """
        require_writable(self.recipe)
        if not self.recipe.exists():
            if resume:
                logger.warning("%s holds no run to go on with, so one begins there", self.path)
            return
        if not resume:
            raise InputError(
                f"{self.path} holds a run already: add --resume to go on with it, or choose another --out"
            )
        self._require_same(recipe)
        self._require_whole_state()

    def begin(self, recipe: Recipe) -> bool:
        """Make the folder; whether there is something to go on from."""
        write_text(self.recipe, as_yaml(recipe))
        return self.resume.exists()

    def _require_same(self, recipe: Recipe) -> None:
        old = flat(read_values(self.recipe))
        new = flat(recipe.model_dump(mode="json"))
        differing = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        differing = [key for key in differing if key not in MACHINE_KEYS]
        if differing:
            changes = ", ".join(f"{key} was {old.get(key)!r} and is {new.get(key)!r}" for key in differing)
            raise InputError(
                f"the run in {self.path} was begun with another recipe: {changes}; use the same, or another --out"
            )

    def _require_whole_state(self) -> None:
        if not self.resume.exists():
            return
        try:
            torch.load(self.resume, map_location="cpu", weights_only=True, mmap=True)
        except Exception as error:  # torch.load raises nearly anything
            raise InputError(
                f"{self.resume} is broken, so the run in {self.path} cannot go on; begin anew with another --out"
            ) from error

    def read_metrics(self) -> list[dict[str, str]]:
        """The rows of the epochs so far."""
        if not self.metrics.exists():
            return []
        return list(csv.DictReader(io.StringIO(read_text(self.metrics))))

    def read_times(self) -> list[tuple[int, float]]:
        """The number of each whole epoch so far, from 1, and its seconds."""
        if not self.times.exists():
            return []
        rows = csv.DictReader(io.StringIO(read_text(self.times)))
        return [(int(row["epoch"]), float(row["seconds"])) for row in rows]

    def write_metrics(self, rows: list[dict[str, Any]]) -> None:
        """Write all rows; a value that an epoch does not have is left empty."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        table = csv.DictWriter(text, names, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write_text(self.metrics, text.getvalue())


class Keeping(pl.Callback):
    """Writes the run folder after each epoch.

    Args:
        folder: where to.
        recipe, classes, input_dim: what a checkpoint needs besides weights.
        average: the weights to keep.
    """

    def __init__(
        self,
        folder: RunFolder,
        recipe: Recipe,
        classes: tuple[str, ...],
        input_dim: int,
        average: WarmAverage,
    ) -> None:
        self.folder = folder
        self.recipe = recipe
        self.classes = classes
        self.input_dim = input_dim
        self.average = average

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write everything, the state to resume from last: what it points back to is then whole."""
        assert isinstance(pl_module, DetectorTraining)
        # In every process, since the metrics are gathered from all of them when they are asked for.
        row = _row(trainer, validated=pl_module.detections is not None)
        if trainer.is_global_zero:
            earlier = [old for old in self.folder.read_metrics() if int(old["epoch"]) <= trainer.current_epoch]
            self._save_models(pl_module, row, earlier)
            if pl_module.detections is not None:
                write_detections(pl_module.detections, self.folder.detections)
            self.folder.write_metrics([*earlier, row])
        self._save_state(trainer)

    def _save_state(self, trainer: pl.Trainer) -> None:
        """Every process must take part, but only the first one writes."""
        if not trainer.is_global_zero:
            trainer.save_checkpoint(self.folder.resume)
            return
        with replacing(self.folder.resume) as temporary:
            trainer.save_checkpoint(temporary)

    def _save_models(self, module: DetectorTraining, row: dict[str, Any], earlier: list[dict[str, str]]) -> None:
        averaged = self.average.averaged(module)
        checkpoint = Checkpoint(averaged.detector, self.recipe, self.classes, self.input_dim)
        save_checkpoint(checkpoint, self.folder.last)
        reached = [float(old["validation_map"]) for old in earlier if old.get("validation_map")]
        if "validation_map" in row and row["validation_map"] > max(reached, default=-1.0):
            save_checkpoint(checkpoint, self.folder.best)


def _row(trainer: pl.Trainer, validated: bool) -> dict[str, Any]:
    """The metrics of the epoch that has ended."""
    rate = trainer.optimizers[0].param_groups[0]["lr"]
    row: dict[str, Any] = {
        "epoch": trainer.current_epoch + 1,
        "step": trainer.global_step,
        "learning_rate": rate,
    }
    # Lightning also remembers what an earlier validation gave.
    metrics = {
        name: value.item()
        for name, value in sorted(trainer.callback_metrics.items())
        if validated or not name.startswith("validation_")
    }
    return row | metrics
