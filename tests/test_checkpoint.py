import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import untrimmed
from untrimmed.checkpoint import FORM, HEADER_KEY, Checkpoint, find_checkpoint, load_checkpoint, save_checkpoint
from untrimmed.config import Recipe
from untrimmed.errors import InputError, UntrimmedError
from untrimmed.models.build import build_detector

CLASSES = ("pour", "stir", "läuft 走る")
DIMENSION = 6


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return Recipe.model_validate(
        {
            "data": {"annotations": "somewhere/truth.json", "features": ["rgb", "flow"], "fps": 29.97},
            "model": {
                "channels": 16,
                "levels": 2,
                "encoder": {"hidden": 16},
                "decoder": {"head_channels": 16, "bins": 4},
            },
            "training": {"seed": 3, "crop_ratio": None},
        }
    )


@pytest.fixture(scope="module")
def checkpoint(recipe: Recipe) -> Checkpoint:
    torch.manual_seed(0)
    return Checkpoint(build_detector(recipe.model, input_dim=DIMENSION, classes=3), recipe, CLASSES, DIMENSION)


@pytest.fixture
def file(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_checkpoint(checkpoint, path)
    return path


def header_of(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as opened:
        metadata = opened.metadata()
    assert list(metadata) == [HEADER_KEY]
    header: dict[str, Any] = json.loads(metadata[HEADER_KEY])
    return header


def rewrite(path: Path, change: Callable[[dict[str, Any], dict[str, torch.Tensor]], object]) -> None:
    """Write the file again after `change` has done something to its header or weights."""
    header, weights = header_of(path), load_file(path)
    change(header, weights)
    save_file(weights, path, {HEADER_KEY: json.dumps(header)})


# Writing and reading


def test_a_model_comes_back_as_it_was(checkpoint, file):
    loaded = load_checkpoint(file)
    assert loaded.recipe == checkpoint.recipe
    assert loaded.classes == CLASSES
    assert loaded.input_dim == DIMENSION
    assert loaded.version == untrimmed.__version__
    before, after = checkpoint.detector.state_dict(), loaded.detector.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_loaded_model_is_ready_to_predict_what_it_did(checkpoint, file):
    features = torch.randn(2, 9, DIMENSION)
    loaded = load_checkpoint(file).detector
    assert not loaded.training
    with torch.inference_mode():
        expected = checkpoint.detector.eval()(features, [9, 5])
        found = loaded(features, [9, 5])
    assert torch.equal(found.class_logits, expected.class_logits)


def test_the_header_says_everything_besides_the_weights(checkpoint, file):
    assert header_of(file) == {
        "form": FORM,
        "version": untrimmed.__version__,
        "recipe": checkpoint.recipe.model_dump(mode="json"),
        "classes": list(CLASSES),
        "input_dim": DIMENSION,
    }
    assert load_file(file).keys() == checkpoint.detector.state_dict().keys()


def test_a_file_of_an_earlier_version_of_the_same_form_is_read(file):
    rewrite(file, lambda header, weights: header.update(version="0.0.1"))
    assert load_checkpoint(file).version == "0.0.1"


def test_writing_twice_gives_the_same_bytes(checkpoint, file, tmp_path):
    save_checkpoint(checkpoint, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == file.read_bytes()


def test_a_write_that_fails_leaves_the_old_file(checkpoint, file, monkeypatch):
    before = file.read_bytes()

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UntrimmedError, match="no space left on device"):
        save_checkpoint(checkpoint, file)
    monkeypatch.undo()
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["model.safetensors"]


# Finding


def test_the_last_model_of_a_run_folder_is_found(file):
    last = file.rename(file.with_name("last.safetensors"))
    assert find_checkpoint(last.parent) == last
    assert load_checkpoint(last.parent).classes == CLASSES
    assert load_checkpoint(str(last)).classes == CLASSES


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "holds no last.safetensors"),
        ("nowhere", "there is no model"),
        ("weights.pth", "is not a model of untrimmed"),
    ],
)
def test_what_is_no_model_is_refused_with_what_to_give(tmp_path, name, message):
    (tmp_path / "weights.pth").touch()
    with pytest.raises(InputError, match=message):
        load_checkpoint(tmp_path / name)


