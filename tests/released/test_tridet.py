from typing import Any

import pytest
import torch

from untrimmed.config import Recipe
from untrimmed.errors import InputError
from untrimmed.models.build import build_detector
from untrimmed.models.encoders.sgp import wide_kernel_size
from untrimmed.released.recipe import recipe_for
from untrimmed.released.system import Shapes
from untrimmed.released.translation import translate
from untrimmed.released.tridet import TRIDET

CHANNELS, HEAD, HIDDEN, DIMENSION, CLASSES = 16, 12, 20, 7, 3


def shapes_of(
    *, levels: int = 3, window: int = 1, factor: float = 5.0, bins: int = 4, kernel: int = 3, boundary: int = 3
) -> dict[str, tuple[int, ...]]:
    """The tensors of a TriDet under its release's names, with two blocks in the stem."""
    c, h = CHANNELS, HEAD
    shapes: dict[str, tuple[int, ...]] = {}

    def norm(name: str, shape: tuple[int, ...]) -> None:
        shapes.update({f"{name}.weight": shape, f"{name}.bias": shape})

    def layer(name: str, *shape: int) -> None:
        shapes.update({f"{name}.weight": shape, f"{name}.bias": shape[:1]})

    def head(name: str, last: str, outputs: int, size: int) -> None:
        for i, inputs in enumerate((c, h)):
            shapes[f"{name}.head.{i}.conv.weight"] = (h, inputs, size)
            norm(f"{name}.norm.{i}", (1, h, 1))
        layer(f"{name}.{last}.conv", outputs, h, size)

    for i, inputs in enumerate((DIMENSION, c)):
        shapes[f"backbone.embd.{i}.conv.weight"] = (c, inputs, 3)
        norm(f"backbone.embd_norm.{i}", (1, c, 1))
    for name, width in [(f"stem.{i}", 1) for i in range(2)] + [
        (f"branch.{i}", window) for i in range(levels - 1)
    ]:
        block = f"backbone.{name}"
        norm(f"{block}.ln", (1, c, 1))
        norm(f"{block}.gn", (c,))
        for part, size in {"psi": width, "fc": 1, "convw": width, "global_fc": 1}.items():
            layer(f"{block}.{part}", c, 1, size)
        layer(f"{block}.convkw", c, 1, wide_kernel_size(width, factor))
        layer(f"{block}.mlp.0", HIDDEN, c, 1)
        layer(f"{block}.mlp.2", c, HIDDEN, 1)
        if name.startswith("branch"):
            shapes[f"{block}.drop_path_out.scale"] = shapes[f"{block}.drop_path_mlp.scale"] = (1, c, 1)
    for level in range(levels):
        norm(f"neck.fpn_norms.{level}", (1, c, 1))
        shapes[f"reg_head.scale.{level}.scale"] = ()
    head("cls_head", "cls_head", CLASSES, kernel)
    head("start_head", "cls_head", CLASSES, boundary)
    head("end_head", "cls_head", CLASSES, boundary)
    head("reg_head", "offset_head", 2 * (bins + 1), kernel)
    return shapes


def recipe_of(shapes: Shapes) -> Recipe:
    return recipe_for(TRIDET.settings, {"model": TRIDET.model(shapes)}, where="x.pth")[0]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"levels": 6, "window": 5, "factor": 2.0, "bins": 16},
        {"levels": 7, "window": 15, "factor": 1.2, "bins": 12, "kernel": 5, "boundary": 1},
    ],
)
def test_every_tensor_finds_its_place_in_the_network_that_shapes_tell(given: dict[str, Any]) -> None:
    shapes = shapes_of(**given)
    state = {name: torch.randn(shape) for name, shape in shapes.items()}
    translated = translate(state, TRIDET.rules)
    assert translated.unmatched == ()
    recipe = recipe_of(shapes)
    detector = build_detector(recipe.model, input_dim=DIMENSION, classes=CLASSES)
    detector.load_state_dict(translated.weights)
    assert (recipe.model.levels, recipe.model.decoder.bins) == (given.get("levels", 3), given.get("bins", 4))
    assert recipe.model.encoder.kernel_size == given.get("window", 1)
    assert recipe.model.release_padding.multiple == 2 ** (recipe.model.levels - 1) * given.get("window", 1)


def test_the_first_half_of_the_bins_is_turned_round() -> None:
    bias = torch.tensor([4.0, 3, 2, 1, 0, 10, 11, 12, 13, 14])
    weight = bias[:, None, None] + torch.zeros(10, HEAD, 3)
    state = {"reg_head.offset_head.conv.weight": weight, "reg_head.offset_head.conv.bias": bias}
    expected = [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
    weights = translate(state, TRIDET.rules).weights
    assert weights["decoder.trident_head.bins.convolution.bias"].tolist() == expected
    turned = weights["decoder.trident_head.bins.convolution.weight"]
    assert turned.shape == (3, HEAD, 10)
    assert (turned == torch.tensor(expected)).all()


@pytest.mark.parametrize(
    ("window", "factor", "found"),
    [(1, 5, 5), (1, 4, 4), (5, 2, 2), (15, 1.3, 1.3), (15, 1.2, 1.2), (3, 1.2, 1), (1, 1.5, 1), (63, 1.05, 1.04)],
)
def test_a_factor_is_found_that_makes_the_windows_what_they_are(window: int, factor: float, found: float) -> None:
    encoder = TRIDET.model(shapes_of(window=window, factor=factor))["encoder"]
    assert encoder["window_factor"] == pytest.approx(found)
    assert all(wide_kernel_size(w, found) == wide_kernel_size(w, factor) for w in (1, window))


def test_different_windows_in_different_levels_are_refused() -> None:
    shapes = shapes_of(window=5)
    shapes["backbone.branch.1.convw.weight"] = (CHANNELS, 1, 7)
    with pytest.raises(InputError, match="windows of 5, 7 steps in different levels, which a recipe cannot say"):
        TRIDET.model(shapes)


def test_wide_windows_that_no_factor_makes_are_refused() -> None:
    shapes = shapes_of(window=5, factor=2.0)
    shapes["backbone.branch.1.convkw.weight"] = (CHANNELS, 1, 21)
    with pytest.raises(InputError, match="wide windows of 5, 13, 21 steps, which no single factor makes"):
        TRIDET.model(shapes)


def test_weights_without_a_trident_head_are_refused() -> None:
    shapes = {name: shape for name, shape in shapes_of().items() if not name.startswith("start_head")}
    with pytest.raises(InputError, match="no start_head and end_head: give weights that were trained with"):
        TRIDET.model(shapes)


def test_a_convolution_after_mean_pooling_is_left_over() -> None:
    names = ("backbone.branch.0.downsample.1.weight", "backbone.branch.0.downsample.1.bias")
    state = {names[0]: torch.zeros(CHANNELS, CHANNELS, 1), names[1]: torch.zeros(CHANNELS)}
    assert translate(state, TRIDET.rules).unmatched == names


def test_the_settings_are_the_release_s_for_thumos14() -> None:
    recipe = recipe_of(shapes_of())
    training, loss = recipe.training, recipe.training.loss
    assert (training.epochs, training.warmup_epochs, training.weight_decay) == (40, 20, 0.025)
    assert (training.learning_rate, training.input_noise) == (1e-4, 5e-4)
    assert (loss.classification, loss.quality_power, loss.quality_gradient) == ("focal", 0.2, True)
    assert recipe.model.decoder.detached_boundaries
    assert (recipe.model.encoder.initial_std, recipe.model.encoder.layer_scale) == (0, 1e-4)
    assert recipe.detection.suppression.max_detections == 2000
