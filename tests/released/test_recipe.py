from pathlib import Path
from typing import Any

import pytest

from untrimmed.config import ModelSection
from untrimmed.errors import InputError
from untrimmed.released.recipe import padded_multiple, recipe_for

SHAPES: dict[str, Any] = {
    "model": {
        "channels": 32,
        "levels": 3,
        "encoder": {"kind": "transformer"},
        "decoder": {"kind": "convolutional"},
    },
    "data": {"dimension": 7},
}
SETTINGS: dict[str, Any] = {
    "model": {"encoder": {"heads": 4, "window": 19}, "release_padding": {"length": 2304}},
    "detection": {"suppression": {"max_detections": 200}},
}


def multiple(**encoder: Any) -> int | None:
    return padded_multiple(ModelSection.model_validate({"levels": 6, "encoder": encoder}))


@pytest.mark.parametrize(
    ("encoder", "steps"),
    [
        # The released lengths: 2304 = 4 * 576, 2304 = 9 * 256.
        ({"kind": "transformer", "window": 19}, 32 * 18),
        ({"kind": "transformer", "window": 9}, 32 * 8),
        ({"kind": "transformer", "window": None}, 32),
        ({"kind": "transformer", "window": 1}, 32),
        # ActivityNet: the last level sees all, so that the one below decides: 192 = 2 * 96.
        ({"kind": "transformer", "window": [7, 7, 7, 7, 7, None]}, 16 * 6),
        ({"kind": "sgp", "kernel_size": 1}, 32),
        ({"kind": "sgp", "kernel_size": 15}, 32 * 15),
        ({"kind": "gmg", "kernel_size": 5}, 32 * 5),
        ({"kind": "max_pooling"}, 32),
        ({"kind": "mamba"}, None),
    ],
)
def test_long_sequences_are_padded_to_what_the_levels_ask_for(encoder: dict[str, Any], steps: int | None) -> None:
    assert multiple(**encoder) == steps


def made(recipe: str | None = None, *overrides: str, padding: str | None = None) -> Any:
    return recipe_for(SETTINGS, SHAPES, recipe=recipe, overrides=overrides, padding=padding, where="best.pth")


def written(folder: Path, text: str) -> str:
    (folder / "own.yaml").write_text("data: {annotations: a.json, features: f}\n" + text)
    return str(folder / "own.yaml")


def test_later_sources_count_more(tmp_path: Path) -> None:
    own = written(
        tmp_path,
        "model:\n"
        "  channels: 64\n"
        "  encoder: {kind: transformer, heads: 8, window: 9}\n"
        "  decoder: {kind: convolutional}\n"
        "detection: {suppression: {max_detections: 300}}\n",
    )
    recipe, sources = made(own, "model.encoder.heads=2")
    assert (recipe.model.channels, recipe.model.encoder.heads, recipe.model.encoder.window) == (32, 2, 9)
    assert recipe.detection.suppression.max_detections == 300
    assert recipe.model.release_padding.multiple == 4 * 8
    assert sources.of("model.encoder.heads") == "as given"
    assert sources.of("model.encoder.window") == f"from the recipe {own}"
    assert sources.of("model.channels") == "told by the checkpoint"
    assert sources.of("model.release_padding.length") == "as training.max_length"
    assert sources.of("training.epochs") is None
    assert sources.contradicted() == [f"model.channels is 32 in the checkpoint and 64 in the recipe {own}"]


def test_without_a_recipe_the_settings_count() -> None:
    recipe, sources = made()
    assert (recipe.model.encoder.window, recipe.detection.suppression.max_detections) == (19, 200)
    assert (recipe.model.padding, recipe.data.dimension) == ("release", 7)
    lines = sources.untold(recipe)
    assert "model.encoder.window=19 (from the released configuration for THUMOS14)" in lines
    assert "model.release_padding.multiple=72 (as levels and windows ask for)" in lines
    assert not sources.contradicted()


def test_padding_is_as_given_or_as_the_recipe_says_or_as_released(tmp_path: Path) -> None:
    kinds = "encoder: {kind: transformer}, decoder: {kind: convolutional}"
    own = written(tmp_path, f"model: {{padding: own, {kinds}}}\n")
    assert made(own)[0].model.padding == "own"
    assert made(own, padding="release")[0].model.padding == "release"
    assert made()[0].model.padding == "release"


def test_what_a_padding_that_takes_no_part_needs_is_not_asked_for() -> None:
    recipe, sources = made(padding="own")
    assert recipe.model.padding == "own"
    assert not [line for line in sources.untold(recipe) if "release_padding" in line]


@pytest.mark.parametrize(
    ("override", "said"),
    [("model.encoder.windo=3", "did you mean model.encoder.window"), ("model.levels", "changes nothing")],
)
def test_a_wrong_change_is_an_error(override: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        made(None, override)


def test_a_recipe_that_leaves_places_open_asks_for_them(tmp_path: Path) -> None:
    path = tmp_path / "open.yaml"
    path.write_text("data: {stride: 4}\n")
    with pytest.raises(InputError, match=r"data.annotations is not set"):
        made(str(path))
