import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from untrimmed.config import Recipe
from untrimmed.training.fit import train
from untrimmed.training.run_folder import RunFolder

FPS = 10
DIMENSION = 8
CLASSES = ("push", "wave")
SUBSETS = {"training": 7, "validation": 3, "test": 2}


def write_video(
    folder: Path, video_id: str, steps: int, actions: Sequence[tuple[int, int, int]], seed: int
) -> dict:
    """Noise with a bump in one channel during each action (first step, steps, class); its entry in a database."""
    features = 0.3 * np.random.default_rng(seed).standard_normal((steps, DIMENSION))
    for first, length, label in actions:
        features[first : first + length, label] += 2
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{video_id}.npy", features.astype(np.float32))
    return {
        "duration": steps / FPS,
        "annotations": [
            {"label": CLASSES[label], "segment": [first / FPS, (first + length - 1) / FPS]}
            for first, length, label in actions
        ],
    }


def random_actions(generator: np.random.Generator, steps: int) -> list[tuple[int, int, int]]:
    """Actions of 4 to 10 steps, one after another."""
    actions, first = [], int(generator.integers(2, 5))
    while first + (length := int(generator.integers(4, 11))) < steps:
        actions.append((first, length, int(generator.integers(len(CLASSES)))))
        first += length + int(generator.integers(2, 6))
    return actions


@pytest.fixture(scope="session")
def write_task() -> Callable[[Path, dict[str, dict]], None]:
    """write_task(folder, videos) writes the annotations of some entries, and the manifest of the features."""

    def write(folder: Path, videos: dict[str, dict]) -> None:
        manifest = f"fps: {FPS}\nstride: 1\nwindow: 0\ndimension: {DIMENSION}\n"
        (folder / "features" / "features.yaml").write_text(manifest)
        (folder / "annotations.json").write_text(json.dumps({"database": videos}))

    return write


@pytest.fixture(scope="session")
def task(tmp_path_factory: pytest.TempPathFactory, write_task: Callable[[Path, dict[str, dict]], None]) -> Path:
    """A folder with annotations.json and features/ of twelve short videos in three subsets."""
    folder = tmp_path_factory.mktemp("task")
    generator = np.random.default_rng(0)
    videos: dict[str, dict] = {}
    for subset, count in SUBSETS.items():
        for number in range(count):
            steps = int(generator.integers(24, 49))
            actions = random_actions(generator, steps)
            video_id = f"{subset}-{number}"
            videos[video_id] = write_video(folder / "features", video_id, steps, actions, len(videos))
            videos[video_id]["subset"] = subset
    write_task(folder, videos)
    return folder


@pytest.fixture(scope="session")
def recipe_for(task: Path) -> Callable[..., Recipe]:
    """recipe_for(data={...}, epochs=..., ...) trains a network of 16 channels on the task."""

    def build(*, data: dict | None = None, **training: object) -> Recipe:
        data_section = {"annotations": task / "annotations.json", "features": task / "features"}
        if data is None:
            data = {"validation_subset": "validation"}
        model = {
            "channels": 16,
            "levels": 3,
            "encoder": {"hidden": 16, "stem_blocks": 1, "drop_path": 0.2},
            "decoder": {"head_channels": 16, "bins": 8},
        }
        usual = {
            "epochs": 3,
            "warmup_epochs": 1,
            "batch_size": 4,
            "learning_rate": 3e-3,
            "max_length": 32,
            "input_noise": 0.1,
            "accelerator": "cpu",
        }
        return Recipe.model_validate({"data": data_section | data, "model": model, "training": usual | training})

    return build


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, recipe_for: Callable[..., Recipe]) -> RunFolder:
    """The run of the recipe as it stands, which was never disturbed."""
    return train(recipe_for(), tmp_path_factory.mktemp("trained") / "run")


@pytest.fixture(scope="session")
def assert_same_run() -> Callable[[RunFolder, RunFolder], None]:
    """assert_same_run(one, other): every file that matters is the same, to the bit."""

    def check(one: RunFolder, other: RunFolder) -> None:
        assert one.metrics.read_text() == other.metrics.read_text()
        assert one.last.read_bytes() == other.last.read_bytes()
        assert one.best.read_bytes() == other.best.read_bytes()
        assert one.detections.read_bytes() == other.detections.read_bytes()
        first, second = (torch.load(folder.resume, weights_only=True) for folder in (one, other))
        for key in ("state_dict", "current_model_state", "averaging_state", "optimizer_states", "lr_schedulers"):
            assert_same(first[key], second[key], key)

    return check


def assert_same(one: object, other: object, where: str) -> None:
    """Nested dicts and lists with equal tensors and numbers in them."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for number, (first, second) in enumerate(zip(one, other, strict=True)):
            assert_same(first, second, f"{where}[{number}]")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where
