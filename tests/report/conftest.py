import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from untrimmed.report.runs import RunEvaluation, read_run

THUMOS = {
    "protocol": "thumos14",
    "subset": "test",
    "only_named_videos": False,
    "videos": 212,
    "label": None,
    "annotations": "/data/thumos14.json",
    "classifier": None,
    "recipe": "thumos14-i3d",
    "seed": 0,
    "tiou_thresholds": [0.3, 0.4, 0.5, 0.6, 0.7],
    "mAP": [0.8, 0.7, 0.6, 0.5, 0.4],
    "average_mAP": 0.6,
    "classes": [],
}

Write = Callable[..., Path]
Evaluated = Callable[..., RunEvaluation]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes an evaluation of THUMOS14 with some keys changed; `name` is that of the file."""

    def write(name: str = "evaluation.json", **changes: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(THUMOS | changes))
        return path

    return write


@pytest.fixture
def evaluated(write: Write) -> Evaluated:
    """Such an evaluation, read."""
    count = iter(range(100))
    return lambda **changes: read_run(write(f"{next(count)}.json", **changes))
