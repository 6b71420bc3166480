"""The training of a detector, in the form that lightning runs."""

import math
from dataclasses import dataclass

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from untrimmed.detection.detections import Detections
from untrimmed.detection.timed_labels import TimedLabels
from untrimmed.models.detector import ActionDetector
from untrimmed.models.dropout import Dropout
from untrimmed.models.layers import ResidualPath
from untrimmed.training.criterion import Criterion
from untrimmed.training.schedule import optimizer, warmup_cosine
from untrimmed.training.stream import Batch, Loader, Share, Stream, Whole
from untrimmed.training.validation import Validation, gathered


@dataclass(frozen=True)
class Plan:
    """How long and how fast to learn.

    Attributes:
        epochs: passes over the videos.
        warmup_epochs: of these, the ones in which the learning rate grows.
        steps_per_epoch: batches of a pass.
        batch_size: samples of a step, over all processes.
        learning_rate: the highest.
        final_learning_rate: the last.
        weight_decay: of AdamW.
        input_noise: standard deviation of the Gaussian noise that is added to the features.
        seed: of everything random after the initial weights.
        workers: loader processes.
    """

    epochs: int
    warmup_epochs: float
    steps_per_epoch: int
    batch_size: int
    learning_rate: float
    final_learning_rate: float
    weight_decay: float
    input_noise: float
    seed: int
    workers: int


class DetectorTraining(pl.LightningModule):
    """Steps of learning and of validation.

    Everything random in a step is drawn from generators that are seeded by the step, so that a run which was
    stopped between two epochs goes on as if it had not been.

    Args:
        detector: the network.
        criterion: the losses.
        plan: how long and how fast to learn.
        stream: the samples.
        validation: the held-out videos, if there are any.
    """

    def __init__(
        self,
        detector: ActionDetector,
        criterion: Criterion,
        plan: Plan,
        stream: Stream,
        validation: Validation | None,
    ) -> None:
        super().__init__()
        self.detector = detector
        self.criterion = criterion
        self.plan = plan
        self.stream = stream
        self.validation = validation
        self.found: dict[str, TimedLabels] = {}
        self.validation_losses: dict[str, float] = {}
        #: What was detected in the held-out videos, in an epoch that ends with a validation.
        self.detections: Detections | None = None

    def on_fit_start(self) -> None:
        """Tell the layers that draw random numbers which part of a batch this process has."""
        for module in self.modules():
            if isinstance(module, ResidualPath | Dropout):
                module.share = (self.global_rank, self.trainer.world_size)

    def train_dataloader(self) -> Loader:
        """The batches of the epoch that begins; lightning asks anew in every epoch."""
        share = Share(
            epoch=self.current_epoch,
            steps=self.plan.steps_per_epoch,
            batch_size=self.plan.batch_size,
            rank=self.global_rank,
            processes=self.trainer.world_size,
        )
        return Loader(self.stream, share, self.plan.workers, pin_memory=self.device.type == "cuda")

    def val_dataloader(self) -> Loader | list[Loader]:
        """The held-out videos whole, one at a time; every process takes its part of them."""
        if self.validation is None:
            return []
        videos = Whole(self.validation.videos)
        # Lightning wants something to do for every process; with fewer videos than these, some do the same.
        own = range(self.global_rank, len(videos), self.trainer.world_size) or [self.global_rank % len(videos)]
        return Loader(videos, [[video] for video in own], self.plan.workers)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """A Batch knows how."""
        return batch.to(device)

    def on_train_epoch_start(self) -> None:
        """Forget what was detected after an earlier epoch."""
        self.detections = None

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed what the network draws in this step."""
        state = np.random.SeedSequence((self.plan.seed, 2, self.global_step)).generate_state(1)
        torch.manual_seed(int(state[0]))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of one batch."""
        features = batch.with_noise(self.plan.input_noise)
        losses = self.criterion(self.detector(features, batch.lengths), batch.truths)
        for name, value in losses.named().items():
            self.log(f"train_{name}", value, on_step=False, on_epoch=True, sync_dist=True, batch_size=1)
        total: Tensor = losses.total
        return total

    def on_validation_epoch_start(self) -> None:
        """Forget what was found before."""
        self.found, self.validation_losses = {}, {}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """The loss and the detections of one held-out video."""
        assert self.validation is not None
        predictions = self.detector(batch.features, batch.lengths)
        found = self.validation.detect(predictions, batch)
        self.found |= found
        self.validation_losses |= dict.fromkeys(found, self.criterion(predictions, batch.truths).total.item())

    def on_validation_epoch_end(self) -> None:
        """Judge the detections of all processes."""
        assert self.validation is not None
        self.detections = self.validation.together(self.found)
        losses = gathered(self.validation_losses)
        self.log("validation_total", math.fsum(losses.values()) / len(losses), sync_dist=True)
        self.log("validation_map", self.validation.average_map(self.detections), sync_dist=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW, with a learning rate that is a function of the step."""
        plan = self.plan
        chosen = optimizer(self.detector, learning_rate=plan.learning_rate, weight_decay=plan.weight_decay)
        factor = warmup_cosine(
            round(plan.warmup_epochs * plan.steps_per_epoch),
            plan.epochs * plan.steps_per_epoch,
            plan.final_learning_rate / plan.learning_rate,
        )
        return {
            "optimizer": chosen,
            "lr_scheduler": {"scheduler": LambdaLR(chosen, factor), "interval": "step"},
        }
