"""All runs of a grid: what is done is not done again, what fails does not stop the others."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from untrimmed.annotations.formats import read_annotations
from untrimmed.annotations.subsets import chosen_subset
from untrimmed.config import Recipe
from untrimmed.errors import InputError, UntrimmedError
from untrimmed.evaluation.thresholds import parse_tiou
from untrimmed.files import require_writable
from untrimmed.sweeping.job import Job
from untrimmed.sweeping.outcome import Outcome
from untrimmed.sweeping.plan import Cell, Plan
from untrimmed.sweeping.result import read_result
from untrimmed.sweeping.table import Line, accuracy_columns, duration, write_table
from untrimmed.terminal import STOPPED

Ended = Generator[tuple[Job, str | None], None, None]


class Engine(Protocol):
    """What does jobs: `local.run_locally`, `cluster.run_on_ray`."""

    def __call__(self, jobs: Sequence[Job], at_once: int) -> Ended:
        """Each job as it ends, and why it failed, None where it is done; to close it ends what still runs."""


class SweepStopped(UntrimmedError):
    """The user stopped a sweep; what it had done is kept."""

    exit_code = STOPPED


@dataclass(frozen=True)
class Request:
    """What is asked of a sweep.

    Attributes:
        out: folder of the table.
        runs: folder of the runs, which several sweeps may share.
        seeds: runs of each cell; the first has the recipe's seed, the next that and 1, and so on.
        subset: to judge on; None: that of the recipe's protocol.
        tiou: lists of thresholds; none: the recipe's.
        per_tiou: whether mAP at single thresholds is shown.
        at_once: runs.
    """

    out: Path
    runs: Path
    seeds: int = 1
    subset: str | None = None
    tiou: tuple[str, ...] = ()
    per_tiou: bool = False
    at_once: int = 1


def sweep(plan: Plan, request: Request, engine: Engine, say: Callable[[str], None]) -> Outcome:
    """Do all runs of a plan that are not done, and write the table after each.

    Raises:
        InputError: before anything runs, where subset, thresholds or annotations cannot be meant.
        SweepStopped: by Ctrl-C.
    """
    jobs = [[_job(cell, request, number) for number in range(request.seeds)] for cell in plan.cells]
    titles: dict[Path, str] = {}
    todo: list[Job] = []
    for cell, of_cell in zip(plan.cells, jobs, strict=True):
        for job in of_cell:
            if job.folder not in titles:
                titles[job.folder] = _title(cell, job, request)
                todo += [] if job.is_done else [job]
    _require_data(todo)
    for place in (request.out / "table.csv", request.runs / "run"):
        require_writable(place)
    say(f"{plan.title}: {len(titles)} runs, of which {len(titles) - len(todo)} are done")
    failed: dict[Path, str] = {}
    page = _write(plan, request, jobs)
    try:
        with closing(engine(todo, request.at_once)) as ended:
            for line in _followed(ended, len(todo), titles, failed):
                page = _write(plan, request, jobs)
                say(line)
    except KeyboardInterrupt as error:
        raise SweepStopped("stopped; give the same command again to go on where it was") from error
    sentences = tuple(f"{titles[folder]}: {why} ({folder})" for folder, why in failed.items())
    return Outcome(page, sentences, len(titles))


def _followed(
    ended: Iterable[tuple[Job, str | None]], total: int, titles: dict[Path, str], failed: dict[Path, str]
) -> Iterator[str]:
    """A line for each run that ends; those that failed are added to `failed`."""
    begun = time.monotonic()
    for number, (job, why) in enumerate(ended, 1):
        took = time.monotonic() - begun
        left = f", about {duration(took / number * (total - number))} left" if number < total else ""
        if why is None and (result := read_result(job.folder)) is not None:
            values = [result.judged(job.subset, tiou) for tiou in job.tiou]
            found = ", ".join(f"mAP {100 * one.average_map:.1f}" for one in values if one is not None)
            what = f"{found}, trained in {duration(result.training_seconds)}"
        else:
            failed[job.folder] = why or "it left no result"
            what = f"failed: {failed[job.folder]}"
        yield f"{number} of {total}{left}: {titles[job.folder]}: {what}"


def _title(cell: Cell, job: Job, request: Request) -> str:
    return cell.title if request.seeds == 1 else f"{cell.title}, seed {job.recipe.training.seed}"


def _job(cell: Cell, request: Request, number: int) -> Job:
    recipe = _seeded(cell.recipe, number)
    subset = request.subset or recipe.evaluation.test_subset
    if subset is None:
        raise InputError(
            "the recipe names no protocol, and so no test subset: say which to judge on with --subset"
        )
    return Job.of(recipe, request.runs, subset, request.tiou or (recipe.evaluation.thresholds,))


def _seeded(recipe: Recipe, number: int) -> Recipe:
    training = recipe.training.model_copy(update={"seed": recipe.training.seed + number})
    return recipe.model_copy(update={"training": training})


def _require_data(jobs: Sequence[Job]) -> None:
    """InputError where thresholds or annotations are wrong: rather once and now than of each run."""
    for tiou in dict.fromkeys(tiou for job in jobs for tiou in job.tiou):
        parse_tiou(tiou)
    seen = set()
    for job in jobs:
        data = job.recipe.data
        asked = (data.annotations, data.label, data.videos, job.subset)
        if asked not in seen:
            seen.add(asked)
            chosen_subset(read_annotations(data.annotations, label=data.label, videos=data.videos), job.subset)


def _write(plan: Plan, request: Request, jobs: Sequence[Sequence[Job]]) -> str:
    """Write the table with what is done by now; its page."""
    lines = [_line(of_cell) for of_cell in jobs]
    columns = accuracy_columns(plan, lines, per_tiou=request.per_tiou)
    subsets = ", ".join(dict.fromkeys(line.subset for line in lines))
    notes = [
        f"mAP in percent, averaged over the tIoU thresholds, on the subset {subsets}; mean over the seeds and ± "
        "their standard deviation. Training: wall time of one run.",
    ]
    return write_table(columns, len(plan.axes), request.out, plan.title, notes)


def _line(jobs: Sequence[Job]) -> Line:
    results = [read_result(job.folder) for job in jobs if job.is_done]
    done = tuple(result for result in results if result is not None)
    return Line(done, jobs[0].subset, jobs[0].tiou, tuple(job.folder.name for job in jobs))
