"""The order of things in a sweep, with an engine that only pretends to train."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from untrimmed.errors import InputError, UntrimmedError
from untrimmed.sweeping.job import Job
from untrimmed.sweeping.plan import Plan
from untrimmed.sweeping.result import Judged, Result, write_result
from untrimmed.sweeping.sweep import Request, SweepStopped, sweep

REQUEST = Request(Path("out"), Path("runs"), subset="test")
TWO = "grid: {model.levels: [1, 2]}"


@dataclass
class Pretending:
    """Does jobs by writing results: mAP is the number of levels in percent, and 1 more a seed.

    Attributes:
        fails: numbers of levels whose runs fail.
        stops_at: number of levels before which Ctrl-C is pressed.
        done: the levels and the seed of each job that was begun.
    """

    fails: Sequence[int] = ()
    stops_at: int | None = None
    done: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, jobs: Sequence[Job], at_once: int) -> Generator[tuple[Job, str | None], None, None]:
        for job in jobs:
            levels, seed = job.recipe.model.levels, job.recipe.training.seed
            if levels == self.stops_at:
                raise KeyboardInterrupt
            self.done.append((levels, seed))
            if levels in self.fails:
                yield job, "the disk burns"
                continue
            value = (levels + seed) / 100
            judged = [Judged(job.subset, tiou, (0.5,), (value,), value) for tiou in job.tiou]
            write_result(Result(levels * 100, 60.0, tuple(judged)), job.folder)
            yield job, None


def test_each_cell_and_seed_is_a_run_and_a_line_is_said_of_it(planned: Callable[..., Plan]) -> None:
    engine, said = Pretending(), list[str]()
    outcome = sweep(planned(TWO), Request(Path("out"), Path("runs"), 2, "test"), engine, said.append)
    outcome.require_all()
    assert engine.done == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert said[0] == "grid on tiny: 4 runs, of which 0 are done"
    assert [line.partition(" left: ")[2] for line in said[1:4]] == [
        "1, seed 0: mAP 1.0, trained in 1:00",
        "1, seed 1: mAP 2.0, trained in 1:00",
        "2, seed 0: mAP 2.0, trained in 1:00",
    ]
    assert said[4] == "4 of 4: 2, seed 1: mAP 3.0, trained in 1:00"
    assert "| 2 | 2.5 | 0.7 | 200 | 1:00 | 2 |" in outcome.page
    assert Path("out/table.md").read_text() == outcome.page


def test_what_is_done_is_not_done_again(planned: Callable[..., Plan]) -> None:
    first, second = Pretending(), Pretending()
    page = sweep(planned(TWO), REQUEST, first, print).page
    assert sweep(planned(TWO), REQUEST, second, print).page == page
    assert second.done == []


def test_two_sweeps_share_the_runs_that_both_need(planned: Callable[..., Plan]) -> None:
    sweep(planned(TWO), REQUEST, Pretending(), print)
    engine = Pretending()
    grid = "grid: {size: {small: {model: {levels: 2}}, large: {model.levels: 3}}}"
    page = sweep(planned(grid), Request(Path("other"), Path("runs"), subset="test"), engine, print).page
    assert engine.done == [(3, 0)]
    assert "| small | 2.0 | – | 200 |" in page


def test_a_recipe_that_two_cells_have_is_one_run(planned: Callable[..., Plan]) -> None:
    engine, said = Pretending(), list[str]()
    page = sweep(
        planned("grid: {a: {one: {model.levels: 3}, same: {model.levels: 3}}}"), REQUEST, engine, said.append
    ).page
    assert engine.done == [(3, 0)]
    assert page.count("| 3.0 |") == 2
    assert said[0].endswith("1 runs, of which 0 are done")


def test_what_fails_is_listed_and_does_not_stop_the_others(planned: Callable[..., Plan]) -> None:
    engine, said = Pretending(fails=[1]), list[str]()
    outcome = sweep(planned(TWO), REQUEST, engine, said.append)
    assert engine.done == [(1, 0), (2, 0)]
    assert "| 1 | – | – | – | – | 0 |" in outcome.page
    assert "| 2 | 2.0 |" in outcome.page
    with pytest.raises(
        UntrimmedError, match=r"1 of 2 runs failed; the same command tries them again:\n  1: the disk burns \("
    ):
        outcome.require_all()
    again = Pretending()
    sweep(planned(TWO), REQUEST, again, print).require_all()
    assert again.done == [(1, 0)]


def test_ctrl_c_keeps_what_is_done_and_the_table_of_it(planned: Callable[..., Plan]) -> None:
    with pytest.raises(SweepStopped, match="stopped; give the same command again") as error:
        sweep(planned(TWO), REQUEST, Pretending(stops_at=2), print)
    assert error.value.exit_code == 130
    assert "| 1 | 1.0 |" in Path("out/table.md").read_text()
    engine = Pretending()
    sweep(planned(TWO), REQUEST, engine, print)
    assert engine.done == [(2, 0)]


def test_other_thresholds_are_judged_anew(planned: Callable[..., Plan]) -> None:
    sweep(planned(TWO), REQUEST, Pretending(), print)
    engine = Pretending()
    request = Request(Path("out"), Path("runs"), subset="test", tiou=("0.3:0.7:0.1", "0.5"))
    page = sweep(planned(TWO), request, engine, print).page
    assert engine.done == [(1, 0), (2, 0)]
    assert "| mAP 0.3:0.7:0.1 | ± | mAP 0.5 | ± |" in page


def test_a_run_without_a_result_has_failed(planned: Callable[..., Plan]) -> None:
    def idle(jobs: Sequence[Job], at_once: int) -> Generator[tuple[Job, str | None], None, None]:
        yield from ((job, None) for job in jobs)

    outcome = sweep(planned(TWO), REQUEST, idle, print)
    assert [sentence.partition(" (")[0] for sentence in outcome.failed] == [
        "1: it left no result",
        "2: it left no result",
    ]


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (Request(Path("out"), Path("runs")), "the recipe names no protocol"),
        (Request(Path("out"), Path("runs"), subset="tset"), 'the annotations have no subset "tset"'),
        (Request(Path("out"), Path("runs"), subset="test", tiou=("2",)), "tIoU threshold 2 is not above 0"),
        (Request(Path("tiny.yaml"), Path("runs"), subset="test"), "tiny.yaml/table.csv cannot be written"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_runs(
    planned: Callable[..., Plan], request_: Request, sentence: str
) -> None:
    engine = Pretending()
    with pytest.raises(InputError) as error:
        sweep(planned(TWO), request_, engine, print)
    assert sentence in str(error.value)
    assert engine.done == []
    assert not Path("out").exists()


def test_a_broken_result_is_named(planned: Callable[..., Plan]) -> None:
    plan = planned(TWO)
    sweep(plan, REQUEST, Pretending(), print)
    path = next(Path("runs").glob("*/result.json"))
    path.write_text("{}")
    with pytest.raises(InputError, match=r"result.json is not the result of a run; remove it"):
        sweep(plan, REQUEST, Pretending(), print)
