"""Ctrl-C: what is done stays, and the run goes on as if it had not been stopped."""

import signal
import subprocess
import time
from pathlib import Path

from bad_files import CTRL_C
from bad_input import ANYTHING
from running import PROGRAM, run_here

import untrimmed


def test_a_training_that_is_stopped_twice_can_be_resumed(world: Path) -> None:
    metrics = world / "runs" / "tiny" / "metrics.csv"
    with subprocess.Popen(
        [PROGRAM, *CTRL_C.command.split()], cwd=world, stderr=subprocess.PIPE, text=True
    ) as process:
        while not metrics.exists() and process.poll() is None:
            time.sleep(0.05)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == CTRL_C.code, stderr
    done = len(metrics.read_text().splitlines()) - 1
    message = CTRL_C.message.replace(ANYTHING, str(done))
    assert f"\n{message}\n" in f"\n{stderr}"
    assert "Traceback" not in stderr
    assert not list(world.rglob("*.part"))
    assert untrimmed.load(world / "runs" / "tiny").classes
    assert run_here(f"{CTRL_C.command} --resume").code == 0
    epochs = [int(row.split(",")[0]) for row in metrics.read_text().splitlines()[1:]]
    assert epochs == list(range(1, 21))
