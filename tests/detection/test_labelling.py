"""A class-agnostic model whose detections are labelled with the scores of whole videos."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from untrimmed.checkpoint import Checkpoint, save_checkpoint
from untrimmed.config import Recipe
from untrimmed.detection.inputs import open_inputs, with_scores
from untrimmed.detection.loading import load
from untrimmed.detection.localizer import collect
from untrimmed.detection.score_fusion import fused
from untrimmed.errors import InputError
from untrimmed.features.sequence import FeatureSequence
from untrimmed.features.time_grid import TimeGrid
from untrimmed.models.build import build_detector

DIMENSION = 6
GRID = TimeGrid(fps=10, stride=2, window=4)
SCORES = {"a": [0.1, 0.8, 0.6], "b": [0.7, 0.2, 0.3]}


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """A folder of three sequences."""
    folder = tmp_path / "features"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for video_id, length in (("a", 30), ("b", 9), ("c", 12)):
        np.save(folder / f"{video_id}.npy", generator.standard_normal((length, DIMENSION)).astype(np.float32))
    return folder


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    """Scores of a and b, whose file names the classes."""
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({"results": SCORES, "class": ["pour", "stir", "wait"]}))
    return path


def save_model(folder: Path, *, class_agnostic: bool = True, **detection: object) -> Path:
    """A file with a network of random weights, which finds something nearly everywhere."""
    data = {"annotations": "truth.json", "features": "features", "fps": 10, "stride": 2, "window": 4}
    recipe = Recipe.model_validate(
        {
            "data": {**data, "class_agnostic": class_agnostic},
            "model": {
                "channels": 16,
                "levels": 2,
                "encoder": {"hidden": 16},
                "decoder": {"head_channels": 16, "bins": 4},
            },
            "detection": detection,
        }
    )
    torch.manual_seed(0)
    classes = ("action",) if class_agnostic else ("pour", "stir")
    detector = build_detector(recipe.model, input_dim=DIMENSION, classes=len(classes))
    with torch.no_grad():
        for parameter in detector.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    save_checkpoint(Checkpoint(detector, recipe, classes, DIMENSION), folder / "model.safetensors")
    return folder / "model.safetensors"


def rows_of(found) -> list[tuple]:
    return [tuple(one) for one in found]


def test_detections_get_the_classes_of_their_video(tmp_path, features, scores):
    model = save_model(tmp_path, video_classes=2, fused_detections=5)
    bare, labelled = load(model), load(model, video_scores=scores)
    assert (bare.classes, bare.classifier) == (("action",), "")
    assert (labelled.classes, labelled.classifier) == (("pour", "stir", "wait"), "scores.json")
    found = labelled.detect(features / "a.npy")
    (actions,) = bare.localize([bare.features.open([features])["a"]])
    expected = fused(actions, np.array(SCORES["a"]), detections=5, classes=2)
    assert rows_of(found) == rows_of(collect(labelled.classes, {"a": expected}))
    assert {one.label for one in found} == {"stir", "wait"}
    assert len(found) == 10
    assert found.classifier == "scores.json"
    assert found[found.score > 0.5].sorted().classifier == "scores.json"
    assert bare.detect(features / "a.npy").classifier == ""


def test_the_scores_of_the_recipe_are_used_unless_others_are_given(tmp_path, features, scores):
    model = save_model(tmp_path, video_scores=str(scores))
    assert load(model).classifier == "scores.json"
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"a": {"wait": 0.5}}))
    localizer = load(model, video_scores=other)
    assert (localizer.classes, localizer.classifier) == (("wait",), "other.json")
    scores.unlink()
    assert load(model, video_scores=other).classifier == "other.json"
    with pytest.raises(InputError, match=r"labels detections with \S*scores.json, which is not there; give that"):
        load(model)


def test_classes_that_the_file_does_not_name_are_those_given(tmp_path, features):
    (tmp_path / "bare.json").write_text(json.dumps({"results": SCORES}))
    model = save_model(tmp_path)
    localizer = load(model, video_scores=tmp_path / "bare.json", classes=("x", "y", "z"))
    assert {one.label for one in localizer.detect(features / "b.npy")} == {"x", "z"}


def test_scores_for_a_model_that_tells_classes_itself_are_refused(tmp_path, scores):
    with pytest.raises(InputError, match=r"model.safetensors tells classes itself: leave out the video scores"):
        load(save_model(tmp_path, class_agnostic=False), video_scores=scores)


def test_an_array_has_no_name_by_which_its_classes_are_found(tmp_path, scores):
    localizer = load(save_model(tmp_path), video_scores=scores)
    values = np.zeros((5, DIMENSION), dtype=np.float32)
    for source in (values, FeatureSequence(values, GRID)):
        with pytest.raises(InputError, match=r"the classes in scores.json are found by the name of a video"):
            localizer.detect(source, GRID)


def test_a_video_without_scores_is_an_error_in_its_place(tmp_path, features, scores):
    localizer = load(save_model(tmp_path), video_scores=scores)
    store = localizer.features.open([features])
    found = dict(localizer.detect_videos(store, dict.fromkeys("abc", np.nan)))
    assert str(found.pop("c")).startswith("scores.json has no scores of the video 'c'")
    assert sorted(found) == ["a", "b"]
    for video_id, labels in found.items():
        alone = localizer.detect(features / f"{video_id}.npy")
        assert set(labels.label) == set(alone.label) == set(np.argsort(SCORES[video_id])[1:])
        np.testing.assert_allclose(labels.score, alone.score, atol=1e-5)
    with pytest.raises(InputError, match="no scores of the video 'c'"):
        localizer.detect(features / "c.npy")


def test_videos_without_scores_are_counted_named_and_left_out(tmp_path, features, scores, caplog):
    localizer = load(save_model(tmp_path), video_scores=scores)
    inputs, _ = open_inputs([features], localizer.features)
    with caplog.at_level(logging.WARNING, "untrimmed"):
        (left,) = with_scores(inputs, localizer.fusion)
    assert sorted(left.durations_seconds) == ["a", "b"]
    assert caplog.messages == ["1 of 3 videos are left out, because scores.json has no scores of them: c"]
    assert with_scores(inputs, None) == inputs


def test_scores_of_other_videos_alone_are_refused(tmp_path, features, scores):
    localizer = load(save_model(tmp_path), video_scores=scores)
    inputs, _ = open_inputs([features / "c.npy"], localizer.features)
    with pytest.raises(InputError, match=r"scores.json has scores of none of the 1 videos \(c\), but of a; b"):
        with_scores(inputs, localizer.fusion)
