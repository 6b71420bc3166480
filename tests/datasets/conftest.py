"""A small benchmark: annotations and a recipe for them; its features are planted."""

import json
import sys
from pathlib import Path

import pytest

# Commands are run as the tests of commands do; pytest's importlib mode does not find what lies beside a test.
sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

VIDEOS = 20
#: 12 videos to learn from, 6 that are judged, and 2 of a subset that no recipe needs.
SUBSETS = ["training"] * 12 + ["validation"] * 6 + ["testing"] * 2
RECIPE = """\
data:
  annotations: annotations.json
  features: features
  fps: 30
  stride: 4
  window: 16
  dimension: 8
evaluation:
  protocol: activitynet13
"""


def annotations() -> dict[str, object]:
    """Videos v00 to v19 of 20, 21 ... 39 s, with a Jump from 2 s to 6 s and a Dive in the last 3 s."""
    return {
        "database": {
            f"v{number:02}": {
                "subset": subset,
                "duration": 20.0 + number,
                "annotations": [
                    {"segment": [2.0, 6.0], "label": "Jump"},
                    {"segment": [17.0 + number, 20.0 + number], "label": "Dive"},
                ],
            }
            for number, subset in enumerate(SUBSETS)
        }
    }


@pytest.fixture
def benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with annotations.json and recipe.yaml; features are looked for in features."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "annotations.json").write_text(json.dumps(annotations()))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path
