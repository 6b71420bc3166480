"""The runs of a sweep as tasks of Ray, on this machine or on a cluster whose nodes share the folders."""

import os
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from typing import Any

from untrimmed.errors import MissingExtraError
from untrimmed.sweeping.job import Job, attempt
from untrimmed.sweeping.local import THREADS, cores
from untrimmed.sweeping.worker import PATIENCE_SECONDS


def run_on_ray(jobs: Sequence[Job], at_once: int) -> Generator[tuple[Job, str | None], None, None]:
    """As `local.run_locally`, with a task of Ray for each job.

    RAY_ADDRESS says which cluster; without it one is started here, and one core is left to others. All nodes must
    see features, annotations and run folders under the same paths, and have this package. A run whose node is
    lost goes on elsewhere.

    Raises:
        MissingExtraError: Ray is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", "ray", "--engine ray") from error
    if not jobs:
        return
    _connect(ray)
    waiting, running = list(jobs), dict[Any, Job]()
    try:
        task = _task(ray, at_once)
        while waiting or running:
            while waiting and len(running) < at_once:
                job = waiting.pop(0)
                running[task.remote(job)] = job
            ended, _ = ray.wait(list(running), num_returns=1)
            for one in ended:
                yield running.pop(one), _outcome(ray, one)
    finally:
        _end(ray, list(running))
        ray.shutdown()


def in_task(job: Job) -> str | None:
    """What a task does: a job, in the working directory that its recipe's paths are meant from."""
    if job.place.is_dir():
        os.chdir(job.place)
    return attempt(job)


def _connect(ray: Any) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if "RAY_ADDRESS" not in os.environ:
        options |= {"num_cpus": max(cores() - 1, 1), "include_dashboard": False}
    ray.init(**options)


def _task(ray: Any, at_once: int) -> Any:
    """A remote function that asks for its part of the cluster."""
    there = ray.cluster_resources()
    threads = max(int(there.get("CPU", 1)) // at_once, 1)
    gpus = 1 if there.get("GPU", 0) >= 1 else 0
    environment = {"env_vars": {name: str(threads) for name in THREADS}}
    return ray.remote(num_cpus=threads, num_gpus=gpus, runtime_env=environment)(in_task)


def _outcome(ray: Any, task: Any) -> str | None:
    try:
        outcome: str | None = ray.get(task)
    except ray.exceptions.RayError as error:
        return f"its task was lost: {str(error).strip().splitlines()[0]}"
    return outcome


def _end(ray: Any, tasks: list[Any]) -> None:
    """Tell those that still run to stop, wait, and kill what has not."""
    for task in tasks:
        with suppress(Exception):
            ray.cancel(task)
    deadline = time.monotonic() + PATIENCE_SECONDS
    if tasks:
        ray.wait(tasks, num_returns=len(tasks), timeout=max(deadline - time.monotonic(), 0))
    for task in tasks:
        with suppress(Exception):
            ray.cancel(task, force=True)
