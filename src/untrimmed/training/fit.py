"""From a recipe to a trained model in a run folder."""

import logging
import math
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path

import lightning.pytorch as pl
import torch
from torch.multiprocessing.spawn import ProcessRaisedException

from untrimmed.config import LossSection, Recipe, TrainingSection
from untrimmed.detection.localizer import Decoding
from untrimmed.errors import InputError, UntrimmedError
from untrimmed.evaluation.thresholds import parse_tiou
from untrimmed.features.store import FeatureStore
from untrimmed.models.build import build_detector
from untrimmed.training.averaging import WarmAverage
from untrimmed.training.criterion import CountNormalizer, Criterion, Normalizer, RunningNormalizer
from untrimmed.training.losses import (
    diou_loss,
    focal_loss,
    giou_loss,
    iou_loss,
    released_varifocal_loss,
    varifocal_loss,
)
from untrimmed.training.module import DetectorTraining, Plan
from untrimmed.training.preparation import Material, prepare
from untrimmed.training.progress import ProgressLine, quiet
from untrimmed.training.run_folder import Keeping, RunFolder
from untrimmed.training.samples import Cropping, TrainingVideos
from untrimmed.training.simota import SimOTA
from untrimmed.training.stream import Stream, steps_per_epoch
from untrimmed.training.targets import Assignment, CenterSampling
from untrimmed.training.times import EpochTimes
from untrimmed.training.validation import Validation

logger = logging.getLogger(__name__)

CLASS_LOSSES = {
    "varifocal": varifocal_loss,
    "focal": focal_loss,
    "released_varifocal": released_varifocal_loss,
}
DISTANCE_LOSSES = {"diou": diou_loss, "giou": giou_loss, "iou": iou_loss}

#: How long the processes of a training may take to end after Ctrl-C.
PATIENCE_SECONDS = 15


class Stopped(UntrimmedError):
    """The user stopped a training; what it had done by its last whole epoch is kept."""

    exit_code = 130


def train(
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    progress: Callable[[Iterable[str]], Iterable[str]] = iter,
) -> RunFolder:
    """Train the model of a recipe.

    Args:
        recipe: everything that makes the run what it is.
        out: the run folder.
        resume: go on with the run in that folder.
        progress: wraps the videos while their features are looked at.

    Raises:
        InputError: the recipe does not fit the data, the folder holds another run, or a file of features turns
            out to be broken; once it is mended the run can be resumed.
        Stopped: by Ctrl-C.
    """
    _require_devices(recipe.training)
    folder = RunFolder(out)
    folder.check(recipe, resume)
    material = prepare(recipe.data, progress)
    module = assemble(recipe, material)
    going_on = folder.begin(recipe)
    average = WarmAverage(recipe.training.average_decay)
    classes = material.training.classes
    keeping = Keeping(folder, with_time_grid(recipe, material.store), classes, material.store.dimension, average)
    # Times before what is kept: an epoch that is on record as done then has its time.
    trainer = _trainer(recipe.training, out, [average, EpochTimes(folder), keeping, ProgressLine()])
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, ckpt_path=folder.resume if going_on else None, weights_only=True)
    except SystemExit as error:  # what lightning makes of Ctrl-C
        _end_processes(trainer)
        signal.signal(signal.SIGINT, on_interrupt)  # which lightning has switched off
        done = len(folder.read_metrics())
        raise Stopped(f"stopped after {done} whole epochs; add --resume to go on with the next one") from error
    except ProcessRaisedException as error:
        # Of several processes, what one of them raised arrives as the text of its traceback.
        _, is_ours, sentence = str(error).rpartition(f"{InputError.__module__}.{InputError.__name__}: ")
        if not is_ours:
            raise
        raise InputError(sentence.strip()) from error
    return folder


def with_time_grid(recipe: Recipe, store: FeatureStore) -> Recipe:
    """The recipe with what a manifest said of the features, which a trained model must know without it."""
    timing = store.timing
    fps = None if isinstance(timing.fps, Mapping) else timing.fps
    data = recipe.data.model_copy(update={"fps": fps, "stride": timing.stride, "window": timing.window})
    return recipe.model_copy(update={"data": data})


