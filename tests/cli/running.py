"""Commands, run in this process or in one of their own."""

import io
import logging
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from untrimmed.cli import main

PROGRAM = Path(sys.executable).with_name("untrimmed")


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it wrote."""

    code: int
    stdout: str
    stderr: str


def run_here(command: str) -> Result:
    """Run a command in this process and working directory, which takes no time to start."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["untrimmed", *shlex.split(command)]
    with (
        patch.object(sys, "argv", argv),
        _own_settings(),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as end,
    ):
        main()
    return Result(int(end.value.code or 0), out.getvalue(), err.getvalue())


def run_apart(command: str, folder: Path, **environment: str) -> Result:
    """Run a command in a process of its own, as a user does."""
    done = subprocess.run(
        [PROGRAM, *shlex.split(command)],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@contextmanager
def _own_settings() -> Iterator[None]:
    """Gives back what a command changes for good: the package's logger, and what Ctrl-C does."""
    logger = logging.getLogger("untrimmed")
    before = logger.handlers, logger.level, logger.propagate
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        logger.handlers, logger.level, logger.propagate = before
        signal.signal(signal.SIGINT, on_interrupt)
