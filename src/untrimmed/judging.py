"""What `untrimmed evaluate` is asked, files or a run folder, to an Evaluation that knows what it was made of."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from untrimmed.annotations.annotations import Annotations
from untrimmed.annotations.formats import LabelKind, read_annotations
from untrimmed.config import Recipe
from untrimmed.detection.detections import Detections
from untrimmed.detection.result_files import read_detections
from untrimmed.errors import InputError
from untrimmed.evaluation.by_protocol import judge_by_protocol
from untrimmed.evaluation.evaluator import Evaluation, require_common_names
from untrimmed.evaluation.protocols import PROTOCOLS
from untrimmed.evaluation.thresholds import parse_tiou
from untrimmed.recipes.mistakes import did_you_mean
from untrimmed.runs import changes_of, recipe_of


@dataclass(frozen=True)
class Question:
    """What is to be judged, against what; None for what the one who asks leaves to the run or to the protocol.

    Attributes:
        detections: a file of detections, or a run folder that holds them.
        annotations: the file of the ground truth.
        label: which label of a segment counts, where the annotations give several.
        videos: a file that says the durations that the annotations lack.
        protocol: a name in PROTOCOLS.
        subset: whose videos are judged.
        tiou: thresholds, as `thresholds.parse_tiou` reads them.
        plugins: modules to import, which add the encoder or decoder of the run's recipe.
    """

    detections: Path
    annotations: Path | None = None
    label: LabelKind | None = None
    videos: Path | None = None
    protocol: str | None = None
    subset: str | None = None
    tiou: str | None = None
    plugins: tuple[str, ...] = ()


def judge(
    question: Question,
    *,
    all_videos: bool = False,
    with_average_recall: bool = False,
    with_recall: bool = False,
) -> Evaluation:
    """Read the files and compare them.

    Of a run folder without a protocol or a subset, the videos that its detections name are judged.

    Raises:
        InputError: something that was given is wrong, or is missing; a file cannot be read.
    """
    recipe = None
    if question.detections.is_dir():
        recipe = recipe_of(question.detections, question.plugins)
    if recipe is not None:
        question = _of_run(question, recipe)
    question = _checked(question)
    found = read_detections(question.detections)
    truth = _ground_truth(question)
    only_named = recipe is not None and question.protocol is None and question.subset is None
    if only_named:
        require_common_names(found, truth)
        truth = _named(found, truth, question.detections)
    result = judge_by_protocol(
        found,
        truth,
        question.protocol,
        subset=question.subset,
        tiou=question.tiou,
        all_videos=all_videos,
        with_average_recall=with_average_recall,
        with_recall=with_recall,
    )
    provenance = replace(
        result.provenance,
        annotations=str(question.annotations),
        videos=None if question.videos is None else str(question.videos),
        label=question.label,
        only_named_videos=only_named,
        recipe=None if recipe is None else recipe.name,
        seed=None if recipe is None else recipe.training.seed,
        changes=() if recipe is None else changes_of(recipe),
    )
    return replace(result, provenance=provenance)


def _of_run(question: Question, recipe: Recipe) -> Question:
    """What is asked of a run folder: its recipe says what the question leaves open."""
    run, data = question.detections, recipe.data
    detections = run / "detections.json"
    if not detections.is_file():
        raise InputError(f"{run} holds no detections.json: make it with `untrimmed detect {run}`")
    # The thresholds of the recipe are those of its protocol, or its own; of another protocol they say nothing.
    tiou = recipe.evaluation.tiou if question.protocol in (None, recipe.evaluation.protocol) else None
    return Question(
        detections=detections,
        annotations=question.annotations or data.annotations,
        label=question.label or data.label,
        videos=question.videos or data.videos,
        protocol=question.protocol or recipe.evaluation.protocol,
        subset=question.subset,
        tiou=question.tiou or tiou,
    )


def _checked(question: Question) -> Question:
    """The question, before any file is read; InputError for what cannot be meant."""
    if not question.detections.exists():
        raise InputError(f"there is no file or run folder {question.detections}; check its name")
    if question.annotations is None:
        raise InputError(
            f"nothing says what is true of {question.detections}: give the file of annotations after it, or a "
            "run folder, whose recipe names one"
        )
    if question.protocol is not None:
        _require_known("protocol", question.protocol, PROTOCOLS)
    if question.tiou is not None:
        parse_tiou(question.tiou)
    return question


def _require_known(what: str, given: str, known: Iterable[str]) -> None:
    if given not in known:
        raise InputError(
            f"there is no {what} {given}: give one of {', '.join(known)}{did_you_mean(given, known)}"
        )


def _ground_truth(question: Question) -> Annotations:
    assert question.annotations is not None
    return read_annotations(
        question.annotations,
        label=question.label,
        videos=question.videos,
        as_written=question.protocol is not None,
    )


def _named(found: Detections, truth: Annotations, path: Path) -> Annotations:
    """The annotations of the videos that the detections name, which must be of one subset."""
    names = set(found.video_ids)
    named = np.array([video_id in names for video_id in truth.videos.ids], dtype=bool)
    chosen = truth.select(named)
    subsets = sorted({subset.casefold() for subset in chosen.videos.subsets})
    if len(subsets) > 1:
        listed = ", ".join(f'"{subset}"' for subset in subsets)
        raise InputError(
            f"{path} names videos of {len(subsets)} subsets, {listed}: say with --subset which is to be judged"
        )
    return chosen