def assemble(recipe: Recipe, material: Material) -> DetectorTraining:
    """The network with random weights, its losses and its samples."""
    training = recipe.training
    torch.manual_seed(training.seed)
    detector = build_detector(
        recipe.model, input_dim=material.store.dimension, classes=len(material.training.classes)
    )
    videos = TrainingVideos(
        material.store,
        material.training,
        Cropping(training.max_length, training.crop_ratio, training.truncation_threshold),
        training.random_phase,
    )
    validation = None
    if material.held_out is not None:
        held_out = TrainingVideos(material.store, material.held_out, Cropping(training.max_length))
        validation = Validation(held_out, Decoding.of(recipe.detection), parse_tiou(recipe.evaluation.thresholds))
    plan = Plan(
        epochs=training.epochs,
        warmup_epochs=training.warmup_epochs,
        steps_per_epoch=steps_per_epoch(len(videos), training.batch_size),
        batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        final_learning_rate=training.final_learning_rate,
        weight_decay=training.weight_decay,
        input_noise=training.input_noise,
        seed=training.seed,
        workers=training.workers,
    )
    criterion = build_criterion(training, recipe.model.levels)
    return DetectorTraining(detector, criterion, plan, Stream(videos, training.seed), validation)


def build_criterion(training: TrainingSection, levels: int) -> Criterion:
    """The losses of a recipe."""
    loss = training.loss
    return Criterion(
        _assignment(training, levels),
        class_loss=partial(CLASS_LOSSES[loss.classification], smoothing=loss.label_smoothing),
        coarse_class_loss=partial(focal_loss, smoothing=loss.label_smoothing),
        distance_loss=DISTANCE_LOSSES[loss.regression],
        normalizer=_normalizer(loss),
        quality_power=loss.quality_power,
        quality_gradient=loss.quality_gradient,
        regression_weight=loss.regression_weight,
        coarse_weight=loss.coarse_weight,
    )


def _assignment(training: TrainingSection, levels: int) -> Assignment:
    given = training.regression_ranges
    ranges = doubling_ranges(levels) if given is None else [(least, most or math.inf) for least, most in given]
    near = CenterSampling(ranges, training.center_radius)
    if training.assignment == "center":
        return near
    section = training.simota
    return SimOTA(
        near,
        class_weight=section.class_weight,
        tiou_weight=section.tiou_weight,
        keep=section.keep,
        other_weight=section.other_weight,
    )


def _normalizer(loss: LossSection) -> Normalizer:
    if loss.normalizer == "counts":
        return CountNormalizer()
    return RunningNormalizer(loss.initial_normalizer, moves_twice=loss.normalizer == "running_twice")


def doubling_ranges(levels: int) -> list[tuple[float, float]]:
    """[0, 4], [4, 8], [8, 16] ... in steps of level 0; the last has no end."""
    edges = [0.0] + [4.0 * 2**level for level in range(levels - 1)] + [math.inf]
    return list(pairwise(edges))


def _trainer(training: TrainingSection, out: Path, callbacks: list[pl.Callback]) -> pl.Trainer:
    processes = training.devices * training.nodes
    quiet()
    return pl.Trainer(
        accelerator="gpu" if training.accelerator == "cuda" else training.accelerator,
        devices=training.devices,
        num_nodes=training.nodes,
        strategy="auto" if processes == 1 else ("ddp" if training.nodes > 1 else "ddp_spawn"),
        precision="bf16-mixed" if training.precision == "bfloat16" else "32-true",
        max_epochs=training.epochs,
        gradient_clip_val=training.clip_norm,
        check_val_every_n_epoch=training.validate_every,
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        callbacks=callbacks,
        default_root_dir=out,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _end_processes(trainer: pl.Trainer) -> None:
    """Wait for the other processes of a training to end, and see to it.

    In a terminal Ctrl-C has reached them too, and a second one would make them complain; a signal to this
    process alone has not.
    """
    processes = getattr(trainer.strategy.launcher, "procs", [])
    _await(processes)
    for process in processes:
        if process.is_alive():
            os.kill(process.pid, signal.SIGINT)
    _await(processes)
    for process in processes:
        process.kill()


def _await(processes: Sequence[BaseProcess]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    for process in processes:
        process.join(max(deadline - time.monotonic(), 0))


def _require_devices(training: TrainingSection) -> None:
    """InputError where GPUs are asked for that this machine does not have."""
    there = torch.cuda.device_count()
    if training.accelerator == "cuda" and there < training.devices:
        raise InputError(
            f"training.accelerator is cuda and training.devices {training.devices}, but this machine has {there} "
            "GPUs that can be used; change one of them, or the accelerator to auto"
        )
