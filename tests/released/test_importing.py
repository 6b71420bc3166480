import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import untrimmed
from untrimmed.checkpoint import save_checkpoint
from untrimmed.errors import InputError
from untrimmed.released.importing import Imported, import_weights
from untrimmed.released.systems import SYSTEMS

State = dict[str, Tensor]
CHANNELS, DIMENSION, CLASSES, LEVELS = 16, 4, 3, 2
OPENTAD = {
    "backbone.embd.0.conv.weight": "projection.embed.0.conv.weight",
    "backbone.embd.1.conv.weight": "projection.embed.1.conv.weight",
    "backbone.embd_norm.0.weight": "projection.embed.0.norm.weight",
    "backbone.embd_norm.0.bias": "projection.embed.0.norm.bias",
    "backbone.embd_norm.1.weight": "projection.embed.1.norm.weight",
    "backbone.embd_norm.1.bias": "projection.embed.1.norm.bias",
    "neck.fpn_norms.0.weight": "neck.fpn_norms.0.weight",
    "neck.fpn_norms.0.bias": "neck.fpn_norms.0.bias",
    "neck.fpn_norms.1.weight": "neck.fpn_norms.1.weight",
    "neck.fpn_norms.1.bias": "neck.fpn_norms.1.bias",
    "cls_head.head.0.conv.weight": "rpn_head.cls_convs.0.conv.weight",
    "cls_head.head.1.conv.weight": "rpn_head.cls_convs.1.conv.weight",
    "cls_head.norm.0.weight": "rpn_head.cls_convs.0.norm.weight",
    "cls_head.norm.0.bias": "rpn_head.cls_convs.0.norm.bias",
    "cls_head.norm.1.weight": "rpn_head.cls_convs.1.norm.weight",
    "cls_head.norm.1.bias": "rpn_head.cls_convs.1.norm.bias",
    "cls_head.cls_head.conv.weight": "rpn_head.cls_head.weight",
    "cls_head.cls_head.conv.bias": "rpn_head.cls_head.bias",
    "reg_head.head.0.conv.weight": "rpn_head.reg_convs.0.conv.weight",
    "reg_head.head.1.conv.weight": "rpn_head.reg_convs.1.conv.weight",
    "reg_head.norm.0.weight": "rpn_head.reg_convs.0.norm.weight",
    "reg_head.norm.0.bias": "rpn_head.reg_convs.0.norm.bias",
    "reg_head.norm.1.weight": "rpn_head.reg_convs.1.norm.weight",
    "reg_head.norm.1.bias": "rpn_head.reg_convs.1.norm.bias",
    "reg_head.offset_head.conv.weight": "rpn_head.reg_head.weight",
    "reg_head.offset_head.conv.bias": "rpn_head.reg_head.bias",
    "reg_head.scale.0.scale": "rpn_head.scale.0.scale",
    "reg_head.scale.1.scale": "rpn_head.scale.1.scale",
}


def random_state(classes: int = CLASSES, level_norms: bool = False) -> State:
    """A small TemporalMaxer under the names of its release."""
    shapes: dict[str, tuple[int, ...]] = {
        "backbone.embd.0.conv.weight": (CHANNELS, DIMENSION, 3),
        "backbone.embd.1.conv.weight": (CHANNELS, CHANNELS, 3),
        "cls_head.cls_head.conv.weight": (classes, CHANNELS, 3),
        "cls_head.cls_head.conv.bias": (classes,),
        "reg_head.offset_head.conv.weight": (2, CHANNELS, 3),
        "reg_head.offset_head.conv.bias": (2,),
    }
    for head in ("cls_head", "reg_head"):
        shapes |= {f"{head}.head.{i}.conv.weight": (CHANNELS, CHANNELS, 3) for i in range(2)}
    norms = ["backbone.embd_norm", "cls_head.norm", "reg_head.norm", *(["neck.fpn_norms"] if level_norms else [])]
    for norm in norms:
        shapes |= {f"{norm}.{i}.{part}": (1, CHANNELS, 1) for i in range(2) for part in ("weight", "bias")}
    shapes |= {f"reg_head.scale.{level}.scale": () for level in range(LEVELS)}
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def opentad(state: Mapping[str, Tensor]) -> State:
    """The same as OpenTAD saves it."""
    flat = {
        name: tensor.flatten() if tensor.dim() == 3 and len(tensor) == 1 else tensor
        for name, tensor in state.items()
    }
    return {OPENTAD[name]: tensor for name, tensor in flat.items()} | {
        "rpn_head.loss_normalizer": torch.tensor(100)
    }


