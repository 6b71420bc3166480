"""How good a detector is on the videos that were held out: mean average precision and loss."""

import math
from dataclasses import dataclass
from typing import TypeVar

import torch.distributed

from untrimmed.annotations.annotations import FloatArray
from untrimmed.detection.candidates import candidates
from untrimmed.detection.detections import Detections
from untrimmed.detection.localizer import Decoding, collect
from untrimmed.detection.timed_labels import TimedLabels, timed_labels
from untrimmed.evaluation.evaluator import evaluate
from untrimmed.models.predictions import Predictions
from untrimmed.training.samples import TrainingVideos
from untrimmed.training.stream import Batch

Item = TypeVar("Item")


@dataclass(frozen=True)
class Validation:
    """The held-out videos and how they are judged.

    Attributes:
        videos: whole, with their ground truth.
        decoding: how predictions become detections.
        tiou_thresholds: over which average precision is averaged.
    """

    videos: TrainingVideos
    decoding: Decoding
    tiou_thresholds: FloatArray

    def detect(self, predictions: Predictions, batch: Batch) -> dict[str, TimedLabels]:
        """What was found in each video of a batch."""
        decoding = self.decoding
        found = candidates(
            predictions,
            threshold=decoding.threshold,
            per_level=decoding.candidates_per_level,
            min_steps=decoding.min_steps,
        )
        labels = {}
        for video, length, one in zip(batch.videos, batch.lengths, found, strict=True):
            video_id = self.videos.annotations.videos.ids[video]
            grid = self.videos.store.grid(video_id)
            known = float(self.videos.annotations.videos.duration_seconds[video])
            duration = grid.end_seconds(length) if math.isnan(known) else known
            labels[video_id] = timed_labels(one, grid, duration, decoding.suppression, decoding.min_seconds)
        return labels

    def together(self, found: dict[str, TimedLabels]) -> Detections:
        """The detections of all processes."""
        return collect(self.videos.annotations.classes, gathered(found))

    def average_map(self, detections: Detections) -> float:
        """mAP averaged over the thresholds, in [0, 1]."""
        annotations = self.videos.annotations
        return evaluate(detections, annotations, tiou_thresholds=self.tiou_thresholds).average_map


def gathered(own: dict[str, Item]) -> dict[str, Item]:
    """What all processes have, in alphabetical order; where two have the same key it is the same thing."""
    parts = [own]
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        parts = [{} for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather_object(parts, own)
    merged = {key: value for part in parts for key, value in part.items()}
    return {key: merged[key] for key in sorted(merged)}