# Files that are not whole


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.1, 0.5, 0.9, 0.9999])
def test_a_file_that_was_cut_is_refused(file, share):
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"model\.safetensors is not a whole model file; copy it again"):
        load_checkpoint(file)


@pytest.mark.parametrize(
    "content", [b"text, and not a model", b"\xff" * 100, b"\x02\x00\x00\x00\x00\x00\x00\x00{}"]
)
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"other\.safetensors"):
        load_checkpoint(path)


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}])
def test_safetensors_of_others_are_refused(tmp_path, metadata):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, path, metadata)
    with pytest.raises(InputError, match="is a safetensors file, but not a model of untrimmed"):
        load_checkpoint(path)


class Code:
    """A pickle that leaves a file behind when it is executed."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("write", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_code_in_a_file_that_is_named_like_a_model_is_not_executed(tmp_path, write):
    path, mark = tmp_path / "model.safetensors", tmp_path / "executed"
    write(Code(mark), path)
    with pytest.raises(InputError, match="is not a whole model file"):
        load_checkpoint(path)
    assert not mark.exists()


# Headers that were tampered with


@pytest.mark.parametrize("form", [0, 2, "1", None])
def test_a_file_of_another_form_is_refused_with_the_version_that_wrote_it(file, form):
    rewrite(file, lambda header, weights: header.update(form=form, version="9.9"))
    with pytest.raises(
        InputError, match=r"was written by untrimmed 9\.9 in a form that untrimmed .* cannot read"
    ):
        load_checkpoint(file)


@pytest.mark.parametrize("key", ["recipe", "classes", "input_dim", "version"])
def test_a_header_without_one_of_its_keys_is_refused(file, key):
    rewrite(file, lambda header, weights: header.pop(key))
    with pytest.raises(InputError, match="is not a whole model file"):
        load_checkpoint(file)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("recipe", "hapt"),
        ("classes", "abc"),
        ("classes", [1, 2, 3]),
        ("classes", []),
        ("input_dim", "6"),
        ("input_dim", -6),
        ("input_dim", 6.0),
        ("input_dim", True),
        ("version", None),
    ],
)
def test_a_header_with_a_value_of_a_wrong_type_is_refused(file, key, value):
    rewrite(file, lambda header, weights: header.update({key: value}))
    with pytest.raises(InputError, match="is not a whole model file"):
        load_checkpoint(file)


@pytest.mark.parametrize("header", ["", "{", "[]", "3", "null", '"text"'])
def test_a_header_that_is_no_table_is_refused(file, header):
    save_file(load_file(file), file, {HEADER_KEY: header})
    with pytest.raises(InputError, match="is not a whole model file"):
        load_checkpoint(file)


def test_a_wrong_key_in_the_recipe_is_named_with_the_file(file):
    rewrite(file, lambda header, weights: header["recipe"]["model"].update(chanels=16))
    with pytest.raises(
        InputError, match=r"recipe in .*model\.safetensors: model\.chanels .*did you mean model\.channels"
    ):
        load_checkpoint(file)


@pytest.mark.parametrize(
    "change",
    [
        lambda header, weights: header["recipe"]["model"].update(levels=3),
        lambda header, weights: header["recipe"]["model"].update(channels=32),
        lambda header, weights: header.update(classes=["one", "two"]),
        lambda header, weights: header.update(input_dim=7),
        lambda header, weights: weights.pop("embedding.trunk.norms.0.weight"),
        lambda header, weights: weights.update(extra=torch.zeros(1)),
    ],
    ids=["levels", "channels", "classes", "dimension", "a weight too few", "a weight too many"],
)
def test_weights_that_do_not_fit_the_header_are_refused(file, change):
    rewrite(file, change)
    with pytest.raises(InputError, match=r"the weights in .*model\.safetensors do not fit the recipe in it"):
        load_checkpoint(file)
