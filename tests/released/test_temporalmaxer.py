import pytest
import torch
from torch import Tensor

from untrimmed.config import Recipe
from untrimmed.models.build import build_detector
from untrimmed.models.detector import ActionDetector
from untrimmed.released.recipe import recipe_for
from untrimmed.released.temporalmaxer import TEMPORALMAXER
from untrimmed.released.translation import translate

LEVELS = 3


def state(norms: list[float]) -> dict[str, Tensor]:
    """A small checkpoint; each of its norms of the pyramid holds a number of its own."""
    generator = torch.Generator().manual_seed(0)
    shapes = {
        "backbone.embd.0.conv.weight": (16, 10, 3),
        "backbone.embd_norm.0.weight": (1, 16, 1),
        "backbone.embd_norm.0.bias": (1, 16, 1),
        "cls_head.cls_head.conv.weight": (4, 24, 3),
        "cls_head.cls_head.conv.bias": (4,),
        "reg_head.offset_head.conv.weight": (2, 24, 3),
        "reg_head.offset_head.conv.bias": (2,),
    }
    for head in ("cls_head", "reg_head"):
        shapes |= {f"{head}.head.0.conv.weight": (24, 16, 3)}
        shapes |= {f"{head}.norm.0.{part}": (1, 24, 1) for part in ("weight", "bias")}
    shapes |= {f"reg_head.scale.{level}.scale": () for level in range(LEVELS)}
    made = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    for level, value in enumerate(norms):
        made |= {f"neck.fpn_norms.{level}.{part}": torch.full((1, 16, 1), value) for part in ("weight", "bias")}
    return made


def loaded(theirs: dict[str, Tensor]) -> tuple[Recipe, ActionDetector]:
    """The recipe that follows from a checkpoint, and its network; each weight has found its place."""
    prepared = TEMPORALMAXER.prepared(theirs)
    shapes = {name: tuple(tensor.shape) for name, tensor in prepared.items()}
    recipe, _ = recipe_for(TEMPORALMAXER.settings, {"model": TEMPORALMAXER.model(shapes)}, where="x.pth")
    translated = translate(prepared, TEMPORALMAXER.rules)
    assert translated.unmatched == ()
    detector = build_detector(recipe.model, input_dim=10, classes=4)
    detector.load_state_dict(translated.weights)
    return recipe, detector


@pytest.mark.parametrize(
    ("norms", "kind"), [([], "group"), ([0.5] * LEVELS, "shared_layer"), ([0.5, 0.5, 0.6], "layer")]
)
def test_values_tell_one_norm_of_all_levels_from_a_norm_a_level(norms: list[float], kind: str) -> None:
    recipe, detector = loaded(state(norms))
    assert recipe.model.norm == kind
    kept = {name: x for name, x in detector.state_dict().items() if name.startswith("decoder.norms")}
    assert {name: (tuple(x.shape), x[0].item()) for name, x in kept.items()} == {
        "group": {},
        "shared_layer": {f"decoder.norms.{part}": ((16,), pytest.approx(0.5)) for part in ("weight", "bias")},
        "layer": {
            f"decoder.norms.{level}.{part}": ((16,), pytest.approx(value))
            for level, value in enumerate(norms)
            for part in ("weight", "bias")
        },
    }[kind]


def test_norms_that_differ_in_their_biases_alone_differ() -> None:
    theirs = state([1.0] * LEVELS)
    theirs["neck.fpn_norms.1.bias"] = torch.zeros(1, 16, 1)
    assert loaded(theirs)[0].model.norm == "layer"


def test_shapes_tell_the_network() -> None:
    recipe, detector = loaded(state([]))
    model = recipe.model
    assert (model.channels, model.levels, model.embedding.layers, model.embedding.kernel_size) == (16, 3, 1, 3)
    assert (model.encoder.kind, model.decoder.kind) == ("max_pooling", "convolutional")
    assert (model.decoder.head_channels, model.decoder.layers) == (24, 2)
    theirs = state([])
    scales = torch.stack([theirs[f"reg_head.scale.{level}.scale"] for level in range(LEVELS)])
    assert torch.equal(detector.decoder.distance_head.level_scale, scales)


def test_settings_are_those_of_the_release() -> None:
    recipe = loaded(state([]))[0]
    assert recipe.training.assignment == "simota"
    assert (recipe.training.loss.classification, recipe.training.loss.quality_power) == ("focal", 0)
    assert recipe.detection.suppression.voting_weight == "score_tiou"
    assert recipe.detection.suppression.max_detections == 200
    assert recipe.model.release_padding.length == 2304
    assert recipe.model.padding == "release"


def test_the_checkpoint_itself_stays_as_it_is() -> None:
    theirs = state([0.5] * LEVELS)
    names = list(theirs)
    assert len(TEMPORALMAXER.prepared(theirs)) == len(names) - 2 * LEVELS + 2
    assert list(theirs) == names
