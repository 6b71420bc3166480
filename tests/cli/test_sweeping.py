"""`untrimmed sweep`, with processes of its own."""

import signal
import subprocess
import time
from pathlib import Path

import pytest
from running import PROGRAM, run_here

from untrimmed.evaluation.tables import json_text
from untrimmed.judging import Question, judge

COMMAND = "sweep grid.yaml --subset test --runs kept"


def write_grid(epochs: int) -> None:
    """One cell."""
    Path("grid.yaml").write_text(
        f"base: tiny.yaml\ntraining: {{epochs: {epochs}, max_length: 64}}\n"
        "grid: {decoder: {plain: {model.decoder.kind: convolutional}}}\n"
    )


def test_a_sweep_ends_with_its_table_and_is_not_done_twice(world: Path) -> None:
    write_grid(epochs=1)
    result = run_here(COMMAND)
    assert result.code == 0, result.stderr
    (run,) = world.glob("kept/*")
    expected = judge(Question(run, subset="test"))
    assert f"| plain | {100 * expected.average_map:.1f} | – |" in result.stdout
    assert Path("sweeps/grid/table.md").read_text() == result.stdout
    assert (run / "evaluation.json").read_text() == json_text(expected)

    again = run_here(COMMAND)
    assert (again.code, again.stdout) == (0, result.stdout)
    assert "1 runs, of which 1 are done\n" in again.stderr


@pytest.mark.slow
def test_a_sweep_that_is_stopped_goes_on_where_it_was(world: Path) -> None:
    write_grid(epochs=4)
    with subprocess.Popen(
        [PROGRAM, *COMMAND.split()], cwd=world, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        while not list(world.glob("kept/*/metrics.csv")) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, ""), stderr
    assert stderr.splitlines()[-1] == "stopped; give the same command again to go on where it was"
    assert "Traceback" not in stderr
    (metrics,) = world.glob("kept/*/metrics.csv")
    assert len(metrics.read_text().splitlines()) - 1 < 4

    result = run_here(COMMAND)
    assert result.code == 0, result.stderr
    assert [row.split(",")[0] for row in metrics.read_text().splitlines()[1:]] == ["1", "2", "3", "4"]


def test_costs_are_measured_without_data(world: Path) -> None:
    Path("grid.yaml").write_text(
        "measure: cost\nmodel: {channels: 16, encoder: {hidden: 16}, decoder: {head_channels: 16}}\n"
        "grid: {model.levels: [1, 2]}\n"
    )
    result = run_here("sweep grid.yaml --steps 16 --input-dim 4 --out costs")
    assert result.code == 0, result.stderr
    assert result.stdout.startswith("# grid\n\n| model.levels | parameters | GFLOPs | ms | matrix products |\n")
    assert {path.name for path in Path("costs").iterdir()} == {"table.csv", "table.md"}
    assert not Path("sweeps").exists()


def test_a_sweep_whose_runs_fail_exits_with_1_and_lists_them(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("untrimmed.sweeping.local.PROGRAM", "raise SystemExit(3)")
    Path("grid.yaml").write_text("base: tiny.yaml\ngrid: {model.levels: [1, 2]}\n")
    result = run_here(COMMAND)
    assert result.code == 1
    assert (
        "\nerror: 2 of 2 runs failed; the same command tries them again:\n  1: its process ended" in result.stderr
    )
    assert "| 1 | – | – | – | – | 0 |" in result.stdout
