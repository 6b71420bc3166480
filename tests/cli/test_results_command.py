"""The page of results, as a user makes it from evaluated runs."""

from pathlib import Path

import pytest
from bad_results import evaluated
from running import run_here


def test_results_writes_the_page_that_it_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for seed, values in enumerate(([0.4, 0.2], [0.5, 0.2])):
        folder = Path("runs", f"tiny-{seed}")
        folder.mkdir(parents=True)
        (folder / "evaluation.json").write_text(evaluated(seed=seed, mAP=values))
    command = "results runs/tiny-1 runs/tiny-0/evaluation.json --note 'tiny=A *small* task.'"
    printed = run_here(command)
    assert (printed.code, printed.stderr) == (0, "")
    # Averages 30 and 35: mean 32.5, deviation 3.54.
    assert "\n| **2 seeds** | **45.00 ± 7.07** | **20.00 ± 0.00** | **32.50 ± 3.54** |\n" in printed.stdout
    assert printed.stdout.endswith("\nA *small* task.\n")
    written = run_here(f"{command} --out docs/results.md")
    assert (written.code, written.stdout, written.stderr) == (0, "", "2 runs in docs/results.md\n")
    assert Path("docs/results.md").read_text(encoding="utf-8") == printed.stdout


def test_results_without_runs_are_the_paper_s() -> None:
    result = run_here("results")
    assert (result.code, result.stderr) == (0, "")
    assert "## Other recipes" not in result.stdout
    assert "| **ours**, `thumos14-i3d` | I3D | – | – | – | – | – | not run |\n" in result.stdout
