"""The schema of a recipe: what its values must be among themselves."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from untrimmed.config import Recipe
from untrimmed.detection.localizer import Decoding
from untrimmed.training.fit import build_criterion

DATA = {"annotations": "a.json", "features": "f"}


def recipe(**sections: Any) -> Recipe:
    return Recipe.model_validate({"data": DATA, **sections})


def test_the_defaults_of_the_schema_are_a_recipe_that_can_be_built() -> None:
    chosen = recipe()
    build_criterion(chosen.training, chosen.model.levels)
    Decoding.of(chosen.detection)


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"training": {"warmup_epochs": 41}}, "warmup_epochs is 41, but must be at most 40 epochs"),
        ({"training": {"batch_size": 3, "devices": 2}}, "batch_size 3 does not divide over 2 processes"),
        ({"training": {"crop_ratio": [1.0, 0.9]}}, r"crop_ratio is \[1.0, 0.9\], but must rise"),
        ({"training": {"regression_ranges": [[4, 4]]}}, r"regression_ranges is \[4, 4\], but must rise"),
        (
            {"training": {"regression_ranges": [[0, None]]}},
            "training.regression_ranges has 1 ranges, but model.levels is 6",
        ),
        ({"training": {"random_phase": True}}, "training.random_phase needs raw signals"),
        ({"data": {**DATA, "validation_subset": "v", "hold_out": {}}}, "either validation_subset or hold_out"),
        ({"detection": {"suppression": {"voting_tiou": 0.7}}}, "voting averages candidates of all classes"),
        ({"evaluation": {"tiou": "0.5:0.3:0.1"}}, 'tIoU thresholds "0.5:0.3:0.1" are no range'),
        ({"model": {"encoder": {"kernel_size": 4}}}, "must be odd, but is 4"),
        (
            {"model": {"levels": 4, "encoder": {"kind": "transformer", "window": [9, None]}}},
            "encoder.window has 2 entries, but levels is 4",
        ),
        ({"model": {"encoder": {"kind": "transformer", "window": [9, 8]}}}, "must be odd, but is 8"),
        (
            {"model": {"channels": 32, "encoder": {"kind": "transformer", "heads": 3}}},
            "encoder.heads is 3, but must divide channels, which is 32",
        ),
        ({"model": {"channels": 24}}, "multiple of 16"),
        ({"model": {"encoder": {"branches": []}}}, "at least 1 item"),
        ({"model": {"encoder": {"branches": ["local", "global", "local"]}}}, "names local more than once"),
        (
            {"model": {"encoder": {"variant": "release", "gated": False, "branches": ["local"]}}},
            "the authors' code has no branches and gated to choose: set variant to paper, or leave branches and",
        ),
        (
            {"model": {"encoder": {"variant": "release", "global_branch": "attention"}}},
            "the authors' code has no global_branch to choose",
        ),
        (
            {"model": {"encoder": {"global_branch": "attention", "heads": 5}}},
            "encoder.heads is 5, but must divide channels, which is 512",
        ),
        (
            {"model": {"decoder": {"variant": "release", "classification_neighbours": "both"}}},
            "the authors' code has no classification_neighbours to choose",
        ),
        (
            {"model": {"decoder": {"variant": "release", "regression_neighbours": "none"}}},
            "the authors' code has no regression_neighbours to choose",
        ),
        (
            {"model": {"decoder": {"variant": "release", "refine": "none", "fuse": "addition"}}},
            "the authors' code has no refine and fuse to choose",
        ),
    ],
)
def test_values_that_do_not_fit_are_refused(sections: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        recipe(**sections)


def test_the_order_in_which_branches_are_named_means_nothing() -> None:
    one, other = (
        recipe(model={"encoder": {"branches": branches}})
        for branches in (["global", "local"], ["local", "global"])
    )
    assert one == other
    recipe(model={"encoder": {"variant": "release", "branches": ["global", "local", "instant"]}})


def test_whatever_suppression_a_recipe_allows_can_be_used() -> None:
    lowest = {"tiou": 1.0, "min_score": 0.0, "sigma": 1e-6, "per_class": False, "voting_tiou": 1.0}
    for method in ("soft", "hard", "none"):
        Decoding.of(recipe(detection={"suppression": {**lowest, "method": method}}).detection)
    with pytest.raises(ValidationError):
        recipe(detection={"suppression": {"tiou": 0}})


def test_the_last_regression_range_may_be_without_an_end() -> None:
    ranges = [[0, 4], [4, 8], [8, 16], [16, 32], [32, 64], [64, None]]
    chosen = recipe(training={"regression_ranges": ranges})
    given = build_criterion(chosen.training, 6)
    default = build_criterion(recipe().training, 6)
    assert given.assignment.regression_ranges == default.assignment.regression_ranges


def test_a_tilde_is_the_home_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    chosen = Recipe.model_validate({"data": {"annotations": "~/a.json", "features": ["~/rgb", "flow"]}})
    assert chosen.data.annotations == Path("/home/me/a.json")
    assert chosen.data.features == [Path("/home/me/rgb"), Path("flow")]


def test_one_tiou_may_be_written_as_a_number() -> None:
    assert recipe(evaluation={"tiou": 0.5}).evaluation.tiou == "0.5"


def test_a_recipe_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        recipe().training.epochs = 3
