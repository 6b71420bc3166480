"""Detecting in many videos, into a file."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from untrimmed.annotations.annotations import Annotations
from untrimmed.annotations.formats import read_annotations
from untrimmed.annotations.subsets import chosen_subset
from untrimmed.config import Recipe
from untrimmed.detection.inputs import Input
from untrimmed.detection.localizer import Localizer, collect
from untrimmed.detection.result_files import detections_file
from untrimmed.detection.timed_labels import TimedLabels
from untrimmed.errors import InputError

logger = logging.getLogger(__name__)

Result = tuple[str, TimedLabels | InputError]


@dataclass
class Outcome:
    """What became of the videos.

    Attributes:
        found: how many detections there are in each video that could be read.
        failed: why each other one could not.
    """

    found: dict[str, int] = field(default_factory=dict)
    failed: dict[str, InputError] = field(default_factory=dict)


def detect_to_file(
    localizer: Localizer,
    inputs: Sequence[Input],
    out: Path,
    *,
    min_score: float = 0.0,
    progress: Callable[[Iterable[Result]], Iterable[Result]] = iter,
) -> Outcome:
    """Write the actions in all videos to a file; in JSON as they are found, so that few are held at once.

    Args:
        localizer: the detector.
        inputs: the videos.
        out: .json or .csv.
        min_score: what scores lower is left out.
        progress: wraps the results as they come.

    Raises:
        InputError: no video could be read at all; then nothing is written.
    """
    outcome = Outcome()
    results = (result for one in inputs for result in localizer.detect_videos(one.store, one.durations_seconds))
    with detections_file(out, localizer.classes) as add:
        for video_id, result in progress(results):
            if isinstance(result, InputError):
                outcome.failed[video_id] = result
                continue
            detections = collect(localizer.classes, {video_id: result})
            detections = detections[detections.score >= min_score]
            outcome.found[video_id] = len(detections)
            add(detections)
        _require_some(outcome, out)
    return outcome


def own_data(recipe: Recipe, subset: str | None) -> tuple[list[Path], Annotations]:
    """Where the features of a recipe lie, and the videos to detect in: those of its protocol's test subset.

    Raises:
        InputError: there is neither a protocol nor a `subset`, or the annotations cannot be read.
    """
    data, subset = recipe.data, subset or recipe.evaluation.test_subset
    if subset is None:
        raise InputError(
            "the recipe names no protocol, and so no test subset: say which with --subset, or give the features "
            "to detect in"
        )
    annotations = read_annotations(data.annotations, label=data.label, videos=data.videos)
    places = data.features if isinstance(data.features, list) else [data.features]
    return places, chosen_subset(annotations, subset)


def _require_some(outcome: Outcome, out: Path) -> None:
    failed = list(outcome.failed.values())
    if outcome.found or not failed:
        return
    if len(failed) == 1:
        raise failed[0]
    for error in failed:
        logger.warning("%s", error)
    raise InputError(f"none of the {len(failed)} videos could be read, so {out} was not written")
