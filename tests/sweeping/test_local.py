"""Processes of this machine, with a program in the place of the worker that needs no time to start."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from untrimmed.recipes.loading import load_recipe
from untrimmed.sweeping import local
from untrimmed.sweeping.job import Job
from untrimmed.sweeping.local import cores, run_locally

#: Reads its job; leaves word that it has begun, of its threads, and when it ended.
STUB = """\
import json, os, pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
job = json.loads(sys.stdin.readline())
folder = pathlib.Path(job["folder"])
levels = job["recipe"]["model"]["levels"]
print("begun", file=sys.stderr)
(folder / "threads").write_text(os.environ["OMP_NUM_THREADS"])
(folder / "begun").write_text(f"{os.getpid()} {time.monotonic()}")
"""


@pytest.fixture
def jobs(tmp_path: Path) -> Callable[[int], list[Job]]:
    """jobs(n) differ in their levels, from 1."""
    places = ["data.annotations=a", "data.features=b"]

    def build(count: int) -> list[Job]:
        recipes = [load_recipe("demo", [*places, f"model.levels={levels}"]) for levels in range(1, count + 1)]
        return [Job.of(recipe, tmp_path / "runs", "test", ["0.5"]) for recipe in recipes]

    return build


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """program(text) is what is run after what every stub does."""
    monkeypatch.setattr(local, "_gpus", lambda: ["3", "5"])

    def replace(text: str) -> None:
        monkeypatch.setattr(local, "PROGRAM", STUB + text)

    return replace


def test_each_job_is_done_and_what_it_says_is_its_outcome(jobs, program, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    program("print('null' if levels != 2 else json.dumps('it broke'))")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    outcomes = {job.recipe.model.levels: why for job, why in run_locally(jobs(3), 1)}
    assert outcomes == {1: None, 2: "it broke", 3: None}
    assert {(job.folder / "threads").read_text() for job in jobs(3)} == {str(cores())}
    assert (jobs(1)[0].folder / "output.txt").read_text() == "begun\n"


def test_some_run_at_once_with_a_part_of_the_machine_each(jobs, program, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    # Each waits for the other, so that one alone would never end.
    program(
        "(folder / 'gpu').write_text(os.environ['CUDA_VISIBLE_DEVICES'])\n"
        "while len(list(folder.parent.glob('*/begun'))) < 2: time.sleep(0.01)\n"
        "print('null')"
    )
    monkeypatch.setattr(local, "cores", lambda: 6)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [why for _, why in run_locally(jobs(2), 2)] == [None, None]
    assert [(job.folder / "threads").read_text() for job in jobs(2)] == ["3", "3"]
    assert {(job.folder / "gpu").read_text() for job in jobs(2)} == {"3", "5"}


def test_a_process_that_dies_fails_its_job_alone(jobs, program) -> None:  # type: ignore[no-untyped-def]
    program("os.kill(os.getpid(), 9) if levels == 1 else sys.exit(7) if levels == 2 else print('null')")
    outcomes = {job.recipe.model.levels: why for job, why in run_locally(jobs(3), 1)}
    assert str(outcomes[1]).startswith("its process ended by signal 9, as when memory runs out; what it said")
    assert str(outcomes[2]).startswith("its process ended with code 7; what it said stands in ")
    assert outcomes[3] is None


def test_closing_ends_what_runs_even_if_it_does_not_listen(jobs, program, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(local, "PATIENCE_SECONDS", 0.3)
    program(
        "if levels == 1:\n    print('null'); sys.exit()\n"
        "if levels == 2: signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "(folder / 'ready').touch()\n"
        "try: time.sleep(60)\n"
        "except KeyboardInterrupt: (folder / 'ended well').touch()"
    )
    all_jobs = jobs(3)
    ended = run_locally(all_jobs, 3)
    assert next(ended)[0].recipe.model.levels == 1
    while len(list(all_jobs[0].folder.parent.glob("*/ready"))) < 2:
        time.sleep(0.01)
    ended.close()
    for job in all_jobs[1:]:
        with pytest.raises(ProcessLookupError):
            os.kill(int((job.folder / "begun").read_text().split()[0]), 0)
    assert [(job.folder / "ended well").exists() for job in all_jobs[1:]] == [False, True]


def test_a_worker_ends_with_the_sweep_that_started_it(tmp_path: Path) -> None:
    """Killed outright, a sweep cannot tell its workers; they notice that it is gone."""
    code = (
        "import signal, sys, threading, time\n"
        "from untrimmed.sweeping import worker\n"
        "threading.Thread(target=worker._end_with_parent, daemon=True).start()\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "print('ready', flush=True)\n"
        "try: time.sleep(60)\n"
        "except KeyboardInterrupt: sys.exit(3)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"ready\n"
        process.stdin.close()
        assert process.wait(30) == 3
