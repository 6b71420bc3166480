"""The candidates of one video to its timed labels."""

from dataclasses import dataclass

import numpy as np

from untrimmed.annotations.annotations import FloatArray, IntArray
from untrimmed.detection.candidates import Candidates
from untrimmed.detection.nms import Suppression, suppress
from untrimmed.features.time_grid import TimeGrid


@dataclass(frozen=True)
class TimedLabels:
    """What was found in one video: M columns, by falling score."""

    start_seconds: FloatArray
    end_seconds: FloatArray
    label: IntArray
    score: FloatArray


def timed_labels(
    candidates: Candidates,
    grid: TimeGrid,
    duration_seconds: float,
    suppression: Suppression,
    min_seconds: float,
) -> TimedLabels:
    """Suppress candidates, turn steps into seconds, and cut what reaches beyond the video.

    Args:
        candidates: of one video, in steps.
        grid: when its steps were.
        duration_seconds: of the video.
        suppression: which candidates stay.
        min_seconds: a detection stays only if it is longer, after the cut.
    """
    label = candidates.label.cpu().numpy()
    kept = suppress(
        candidates.start_steps.float().cpu().numpy(),
        candidates.end_steps.float().cpu().numpy(),
        candidates.score.float().cpu().numpy(),
        label,
        suppression,
    )
    start = np.clip(grid.seconds(kept.start.astype(np.float64)), 0.0, duration_seconds)
    end = np.clip(grid.seconds(kept.end.astype(np.float64)), 0.0, duration_seconds)
    stays = end - start > min_seconds
    return TimedLabels(start[stays], end[stays], label[kept.index][stays], kept.score.astype(np.float64)[stays])
