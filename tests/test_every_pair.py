"""Every encoder with every decoder: trained, stopped and taken up again, used, and true to each sequence."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import untrimmed
from untrimmed.config import Recipe
from untrimmed.detection.localizer import Localizer
from untrimmed.features.time_grid import TimeGrid
from untrimmed.models.build import DECODERS, ENCODERS
from untrimmed.testing import check_detector
from untrimmed.training.fit import Stopped, train
from untrimmed.training.module import DetectorTraining
from untrimmed.training.run_folder import RunFolder

SMALL: dict[str, dict[str, Any]] = {
    "gmg": {"stem_blocks": 1, "hidden": 16},
    "transformer": {"stem_blocks": 1, "heads": 2, "window": 5, "expansion": 2},
    "max_pooling": {},
    "sgp": {"stem_blocks": 1, "hidden": 16},
    "mamba": {"stem_blocks": 1, "states": 4},
    "ssd": {"stem_blocks": 1, "states": 4, "head_channels": 8},
    "convolutional": {"head_channels": 16},
    "trident": {"head_channels": 16, "bins": 4},
    "cltdr": {"head_channels": 16, "bins": 4},
}
DIMENSION = 6
#: Steps of each sequence, at ten steps a second.
LENGTHS = (37, 24, 30, 19)
STEPS_PER_EPOCH = 2


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few sequences of noise, in each of which two actions stand out."""
    folder = tmp_path_factory.mktemp("task")
    (folder / "features").mkdir()
    (folder / "features" / "features.yaml").write_text("fps: 10\nstride: 1\nwindow: 0\n")
    lines = ["video,start,end,label,duration,subset"]
    for number, length in enumerate(LENGTHS):
        features = 0.3 * np.random.default_rng(number).standard_normal((length, DIMENSION))
        for label, start, end in (("push", 3, 8), ("wave", 11, 17)):
            features[start:end, label == "wave"] += 2
            lines.append(f"v{number},{start / 10},{end / 10},{label},{length / 10},training")
        np.save(folder / "features" / f"v{number}.npy", features.astype(np.float32))
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def recipe_of(task: Path, encoder: str, decoder: str) -> Recipe:
    return Recipe.model_validate(
        {
            "data": {"annotations": task / "labels.csv", "features": task / "features"},
            "model": {
                "channels": 32,
                "levels": 3,
                "encoder": {"kind": encoder, **SMALL[encoder]},
                "decoder": {"kind": decoder, **SMALL[decoder]},
            },
            "training": {
                "epochs": 2,
                "warmup_epochs": 1,
                "learning_rate": 1e-3,
                "input_noise": 0.1,
                "accelerator": "cpu",
            },
        }
    )


@pytest.fixture(
    scope="module",
    params=[pair for pair in product(SMALL, SMALL) if pair[0] in ENCODERS and pair[1] in DECODERS],
    ids=" with ".join,
)
def recipe(request: pytest.FixtureRequest, task: Path) -> Recipe:
    return recipe_of(task, *request.param)


@pytest.fixture(scope="module")
def run(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """An undisturbed run of two epochs."""
    return train(recipe, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def localizer(run: RunFolder) -> Localizer:
    return untrimmed.load(run.path, "cpu")


def test_all_kinds_are_paired_here() -> None:
    assert ENCODERS.keys() | DECODERS.keys() <= SMALL.keys()


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(
    recipe: Recipe, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = DetectorTraining.training_step

    def stopped(module: DetectorTraining, batch: Any, batch_idx: int) -> torch.Tensor:
        if module.global_step == STEPS_PER_EPOCH:
            raise KeyboardInterrupt
        return learn(module, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(DetectorTraining, "training_step", stopped)
        with pytest.raises(Stopped, match="after 1 whole epochs"):
            train(recipe, tmp_path / "run")
    first = (tmp_path / "run" / "last.safetensors").read_bytes()
    resumed = train(recipe, tmp_path / "run", resume=True)
    assert first != run.last.read_bytes()
    assert resumed.last.read_bytes() == run.last.read_bytes()
    assert resumed.metrics.read_text() == run.metrics.read_text()


def test_what_is_detected_is_finite_and_within_the_video(localizer: Localizer, task: Path) -> None:
    found = localizer.detect(task / "features" / "v0.npy")
    assert len(found) > 0
    assert np.isfinite(found.score).all()
    assert (found.start_seconds >= 0).all()
    assert (found.start_seconds < found.end_seconds).all()
    assert found.end_seconds.max() <= LENGTHS[0] / 10 + 1e-6
    alone = localizer.detect(np.load(task / "features" / "v0.npy"), TimeGrid(fps=10, stride=1, window=0))
    np.testing.assert_array_equal(found.score, alone.score)


def test_the_trained_network_keeps_sequences_apart_and_all_of_it_learns(localizer: Localizer) -> None:
    check_detector(localizer.detector, DIMENSION)
