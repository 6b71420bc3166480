"""Targets against those that four released systems assigned to the points of a training batch."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from untrimmed.training.targets import CenterSampling, SequenceTruth, Targets

SYSTEMS = ("actionformer", "tridet", "cltdr", "actionmamba")
VIDEOS = (0, 1)
CLASSES = 5
#: What the released systems write for a range without end.
INFINITY = 10000


@pytest.fixture(scope="module", params=SYSTEMS)
def batch(request, shared: Path, points_of):
    """What a release assigned, and what is assigned here to the same batch."""
    folder = shared / "parity"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    settings = json.loads((folder / f"{request.param}.json").read_text())["model"]
    arrays = np.load(folder / f"{request.param}.npz")
    ranges = [(least, float("inf") if most == INFINITY else most) for least, most in settings["regression_range"]]
    sampling = CenterSampling(ranges, settings["train_cfg"]["center_sample_radius"])
    truths = [
        SequenceTruth(
            torch.from_numpy(arrays[f"train/{video}/segments"]), torch.from_numpy(arrays[f"train/{video}/labels"])
        )
        for video in VIDEOS
    ]
    lengths = tuple(arrays[f"train/{video}/feats"].shape[1] for video in VIDEOS)
    points = points_of(lengths, settings["max_seq_len"], len(ranges))
    return arrays, sampling.assign_points(points, truths, CLASSES)


@pytest.mark.parametrize("video", VIDEOS)
def test_every_valid_point_learns_the_same_classes(batch: tuple[dict, Targets], video):
    arrays, targets = batch
    valid = targets.valid[video].numpy()
    expected = arrays[f"train/{video}/target_classes"]
    assert expected[valid].any()
    np.testing.assert_array_equal(targets.labels[video].t().numpy()[valid], expected[valid])


@pytest.mark.parametrize("video", VIDEOS)
def test_every_positive_point_learns_the_same_distances(batch: tuple[dict, Targets], video):
    arrays, targets = batch
    positive = targets.positive[video].numpy()
    expected = arrays[f"train/{video}/target_offsets"]
    np.testing.assert_array_equal(targets.distances[video].numpy()[positive], expected[positive])


def test_only_the_second_video_is_padded(batch: tuple[dict, Targets]):
    _, targets = batch
    assert targets.valid[0].all()
    assert targets.valid[1].sum() == 204 + 102 + 51 + 26 + 13 + 7
