"""Features of a benchmark's dimension and lengths, planted from its annotations, where the real ones are missing.

What a detector scores on them says nothing of the real features. They let the whole chain run at full size.
"""

import json
import logging
import shlex
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from untrimmed.annotations.annotations import Annotations
from untrimmed.config import Recipe
from untrimmed.datasets.needed import needed_subsets, read_all
from untrimmed.datasets.places import Place, claim, planned_places
from untrimmed.datasets.planting import Planting
from untrimmed.errors import InputError
from untrimmed.features.lengths import whole_windows
from untrimmed.features.manifest import Manifest
from untrimmed.features.survey import counted
from untrimmed.features.time_grid import TimeGrid
from untrimmed.files import write_text

logger = logging.getLogger(__name__)

FloatType: TypeAlias = Literal["float16", "float32"]
#: How long a video goes on after its last action where nobody says how long it is.
MARGIN_SECONDS = 5.0
SCORES_NAME = "video_scores.json"


@dataclass(frozen=True)
class Plan:
    """What is to be written.

    Attributes:
        annotations: the videos and what is in them.
        grids: the time grid of each video.
        lengths: the steps of each video.
        planting: what is planted.
        places: the folder of each source of the recipe.
        manifest: what the features are, but for their dimension, which is that of a place.
        dtype: of the values in the files.
        scores: the file of video scores, or None where the recipe has no use for one.
    """

    annotations: Annotations
    grids: dict[str, TimeGrid]
    lengths: dict[str, int]
    planting: Planting
    places: Sequence[Place]
    manifest: Manifest
    dtype: FloatType
    scores: Path | None

    @property
    def size_bytes(self) -> int:
        """The size of all files together."""
        return sum(self.lengths.values()) * self.planting.dimension * np.dtype(self.dtype).itemsize

    def __str__(self) -> str:
        size = in_bytes(self.size_bytes)
        folders = " and ".join(str(place.folder) for place in self.places)
        return (
            f"{len(self.lengths)} videos of {self.planting.dimension} values a step, {size} in all, in {folders}"
        )


def plan(
    recipe: Recipe,
    out: Path,
    *,
    difficulty: float = 0.5,
    videos: int | None = None,
    seed: int = 0,
    dtype: FloatType = "float32",
) -> Plan:
    """What features of the videos that a recipe needs would be; writes nothing.

    Args:
        recipe: names the annotations, and says what the features are.
        out: the folder for them.
        difficulty: from 0, plain, to 1, noise alone.
        videos: of each subset that the recipe needs, in the order of the annotations; all without it.
        seed: of everything random.
        dtype: of the values in the files.

    Raises:
        InputError: the annotations have errors, the recipe does not say what the features are, no frame rate is
            known, `out` is a file, or the disk has not enough room.
    """
    if out.is_file():
        raise InputError(f"{out} is a file; give a folder for the features")
    data = recipe.data
    stride, window, dimension = _said(recipe)
    every = read_all(recipe)
    chosen = _first_videos(every.subset(needed_subsets(recipe, every)), videos)
    grids = _grids(chosen, data.fps, stride, window)
    chosen = chosen.select([video_id in grids for video_id in chosen.videos.ids])
    durations = _durations(chosen)
    kind = "" if data.label is None else f", label {data.label}"
    said = f"planted from {data.annotations.name}{kind}, difficulty {difficulty:g}, seed {seed}"
    planned = Plan(
        annotations=chosen,
        grids=grids,
        lengths={video_id: whole_windows(durations[video_id], grid) for video_id, grid in grids.items()},
        planting=Planting(every.classes, dimension, difficulty, seed),
        places=planned_places(data, out, dimension),
        manifest=Manifest(fps=data.fps, stride=stride, window=window, encoder=said),
        dtype=dtype,
        scores=out / SCORES_NAME if data.class_agnostic else None,
    )
    _require_room(planned, out)
    return planned


def write(planned: Plan, watch: Callable[[Iterable[str]], Iterable[str]] = iter) -> int:
    """Write the features that are not there yet; how many videos were, whole, of an earlier run.

    Raises:
        InputError: a folder holds other features, or cannot be written.
    """
    ids = planned.annotations.videos.ids
    for place in planned.places:
        claim(place, planned.manifest, ids)
    there = 0
    for video_id in watch(ids):
        if all(place.holds(video_id, planned.lengths[video_id]) for place in planned.places):
            there += 1
            continue
        segments = planned.annotations.segments_of(video_id)
        values = planned.planting.features(
            video_id, segments, planned.grids[video_id], planned.lengths[video_id]
        ).astype(planned.dtype)
        for place in planned.places:
            place.write(video_id, values)
    if planned.scores is not None:
        write_text(planned.scores, _scores_text(planned))
    return there


