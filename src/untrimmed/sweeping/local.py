"""The runs of a sweep on this machine, each in a process of its own, some at once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from untrimmed.sweeping.job import Job
from untrimmed.sweeping.worker import PATIENCE_SECONDS

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
#: Without the working directory in the path, in which any file may be called as a module.
PROGRAM = (
    "import sys; sys.path[:] = [place for place in sys.path if place]; "
    "from untrimmed.sweeping.worker import main; main()"
)
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class _Running:
    job: Job
    process: subprocess.Popen[bytes]
    slot: int

    @property
    def outcome(self) -> str | None:
        """Of a process that has ended."""
        assert self.process.stdout is not None
        said, code = self.process.stdout.read(), self.process.returncode
        with suppress(ValueError):
            outcome: str | None = json.loads(said)
            return outcome
        how = f"by signal {-code}, as when memory runs out" if code < 0 else f"with code {code}"
        return f"its process ended {how}; what it said stands in {_output(self.job)}"


def run_locally(jobs: Sequence[Job], at_once: int) -> Generator[tuple[Job, str | None], None, None]:
    """Each job as it ends, and why it failed, None where it is done.

    Whoever stops before all have ended must close the iterator, which ends what still runs.

    Args:
        jobs: to do, begun in this order.
        at_once: processes; each gets its part of the processor cores, and of several GPUs one.
    """
    waiting, running = list(jobs), list[_Running]()
    gpus = _gpus() if at_once > 1 else []
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                slot = min(set(range(at_once)) - {one.slot for one in running})
                running.append(_start(waiting.pop(0), slot, _environment(at_once, slot, gpus)))
            ended = [one for one in running if one.process.poll() is not None]
            for one in ended:
                running.remove(one)
                yield one.job, one.outcome
            if not ended:
                time.sleep(POLL_SECONDS)
    finally:
        _end(running)


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start(job: Job, slot: int, environment: dict[str, str]) -> _Running:
    job.folder.mkdir(parents=True, exist_ok=True)
    with _output(job).open("ab") as output:
        # In a session of its own Ctrl-C does not reach it, so that it is told to end once, and by us.
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has died; its outcome says so
        process.stdin.write(job.to_json().encode() + b"\n")
        process.stdin.flush()
    return _Running(job, process, slot)


def _environment(at_once: int, slot: int, gpus: Sequence[str]) -> dict[str, str]:
    """With a part of the cores, or fewer where the user wants so, and of several GPUs one."""
    share = max(cores() // at_once, 1)
    threads = {
        name: str(min(share, int(said))) if (said := os.environ.get(name, "")).isdigit() else str(share)
        for name in THREADS
    }
    gpu = {"CUDA_VISIBLE_DEVICES": gpus[slot % len(gpus)]} if len(gpus) > 1 else {}
    return {**os.environ, **threads, **gpu}


def _gpus() -> list[str]:
    """The names under which the GPUs that may be used can be made visible."""
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return [str(number) for number in range(torch.cuda.device_count())] if visible is None else visible.split(",")


def _output(job: Job) -> Path:
    return job.folder / "output.txt"


def _end(running: Sequence[_Running]) -> None:
    """Tell all to stop, wait, and kill what has not; then nothing of them is left."""
    for one in running:
        one.process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + PATIENCE_SECONDS
    for one in running:
        with suppress(subprocess.TimeoutExpired):
            one.process.wait(max(deadline - time.monotonic(), 0))
        _kill(one.process)
        one.process.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The process, and those that it has started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
