from collections.abc import Callable
from pathlib import Path

import pytest

from untrimmed.demo.task import write_task
from untrimmed.sweeping.plan import Plan, make_plan

RECIPE = """\
data: {annotations: task/annotations.json, features: task/features}
model:
  channels: 16
  levels: 2
  encoder: {hidden: 16, stem_blocks: 1}
  decoder: {head_channels: 16, bins: 4}
training: {epochs: 2, warmup_epochs: 1, max_length: 64, accelerator: cpu}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a small task and tiny.yaml, a recipe for it."""
    monkeypatch.chdir(tmp_path)
    write_task(Path("task"), seed=0, training=2, held_out=1)
    Path("tiny.yaml").write_text(RECIPE)
    return tmp_path


@pytest.fixture
def planned(place: Path) -> Callable[..., Plan]:
    """planned(text, *changes) is the plan of a grid on tiny.yaml."""

    def plan(text: str, *changes: str) -> Plan:
        Path("grid.yaml").write_text(f"base: tiny.yaml\n{text}")
        return make_plan("grid.yaml", changes)

    return plan
