"""Every recipe of a benchmark, from features of its real dimension and a real network to a figure."""

import json
from pathlib import Path

import pytest
from benchmark_files import ANNOTATIONS
from running import run_here

from untrimmed.detection.result_files import read_detections
from untrimmed.evaluation.protocols import PROTOCOLS
from untrimmed.evaluation.thresholds import parse_tiou
from untrimmed.recipes.built_in import built_in
from untrimmed.recipes.loading import load_recipe, read_values

RECIPES = [name for name in built_in() if name.startswith(("thumos", "multi", "epic", "activity", "hacs"))]
#: Those that stand on another, of a release or of another system, see the same data; the others take a minute.
CASES = [
    pytest.param(name, marks=pytest.mark.slow) if "base" in read_values(built_in()[name]) else name
    for name in RECIPES
]


def done(command: str) -> str:
    """Run a command that must go well; what it says."""
    result = run_here(command)
    assert result.code == 0, result.stderr
    return result.stdout + result.stderr


@pytest.mark.parametrize("name", CASES)
def test_a_recipe_learns_an_epoch_detects_and_is_judged(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    protocol = load_recipe(name).evaluation.protocol
    assert protocol is not None
    own = [*ANNOTATIONS[protocol](tmp_path), "data.features=features"]
    changes = " ".join([*own, "training.epochs=1", "training.warmup_epochs=0", "training.accelerator=cpu"])
    if protocol == "activitynet13":
        changes += " detection.video_scores=features/video_scores.json"

    done(f"datasets synthesise {name} {' '.join(own)} --out features --difficulty 0")
    assert "complete" in done(f"datasets check {name} {changes}")
    done(f"train {name} {changes} --out run")
    assert "in 2 videos" in done("detect run --device cpu")
    assert PROTOCOLS[protocol].subset in done("evaluate run")

    result = json.loads(Path("run/evaluation.json").read_text())
    assert (result["recipe"], result["protocol"], result["videos"]) == (name, protocol, 2)
    assert result["tiou_thresholds"] == parse_tiou(PROTOCOLS[protocol].tiou).tolist()
    assert 0 <= result["average_mAP"] <= 1
    assert sum(row["segments"] for row in result["classes"]) == 6
    assert result["classifier"] == ("video_scores.json" if protocol == "activitynet13" else None)
    if protocol == "activitynet13":
        assert {"Class 0", "Class 1", "Class 3"}.issuperset(read_detections("run/detections.json").classes)
