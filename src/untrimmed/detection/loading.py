"""A trained model in a file to a Localizer."""

from collections.abc import Sequence
from pathlib import Path

import torch

from untrimmed.checkpoint import load_checkpoint
from untrimmed.config import Recipe
from untrimmed.detection.feature_reading import FeatureReading
from untrimmed.detection.localizer import Decoding, Localizer
from untrimmed.detection.score_fusion import ScoreFusion
from untrimmed.detection.video_scores import read_video_scores
from untrimmed.errors import InputError


def load(
    path: Path | str,
    device: torch.device | str = "auto",
    *,
    video_scores: Path | str | None = None,
    classes: Sequence[str] | None = None,
    plugins: Sequence[str] = (),
) -> Localizer:
    """The detector of a run folder or of a checkpoint, ready to be given features.

    Args:
        path: a run folder, of which the model after the last epoch is taken, or a .safetensors file.
        device: where to compute: cpu, cuda, cuda:1 ..., or auto for a GPU where there is one.
        video_scores: for a class-agnostic model, a file of scores of whole videos that its detections are
            labelled with; by default that of its recipe.
        classes: the names of the classes of these scores, in their order, where their file names none.
        plugins: modules to import, which add the encoder or decoder of the model; without them, what a model
            names is imported only where an installed package has declared it (docs/add-a-model.md).

    Raises:
        InputError: there is no such model or device, or a file is not whole or not what it must be.
    """
    checkpoint = load_checkpoint(path, plugins)
    recipe = checkpoint.recipe
    return Localizer(
        checkpoint.detector,
        checkpoint.classes,
        Decoding.of(recipe.detection),
        FeatureReading(recipe.data, checkpoint.input_dim, said_in="the model"),
        device,
        _fusion(path, recipe, video_scores, classes),
    )


def _fusion(
    model: Path | str, recipe: Recipe, video_scores: Path | str | None, classes: Sequence[str] | None
) -> ScoreFusion | None:
    """How the detections of a model are labelled with the scores that were given, or else those of its recipe."""
    if video_scores is not None and not recipe.data.class_agnostic:
        raise InputError(
            f"{model} tells classes itself: leave out the video scores {video_scores}, which are for models that "
            "were trained with data.class_agnostic"
        )
    section = recipe.detection
    if video_scores is None:
        if section.video_scores is None:
            return None
        if not section.video_scores.exists():
            raise InputError(
                f"the recipe of {model} labels detections with {section.video_scores}, which is not there; give "
                "that file, wherever it is now, with --video-scores"
            )
        video_scores = section.video_scores
    return ScoreFusion(read_video_scores(video_scores, classes), section.video_classes, section.fused_detections)