def training_command(name: str, changes: Sequence[str], planned: Plan) -> str:
    """What to type to train on the features.

    Args:
        name: of the recipe.
        changes: what was changed in it.
        planned: what was written.
    """
    folders = [str(place.folder) for place in planned.places]
    own = ("data.features=", "detection.video_scores=")
    words = [
        name,
        *(change for change in changes if not change.startswith(own)),
        f"data.features={folders[0] if len(folders) == 1 else '[' + ', '.join(folders) + ']'}",
    ]
    if planned.scores is not None:
        words.append(f"detection.video_scores={planned.scores}")
    return shlex.join(["untrimmed", "train", *words])


def in_bytes(count: int) -> str:
    """A size for people."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


def _said(recipe: Recipe) -> tuple[float, float, int]:
    """The stride, the window and the dimension; InputError where the recipe does not say them all."""
    data = recipe.data
    if data.raw:
        raise InputError("data.raw is true, but only feature vectors can be planted, no raw signals")
    said = {"data.stride": data.stride, "data.window": data.window, "data.dimension": data.dimension}
    missing = [key for key, value in said.items() if value is None]
    if data.stride is None or data.window is None or data.dimension is None:
        raise InputError(
            f"the recipe does not say {', '.join(missing)}, so it is not known what the features are to be; give "
            f"them as {missing[0]}=VALUE"
        )
    return data.stride, data.window, data.dimension


def _first_videos(annotations: Annotations, count: int | None) -> Annotations:
    """The first `count` videos of each subset."""
    if count is None:
        return annotations
    taken: dict[str, int] = {}
    keep = []
    for subset in annotations.videos.subsets:
        taken[subset] = taken.get(subset, 0) + 1
        keep.append(taken[subset] <= count)
    return annotations.select(keep)


def _grids(annotations: Annotations, fps: float | None, stride: float, window: float) -> dict[str, TimeGrid]:
    """The grid of each video whose frame rate is known; the others are named in a warning."""
    videos = annotations.videos
    rates = videos.fps if fps is None else np.full(len(videos), fps)
    unknown = [video_id for video_id, rate in zip(videos.ids, rates, strict=True) if np.isnan(rate)]
    remedy = "give data.fps, or data.videos, a file that says the rates of the videos"
    if len(unknown) == len(videos):
        raise InputError(f"no frame rate is known of the {len(videos)} videos: {remedy}")
    if unknown:
        what = f"are of unknown frame rate and left out; {remedy}"
        logger.warning("%s", counted(unknown, len(videos), what))
    pairs = zip(videos.ids, rates.tolist(), strict=True)
    return {video_id: TimeGrid(rate, stride, window) for video_id, rate in pairs if not np.isnan(rate)}


def _durations(annotations: Annotations) -> dict[str, float]:
    """The duration of each video in seconds; where it is unknown, a little more than its actions take."""
    videos = annotations.videos
    found = dict(zip(videos.ids, videos.duration_seconds.tolist(), strict=True))
    unknown = [video_id for video_id, seconds in found.items() if np.isnan(seconds)]
    for video_id in unknown:
        found[video_id] = annotations.segments_of(video_id).end_seconds.max(initial=0.0) + MARGIN_SECONDS
    if unknown:
        what = f"are of unknown duration and end {MARGIN_SECONDS:g} s after their last action"
        logger.warning("%s", counted(unknown, len(videos), what))
    return found


def _require_room(planned: Plan, out: Path) -> None:
    """InputError where the disk has less room than the files that are not there yet take."""
    above = next(folder for folder in (out, *out.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(above).free
    there = sum(place.size_bytes(planned.lengths) for place in planned.places)
    if planned.size_bytes - there > free:
        raise InputError(
            f"the features take {in_bytes(planned.size_bytes - there)}, but {above} has {in_bytes(free)} left: "
            "choose another --out, fewer --videos or --dtype float16"
        )


def _scores_text(planned: Plan) -> str:
    """Scores of the classes for each video, in the layout that score files of ActivityNet have."""
    annotations = planned.annotations
    lines = ",\n".join(
        f"{json.dumps(video_id)}: {json.dumps([round(score, 6) for score in scores.tolist()])}"
        for video_id in annotations.videos.ids
        for scores in [planned.planting.video_scores(video_id, annotations.segments_of(video_id).label)]
    )
    classes = json.dumps(list(planned.planting.classes), ensure_ascii=False)
    return f'{{\n"class": {classes},\n"results": {{\n{lines}\n}}\n}}\n'
