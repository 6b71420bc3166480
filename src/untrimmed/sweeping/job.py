"""One run of a sweep, from its recipe to its evaluation; whatever of it is there already is not done again."""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from untrimmed.config import Recipe
from untrimmed.errors import UntrimmedError
from untrimmed.recipes.loading import checked
from untrimmed.recipes.plugins import import_plugins, places_of
from untrimmed.runs import identity, recipe_of
from untrimmed.sweeping.result import Judged, Result, read_result, write_result
from untrimmed.terminal import STOPPED, log_to_file

if TYPE_CHECKING:
    from untrimmed.detection.localizer import Localizer

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What a process is asked to do. It may be done by any that sees the same folders.

    Attributes:
        recipe: of the run.
        folder: of the run, absolute.
        subset: to detect in and to judge on.
        tiou: lists of thresholds, as `thresholds.parse_tiou` reads them.
        place: working directory, from which the recipe's paths are meant.
    """

    recipe: Recipe
    folder: Path
    subset: str
    tiou: tuple[str, ...]
    place: Path

    @classmethod
    def of(cls, recipe: Recipe, runs: Path, subset: str, tiou: Sequence[str]) -> "Job":
        """The job of a recipe, whose run has its folder in `runs`."""
        return cls(recipe, (runs / identity(recipe)).resolve(), subset, tuple(tiou), Path.cwd())

    @classmethod
    def from_json(cls, text: str | bytes) -> "Job":
        """What `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        # The sweep has imported them; this may be another process.
        import_plugins(values["recipe"], [Path(place) for place in values["plugin_places"]], values["folder"])
        recipe = checked(values["recipe"], where=values["folder"])
        return cls(recipe, Path(values["folder"]), values["subset"], tuple(values["tiou"]), Path(values["place"]))

    def to_json(self) -> str:
        """On one line."""
        values = {"folder": str(self.folder), "subset": self.subset, "tiou": self.tiou, "place": str(self.place)}
        plugins = [str(place) for place in places_of(self.recipe.plugins)]
        return json.dumps({"recipe": self.recipe.model_dump(mode="json"), "plugin_places": plugins, **values})

    @property
    def is_done(self) -> bool:
        """Whether all that is asked for stands in the run's result."""
        result = read_result(self.folder)
        return result is not None and all(result.judged(self.subset, tiou) is not None for tiou in self.tiou)


def attempt(job: Job) -> str | None:
    """Do a job; why it could not be done, None where it is.

    Raises:
        UntrimmedError: with exit code 130, if it is stopped by Ctrl-C.
    """
    log = job.folder / "log.txt"
    with log_to_file(log):
        try:
            perform(job)
        except UntrimmedError as error:
            if error.exit_code == STOPPED:
                raise
            logger.error("%s", error)
            return str(error)
        except Exception as error:
            logger.exception("the run failed")
            return f"{type(error).__name__}: {error}; where in the code it happened stands in {log}"
    return None


def perform(job: Job) -> None:
    """Train, detect, judge, and write the result last.

    Raises:
        UntrimmedError: something that the recipe names is not there or wrong, or it was stopped.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    with _alone_in(job.folder):
        if job.is_done:
            return
        _train(job)
        parameters = _detect(job)
        _judge(job, parameters)


def _train(job: Job) -> None:
    """As far as there is something left to train."""
    from untrimmed.training.fit import train
    from untrimmed.training.run_folder import RunFolder

    run, recipe = RunFolder(job.folder), job.recipe
    is_begun = run.recipe.exists()
    if is_begun:
        if len(run.read_metrics()) == recipe.training.epochs:
            return
        # Another sweep may have begun it under another name.
        recipe = recipe.model_copy(update={"name": recipe_of(run.path).name})
    train(recipe, job.folder, resume=is_begun)


def _detect(job: Job) -> int:
    """Write the detections of the subset; how many parameters the network has."""
    from untrimmed.annotations.problems import first_few
    from untrimmed.detection.detecting import detect_to_file, own_data
    from untrimmed.detection.inputs import open_inputs, with_scores
    from untrimmed.detection.loading import load

    places, annotations = own_data(job.recipe, job.subset)
    localizer = load(job.folder, job.recipe.training.accelerator, classes=annotations.classes)
    inputs, missing = open_inputs(places, localizer.features, annotations)
    if missing:
        logger.warning("%d annotated videos have no features: %s", len(missing), first_few(missing))
    inputs = with_scores(inputs, localizer.fusion)
    outcome = detect_to_file(localizer, inputs, job.folder / "detections.json")
    if outcome.failed:
        first = next(iter(outcome.failed.values()))
        raise UntrimmedError(f"{len(outcome.failed)} videos could not be read; the first: {first}")
    return _parameters(localizer)


def _parameters(localizer: "Localizer") -> int:
    return sum(parameter.numel() for parameter in localizer.detector.parameters())


def _judge(job: Job, parameters: int) -> None:
    """Write the evaluation and the result, which keeps what was judged earlier."""
    from untrimmed.evaluation.tables import write_evaluation
    from untrimmed.judging import Question, judge
    from untrimmed.training.run_folder import RunFolder

    earlier = read_result(job.folder)
    judged = [] if earlier is None else [*earlier.evaluations]
    for tiou in job.tiou:
        if earlier is not None and earlier.judged(job.subset, tiou) is not None:
            continue
        evaluation = judge(Question(job.folder, subset=job.subset, tiou=tiou))
        for remark in evaluation.remarks():
            logger.warning("%s", remark)
        if tiou == job.recipe.evaluation.thresholds:
            write_evaluation(evaluation, job.folder / "evaluation.json")  # for `untrimmed results`
        thresholds = tuple(evaluation.tiou_thresholds.tolist())
        values = tuple(evaluation.mean_average_precision.tolist())
        judged.append(Judged(job.subset, tiou, thresholds, values, evaluation.average_map))
    seconds = sum(one for _, one in RunFolder(job.folder).read_times())
    write_result(Result(parameters, seconds, tuple(judged)), job.folder)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other sweep works in a run folder; where files cannot be locked, trust that none does."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