def imported(state: Mapping[str, Tensor], folder: Path, **more: Any) -> Imported:
    save_file(dict(state), folder / "released.safetensors")
    return import_weights(folder / "released.safetensors", **more)


@torch.no_grad()
def predictions(done: Imported, steps: int = 11) -> Tensor:
    features = torch.randn(1, steps, DIMENSION, generator=torch.Generator().manual_seed(1))
    found = done.checkpoint.detector(features).class_logits
    assert isinstance(found, Tensor)
    return found


def test_every_weight_is_in_the_network_and_its_shape_in_the_recipe(tmp_path: Path) -> None:
    state = random_state()
    done = imported(state, tmp_path)
    recipe, detector = done.checkpoint.recipe, done.checkpoint.detector
    model = recipe.model
    assert (model.channels, model.levels, model.norm, model.padding) == (CHANNELS, LEVELS, "group", "release")
    assert (model.encoder.kind, model.decoder.kind, recipe.data.dimension) == ("max_pooling", "convolutional", 4)
    assert done.checkpoint.input_dim == DIMENSION
    loaded = torch.cat([tensor.flatten() for tensor in detector.state_dict().values()])
    given = torch.cat([tensor.flatten() for tensor in state.values()])
    assert torch.equal(loaded.sort().values, given.sort().values)
    assert torch.equal(
        detector.get_parameter("decoder.class_head.output.convolution.bias"), state["cls_head.cls_head.conv.bias"]
    )
    assert not detector.training
    assert (done.recognised, recipe.name) == ("weights of temporalmaxer", "temporalmaxer")


def test_what_a_checkpoint_does_not_hold_is_listed_with_who_says_it(tmp_path: Path) -> None:
    overrides = ["data.annotations=a", "data.features=f", "data.fps=25"]
    lines = imported(random_state(), tmp_path, recipe="thumos14-i3d", overrides=overrides).untold
    assert "data.fps=25.0 (as given)" in lines
    assert "data.stride=4.0 (from the recipe thumos14-i3d)" in lines
    assert "detection.suppression.max_detections=2000 (from the recipe thumos14-i3d)" in lines
    assert "model.embedding.positions=false (the default)" in lines
    assert not [line for line in lines if line.startswith(("model.norm", "model.encoder"))]
    alone = imported(random_state(), tmp_path).untold
    assert "detection.suppression.max_detections=200 (from the released configuration for THUMOS14)" in alone
    assert "data.stride=null (as the manifest beside the features says)" in alone


def test_a_model_of_averaged_weights_detects_as_the_raw_ones_do_not(tmp_path: Path) -> None:
    averaged = random_state()
    raw = {name: tensor + 1 for name, tensor in averaged.items()}
    content = {"epoch": 1, "mAP": np.float64(0.4)}
    content |= {"state_dict": {f"module.{name}": tensor for name, tensor in raw.items()}}
    content |= {"state_dict_ema": {f"module.{name}": tensor for name, tensor in averaged.items()}}
    torch.save(content, tmp_path / "best.pth.tar")
    done = import_weights(tmp_path / "best.pth.tar")
    assert done.recognised == "averaged weights (state_dict_ema) of temporalmaxer"
    assert torch.equal(predictions(done), predictions(imported(averaged, tmp_path)))


def test_raw_weights_are_taken_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.save({"state_dict": random_state()}, tmp_path / "raw.pth")
    with caplog.at_level(logging.WARNING):
        done = import_weights(tmp_path / "raw.pth", system="temporalmaxer")
    assert done.recognised == "raw weights (state_dict) of temporalmaxer"
    assert "holds no averaged weights" in caplog.text


