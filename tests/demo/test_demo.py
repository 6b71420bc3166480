"""`untrimmed demo`: the whole way, quickly on a tiny task, and slowly on its own."""

import sys
from functools import partial
from pathlib import Path

import pytest

from untrimmed.demo import run
from untrimmed.demo.task import write_task
from untrimmed.detection.result_files import read_detections
from untrimmed.errors import InputError
from untrimmed.recipes.loading import load_recipe
from untrimmed.training.fit import Stopped

SMALL = [
    "model.channels=16",
    "model.levels=2",
    "model.encoder.hidden=16",
    "model.decoder.head_channels=16",
    "training.epochs=1",
    "training.warmup_epochs=0",
]


@pytest.fixture
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "write_task", partial(write_task, training=2, held_out=3))
    monkeypatch.setattr(run, "load_recipe", lambda name, changes: load_recipe(name, [*changes, *SMALL]))


@pytest.mark.usefixtures("_tiny")
def test_the_demo_leaves_everything_that_it_made(tmp_path: Path) -> None:
    said: list[str] = []
    evaluation = run.run_demo(tmp_path / "demo", 0, said.append)
    made = {path.name for path in (tmp_path / "demo").iterdir()}
    assert made == {
        "annotations.json",
        "features",
        "run",
        "detections.json",
        "sequence-003.png",
        "sequence-004.png",
    }
    assert evaluation.n_videos == 3
    assert sorted(read_detections(tmp_path / "demo/detections.json").video_ids) == [
        "sequence-003",
        "sequence-004",
        "sequence-005",
    ]
    assert any(line.startswith("tIoU ") for line in said)
    with pytest.raises(InputError, match="holds a demo already; choose another place with --out"):
        run.run_demo(tmp_path / "demo", 0, said.append)


@pytest.mark.usefixtures("_tiny")
def test_the_demo_works_without_matplotlib_and_says_what_it_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("matplotlib")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    said: list[str] = []
    run.run_demo(tmp_path, 0, said.append)
    assert said[-1].startswith("no pictures: drawing timelines needs the package matplotlib")
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.usefixtures("_tiny")
def test_a_demo_that_is_stopped_says_how_to_begin_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise Stopped("stopped after 0 whole epochs; add --resume to go on with the next one")

    monkeypatch.setattr(run, "train", stopped)
    with pytest.raises(Stopped, match=r"^the demo was stopped; remove .* before you begin it anew$"):
        run.run_demo(tmp_path / "demo", 0, lambda text: None)


@pytest.mark.slow
def test_the_demo_solves_its_task(tmp_path: Path) -> None:
    assert run.run_demo(tmp_path / "demo", 0, print).average_map > 0.8
