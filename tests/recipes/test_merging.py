"""What becomes of the keys of a section when its kind changes."""

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import create_model

from untrimmed.config.encoders import ENCODER_SECTIONS, EncoderSection
from untrimmed.errors import InputError
from untrimmed.recipes.loading import load_recipe
from untrimmed.recipes.merging import merge

#: gmg has these keys; of them max_pooling has none, transformer the stem, sgp all three.
BASE = """\
data: {annotations: a.json, features: f}
model:
  encoder: {hidden: 192, kernel_size: 5, stem_blocks: 1}
  decoder: {head_channels: 96, bins: 9}
"""


@pytest.fixture(autouse=True)
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text(BASE)


def encoder(*changes: str, recipe: str = "base.yaml") -> dict[str, Any]:
    return load_recipe(recipe, changes).model.encoder.model_dump()


def mistake(*changes: str, recipe: str = "base.yaml") -> str:
    with pytest.raises(InputError) as error:
        load_recipe(recipe, changes)
    return str(error.value)


def test_a_kind_without_keys_has_none_of_those_of_the_old_one() -> None:
    assert encoder("model.encoder.kind=max_pooling") == {"kind": "max_pooling"}
    assert encoder("model.encoder={kind: max_pooling}") == {"kind": "max_pooling"}
    assert encoder("model={encoder: {kind: max_pooling}}") == {"kind": "max_pooling"}


def test_keys_that_both_kinds_have_keep_their_values() -> None:
    found = encoder("model.encoder.kind=transformer")
    assert (found["stem_blocks"], found.keys() & {"hidden", "kernel_size"}) == (1, set())
    found = encoder("model.encoder.kind=sgp")
    assert (found["hidden"], found["kernel_size"], found["stem_blocks"]) == (192, 5, 1)


def test_the_same_kind_keeps_everything_whether_it_was_said_or_not() -> None:
    assert encoder("model.encoder.kind=gmg") == encoder()
    assert encoder("model.encoder.kind=max_pooling", "model.encoder.kind=gmg") == encoder()


def test_another_section_keeps_everything() -> None:
    decoder = load_recipe("base.yaml", ["model.encoder.kind=max_pooling"]).model.decoder
    assert (decoder.kind, decoder.head_channels, decoder.bins) == ("cltdr", 96, 9)
    decoder = load_recipe("base.yaml", ["model.decoder.kind=convolutional"]).model.decoder
    assert decoder.model_dump() == {
        "kind": "convolutional",
        "head_channels": 96,
        "kernel_size": 3,
        "layers": 3,
    }


BOTH_WAYS = pytest.mark.parametrize("step", [1, -1], ids=["kind first", "kind last"])


@BOTH_WAYS
def test_changes_mean_the_same_in_any_order(step: int) -> None:
    changes = ["model.encoder.kind=sgp", "model.encoder.hidden=32", "model.encoder.window_factor=4"][::step]
    found = encoder(*changes)
    assert (found["hidden"], found["window_factor"], found["kernel_size"]) == (32, 4, 5)


@BOTH_WAYS
def test_a_change_that_the_new_kind_does_not_know_is_a_mistake_in_any_order(step: int) -> None:
    changes = ["model.encoder.kind=max_pooling", "model.encoder.hidden=32"][::step]
    assert mistake(*changes).startswith("base.yaml: model.encoder.hidden is not a key of a recipe")


def test_a_key_that_the_old_kind_did_not_know_either_is_still_a_mistake() -> None:
    Path("base.yaml").write_text(BASE.replace("stem_blocks", "stem_blokcs"))
    assert mistake("model.encoder.kind=sgp") == (
        "base.yaml: model.encoder.stem_blokcs is not a key of a recipe; did you mean model.encoder.stem_blocks?"
    )


def test_a_recipe_drops_what_its_base_says_of_another_kind() -> None:
    Path("middle.yaml").write_text("base: base.yaml\nmodel: {encoder: {kind: transformer, heads: 2}}\n")
    Path("top.yaml").write_text("base: middle.yaml\nmodel: {encoder: {kind: gmg}}\n")
    found = encoder(recipe="middle.yaml")
    assert (found["kind"], found["heads"], found["stem_blocks"]) == ("transformer", 2, 1)
    # What was dropped on the way does not come back; what all have, and what the last two have, stays.
    found = encoder(recipe="top.yaml")
    assert (found["hidden"], found["kernel_size"], found["heads"], found["stem_blocks"]) == (768, 3, 2, 1)


@pytest.mark.parametrize("kind", ["nothing", "3", "[gmg]", "null"])
def test_an_unknown_kind_is_the_one_mistake(kind: str) -> None:
    said = mistake(f"model.encoder.kind={kind}")
    assert said.startswith("base.yaml: model.encoder.kind is ")
    assert "but must be one of gmg, transformer, max_pooling, sgp, mamba, ssd" in said


def test_an_unknown_kind_of_a_base_can_be_replaced() -> None:
    Path("base.yaml").write_text(BASE.replace("hidden: 192", "kind: gone, theirs: 192"))
    found = encoder("model.encoder.kind=sgp")
    assert (found["kind"], found["kernel_size"]) == ("sgp", 5)
    assert mistake().startswith('base.yaml: model.encoder.kind is "gone", but must be one of ')


def test_a_kind_of_a_plugin_is_one_like_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = (Literal["mine"], "mine")
    own = create_model("Own", __base__=EncoderSection, kind=kind, hidden=(int, 1), width=(int, 2))
    monkeypatch.setitem(ENCODER_SECTIONS, "mine", own)
    assert encoder("model.encoder.kind=mine") == {"kind": "mine", "hidden": 192, "width": 2}
    Path("own.yaml").write_text("base: base.yaml\nmodel: {encoder: {kind: mine, width: 7}}\n")
    assert encoder(recipe="own.yaml") == {"kind": "mine", "hidden": 192, "width": 7}
    assert encoder("model.encoder.kind=max_pooling", recipe="own.yaml") == {"kind": "max_pooling"}


def test_only_a_section_of_several_kinds_has_a_kind() -> None:
    assert "model.kind is not a key" in mistake("model.kind=gmg")
    assert "training.kind is not a key" in mistake("training.kind=gmg")


def test_plugins_are_joined_and_other_lists_replaced() -> None:
    values = {"plugins": ["a", "b"], "data": {"features": ["x", "y"]}}
    merged = merge(values, {"plugins": ["c", "a"], "data": {"features": ["z"]}})
    assert merged == {"plugins": ["a", "b", "c"], "data": {"features": ["z"]}}


def test_what_was_given_stays_as_it_is() -> None:
    values = {"model": {"encoder": {"hidden": 192}}}
    merge(values, {"model": {"encoder": {"kind": "max_pooling"}}})
    assert values == {"model": {"encoder": {"hidden": 192}}}
