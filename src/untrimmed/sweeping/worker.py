"""The process of one run of a sweep on this machine: a job comes on its standard input, its outcome goes out."""

import json
import os
import signal
import threading
import time

from untrimmed.sweeping.job import Job, attempt
from untrimmed.terminal import STOPPED, log_to_stderr, stop_once

#: How long a run may take to end once it is told to.
PATIENCE_SECONDS = 15


def main() -> None:
    """Do the job; the outcome, a sentence or null, is written in JSON on standard output."""
    stop_once()
    log_to_stderr()
    outcome = os.dup(1)
    os.dup2(2, 1)  # whatever else is printed belongs to the log
    line = _first_line()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        failure = attempt(Job.from_json(line))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or getattr(error, "exit_code", None) == STOPPED:
            os._exit(STOPPED)
        raise
    os.write(outcome, json.dumps(failure).encode())


def _first_line() -> bytes:
    # Unbuffered: a thread that waited in a buffered read would hold its lock when Python ends.
    line = b""
    while not line.endswith(b"\n") and (part := os.read(0, 1 << 16)):
        line += part
    return line


def _end_with_parent() -> None:
    """Stop when the sweep is gone, however it went: nobody would see to this run any more."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(PATIENCE_SECONDS)
    os._exit(STOPPED)
