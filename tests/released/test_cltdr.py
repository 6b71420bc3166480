"""What is read of CLTDR-GMG's released weights."""

from pathlib import Path
from typing import Any

import pytest
import torch

from untrimmed.errors import InputError
from untrimmed.models.build import build_detector
from untrimmed.released.cltdr import CLTDR_GMG
from untrimmed.released.recipe import recipe_for
from untrimmed.released.translation import Rule, translate

#: The tensors that tell how a network is built, of one that is different everywhere.
SHAPES: dict[str, tuple[int, ...]] = {
    "backbone.embd.0.conv.weight": (48, 7, 5),
    "backbone.stem.0.w1": (2, 48, 1),
    "backbone.stem.1.w1": (2, 48, 1),
    "backbone.stem.2.w1": (2, 48, 1),
    "backbone.stem.0.mlp.0.weight": (20, 48, 1),
    "backbone.branch.0.convw.weight": (48, 1, 9),
    "backbone.branch.1.convw.weight": (48, 1, 9),
    "cls_head.head.0.conv.weight": (24, 48, 5),
    "cls_head.cls_head.conv.weight": (4, 24, 5),
    "start_head.cls_head.conv.weight": (4, 24, 1),
    "reg_head.offset_head.conv.weight": (26, 24, 5),
    "reg_head.scale.0.scale": (),
    "reg_head.scale.1.scale": (),
    "reg_head.scale.2.scale": (),
}


def test_the_model_is_read_from_shapes() -> None:
    assert CLTDR_GMG.model(SHAPES) == {
        "channels": 48,
        "levels": 3,
        "embedding": {"kernel_size": 5, "layers": 1},
        "release_padding": {"multiple": 36},  # 4 steps of the coarsest level, times 9
        "encoder": {"kind": "gmg", "variant": "release", "stem_blocks": 3, "hidden": 20, "kernel_size": 9},
        "decoder": {
            "kind": "cltdr",
            "variant": "release",
            "head_channels": 24,
            "kernel_size": 5,
            "layers": 2,
            "bins": 12,
            "boundary_kernel_size": 1,
        },
    }


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"backbone.branch.1.convw.weight": (48, 1, 3)}, "local branches of 3, 9 steps in different levels"),
        ({"start_head.cls_head.conv.weight": None}, "have no start_head: give weights that were trained with"),
    ],
)
def test_weights_that_no_recipe_describes_are_refused(changed: dict[str, Any], sentence: str) -> None:
    shapes = {name: shape for name, shape in (SHAPES | changed).items() if shape is not None}
    with pytest.raises(InputError, match=sentence):
        CLTDR_GMG.model(shapes)


def test_every_tensor_has_its_place_and_the_scales_that_do_nothing_are_named(shared: Path) -> None:
    state = torch.load(shared / "parity" / "cltdr.pth", weights_only=True)
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    translated = translate(state, CLTDR_GMG.rules)
    assert translated.unmatched == ()
    assert translated.unused == tuple(f"refineHead.scale.{level}.scale" for level in range(6))
    recipe, _ = recipe_for(CLTDR_GMG.settings, {"model": CLTDR_GMG.model(shapes)}, where="cltdr.pth")
    assert recipe.training.loss.classification == "released_varifocal"
    assert recipe.training.loss.normalizer == "running_twice"
    assert recipe.model.encoder.layer_scale == 1e-4
    build_detector(recipe.model, input_dim=24, classes=5).load_state_dict(translated.weights)


def test_a_rule_without_our_name_sets_a_tensor_aside_by_name() -> None:
    state = {"a.0": torch.zeros(1), "b.0": torch.ones(1), "c": torch.ones(1)}
    translated = translate(state, (Rule("a.{i}", None), Rule("b.{i}", "ours.{i}")))
    assert set(translated.weights) == {"ours.0"}
    assert translated.unused == ("a.0",)
    assert translated.unmatched == ("c",)