@pytest.mark.parametrize("level_norms", [False, True])
def test_opentads_names_give_the_same_network(
    level_norms: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = random_state(level_norms=level_norms)
    with caplog.at_level(logging.WARNING):
        done = imported(opentad(state), tmp_path)
    assert done.recognised == "weights of temporalmaxer, saved by OpenTAD"
    assert done.checkpoint.recipe.model.norm == ("layer" if level_norms else "group")
    assert "was trained with OpenTAD" in caplog.text
    assert done.left_out == ("rpn_head.loss_normalizer",)
    assert torch.equal(predictions(done), predictions(imported(state, tmp_path)))


def test_padding_takes_part_as_in_the_release_or_not_at_all(tmp_path: Path) -> None:
    state = random_state()
    released, own = imported(state, tmp_path), imported(state, tmp_path, padding="own")
    assert own.checkpoint.recipe.model.padding == "own"
    assert not any("release_padding" in line for line in own.untold)
    assert predictions(released).shape[-1] == 2304 + 1152
    assert predictions(own).shape[-1] == 11 + 6


def test_padded_lengths_follow_from_the_training_length(tmp_path: Path) -> None:
    more: dict[str, Any] = {"recipe": "hacs-i3d", "overrides": ["data.annotations=a", "data.features=f"]}
    done = imported(random_state(), tmp_path, **more)
    lengths = done.checkpoint.recipe.model.release_padding
    assert (lengths.length, lengths.multiple) == (512, 2)
    assert "model.release_padding.length=512 (as training.max_length)" in done.untold
    assert "model.release_padding.multiple=2 (as levels and windows ask for)" in done.untold
    more["overrides"] = [*more["overrides"], "model.release_padding.length=700"]
    assert imported(random_state(), tmp_path, **more).checkpoint.recipe.model.release_padding.length == 700


def test_a_recipe_for_another_network_says_nothing_of_the_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "data: {annotations: a.json, features: f, stride: 8}\n"
        "model:\n"
        "  levels: 5\n"
        "  embedding: {positions: true}\n"
        "  encoder: {kind: KIND}\n"
        "  decoder: {kind: convolutional}\n"
    )
    text = path.read_text()
    path.write_text(text.replace("KIND", "gmg"))
    with caplog.at_level(logging.WARNING):
        other = imported(random_state(), tmp_path, recipe=str(path)).checkpoint.recipe
    assert "is for another encoder or decoder" in caplog.text
    assert (other.data.stride, other.model.levels, other.model.embedding.positions) == (8, LEVELS, False)
    path.write_text(text.replace("KIND", "max_pooling"))
    with caplog.at_level(logging.WARNING):
        same = imported(random_state(), tmp_path, recipe=str(path)).checkpoint.recipe
    assert f"model.levels is {LEVELS} in the checkpoint and 5 in the recipe" in caplog.text
    assert (same.model.levels, same.model.embedding.positions) == (LEVELS, True)


def test_one_class_that_nobody_names_is_any_action(tmp_path: Path) -> None:
    done = imported(random_state(classes=1), tmp_path)
    assert done.checkpoint.classes == ("action",)
    assert done.checkpoint.recipe.data.class_agnostic
    (tmp_path / "names.txt").write_text("jump\n")
    named = imported(random_state(classes=1), tmp_path, classes_file=tmp_path / "names.txt")
    assert named.checkpoint.classes == ("jump",)


