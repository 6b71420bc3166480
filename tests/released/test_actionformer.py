import torch

from untrimmed.config import Recipe
from untrimmed.models.build import build_detector
from untrimmed.released.actionformer import ACTIONFORMER
from untrimmed.released.common import classes, input_dim
from untrimmed.released.recipe import recipe_for
from untrimmed.released.translation import translate

CHANNELS, DIMENSION, CLASSES, LEVELS = 32, 7, 3, 4


def norm(name: str) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (1, CHANNELS, 1), f"{name}.bias": (1, CHANNELS, 1)}


def convolution(name: str, outputs: int, inputs: int, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs, width), f"{name}.bias": (outputs,)}


def block(name: str) -> dict[str, tuple[int, ...]]:
    shapes = norm(f"{name}.ln1") | norm(f"{name}.ln2")
    for part in ("query", "key", "value"):
        shapes |= {f"{name}.attn.{part}_conv.conv.weight": (CHANNELS, 1, 3)} | norm(f"{name}.attn.{part}_norm")
        shapes |= convolution(f"{name}.attn.{part}", CHANNELS, CHANNELS, 1)
    shapes |= convolution(f"{name}.attn.proj", CHANNELS, CHANNELS, 1)
    shapes |= convolution(f"{name}.mlp.0", 4 * CHANNELS, CHANNELS, 1)
    shapes |= convolution(f"{name}.mlp.3", CHANNELS, 4 * CHANNELS, 1)
    return shapes | {f"{name}.drop_path_{part}.scale": (1, CHANNELS, 1) for part in ("attn", "mlp")}


def released() -> dict[str, tuple[int, ...]]:
    """Names and shapes of a small network, with two convolutions in the embedding and three in a head."""
    shapes: dict[str, tuple[int, ...]] = {}
    for i in range(2):
        inputs = DIMENSION if i == 0 else CHANNELS
        shapes |= {f"backbone.embd.{i}.conv.weight": (CHANNELS, inputs, 3)} | norm(f"backbone.embd_norm.{i}")
        shapes |= block(f"backbone.stem.{i}")
        for head in ("cls_head", "reg_head"):
            shapes |= {f"{head}.head.{i}.conv.weight": (CHANNELS, CHANNELS, 3)} | norm(f"{head}.norm.{i}")
    for level in range(LEVELS):
        shapes |= norm(f"neck.fpn_norms.{level}") | {f"reg_head.scale.{level}.scale": ()}
    for level in range(LEVELS - 1):
        shapes |= block(f"backbone.branch.{level}")
    shapes |= convolution("cls_head.cls_head.conv", CLASSES, CHANNELS, 3)
    return shapes | convolution("reg_head.offset_head.conv", 2, CHANNELS, 3)


def recipe_of(shapes: dict[str, tuple[int, ...]]) -> Recipe:
    return recipe_for(ACTIONFORMER.settings, {"model": ACTIONFORMER.model(shapes)}, where="x.pth")[0]


def test_every_tensor_of_the_release_fills_one_of_ours() -> None:
    shapes = released()
    translated = translate({name: torch.randn(shape) for name, shape in shapes.items()}, ACTIONFORMER.rules)
    assert translated.unmatched == ()
    detector = build_detector(recipe_of(shapes).model, input_dim=input_dim(shapes), classes=classes(shapes))
    # Strict: no name is missing, none is left over, and shapes are equal.
    detector.load_state_dict(translated.weights)


def test_the_settings_are_those_of_the_released_configuration() -> None:
    recipe = recipe_of(released())
    assert (recipe.model.channels, recipe.model.levels) == (CHANNELS, LEVELS)
    assert recipe.model.encoder.model_dump() == {
        "kind": "transformer",
        "stem_blocks": 2,
        "heads": 4,
        "window": 19,
        "expansion": 4,
        "dropout": 0.0,
        "drop_path": 0.1,
        "layer_scale": 1e-4,
    }
    # The coarsest of four levels, in chunks of 2 * 9 steps.
    assert recipe.model.release_padding.multiple == 2**3 * 18
    assert (recipe.training.epochs, recipe.training.warmup_epochs) == (35, 5)
    assert recipe.training.loss.classification == "focal"
    assert recipe.detection.suppression.voting_weight == "score_tiou"