def without(state: State, *names: str) -> State:
    return {name: tensor for name, tensor in state.items() if name not in names}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda s: s | {f"backbone.proj.{i}.conv.bias": torch.ones(2) for i in (0, 1)},
            r"holds 2 tensors \(backbone.proj.\{0,1\}.conv.bias\) that temporalmaxer does not have; it "
            "has an input of several parts",
        ),
        (
            lambda s: s | {"neck.lateral.0.conv.weight": torch.ones(2)},
            r"holds 1 tensor \(neck.lateral.0.conv.weight\) .* it has another neck",
        ),
        (
            lambda s: without(s, "cls_head.norm.1.bias"),
            r"does not fit the network .*: it lacks 1 tensor \(cls_head.norm.1.bias\)",
        ),
        (
            lambda s: s | {"cls_head.norm.0.bias": torch.ones(1, 8, 1)},
            r"shapes differ: cls_head.norm.0.bias is \(8\) here and must be \(16\) "
            r"\(decoder.class_head.trunk.norms.0.bias\)",
        ),
        (
            lambda s: s | {"cls_head.norm.2.bias": torch.ones(1, 16, 1)},
            r"the network has no place for 1 tensor \(cls_head.norm.2.bias\)",
        ),
        (
            lambda s: s | {"reg_head.head.0.conv.weight": torch.ones(16, 16)},
            r"holds 1 tensor \(reg_head.head.0.conv.weight \(16, 16\)\) of another shape",
        ),
        (lambda s: without(s, "cls_head.cls_head.conv.weight"), "no tensor cls_head.cls_head.conv.weight"),
        (
            lambda s: s | {"backbone.embd.0.conv.weight": torch.ones(15, 4, 3)},
            "model.channels is 15, but must be",
        ),
        (
            lambda s: s | {"cls_head.norm.0.bias": torch.full((1, 16, 1), torch.nan)},
            r"holds 1 tensor \(cls_head.norm.0.bias\) of other than finite numbers",
        ),
        (
            lambda s: {"layer1.weight": torch.ones(2)},
            "holds no weights of .*temporalmaxer.*; it has 1 tensor such",
        ),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_and_every_tensor_named(
    change: Any, said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        imported(change(random_state()), tmp_path)


@pytest.mark.parametrize(("key", "told"), [("levels", 2), ("channels", 16)])
def test_what_the_user_says_against_the_shapes_is_told_by_its_key(key: str, told: int, tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"released.safetensors does not fit .*; leave out what was changed: "
        rf"model.{key} is {told} in the checkpoint and 32 as given$",
    ) as refused:
        imported(random_state(), tmp_path, overrides=[f"model.{key}=32"])
    assert len(str(refused.value)) < 2000


@pytest.mark.parametrize(
    ("system", "said"),
    [
        ("temporalmax", "there is no system temporalmax: .*; did you mean temporalmaxer?"),
        ("tridet", "looks like|there is no system"),
    ],
)
def test_a_system_that_it_is_not_is_an_error(system: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        imported(random_state(), tmp_path, system=system)


@pytest.mark.parametrize("known", SYSTEMS, ids=lambda known: known.system.name)
def test_weights_of_every_release_become_a_model_that_detects(known: Any, shared: Path, tmp_path: Path) -> None:
    name = known.system.name
    file = shared / "parity" / f"{'cltdr' if name.startswith('cltdr') else name}.pth"
    overrides = ["model.release_padding.length=256", "data.fps=30", "data.stride=4", "data.window=16"]
    settings = json.loads(file.with_suffix(".json").read_text())["model"]
    if "n_mha_win_size" in settings and name == "actionformer":
        overrides.append(f"model.encoder.window={settings['n_mha_win_size']}")
    done = import_weights(file, overrides=overrides)
    assert done.recognised == f"weights of {name}"
    save_checkpoint(done.checkpoint, tmp_path / "model.safetensors")
    arrays = np.load(file.with_suffix(".npz"))
    (tmp_path / "features").mkdir()
    np.save(tmp_path / "features" / "video.npy", arrays["len179/input"].T)
    found = untrimmed.load(tmp_path / "model.safetensors", device="cpu").detect(
        tmp_path / "features" / "video.npy"
    )
    best = [(one.start_seconds, one.end_seconds, one.score) for one in list(found)[:20]]
    detections = "len179/detections/"
    theirs = np.column_stack([arrays[detections + "segments"], arrays[detections + "scores"]])
    theirs = theirs[np.argsort(-theirs[:, 2], kind="stable")][:20]
    # Where nobody says how long a video is, it ends with its last feature vector.
    theirs[:, :2] = theirs[:, :2].clip(max=(178 * 4 + 16) / 30)
    np.testing.assert_allclose(np.array(best), theirs, rtol=1e-3, atol=1e-3)
