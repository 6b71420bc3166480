from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from untrimmed.config.model import ModelSection
from untrimmed.models.build import build_detector
from untrimmed.models.detector import ActionDetector
from untrimmed.models.layers import ResidualPath

SMALL: dict[str, Any] = {
    "channels": 32,
    "levels": 3,
    "embedding": {"kernel_size": 3, "layers": 1},
    "encoder": {"kind": "gmg", "hidden": 24},
    "decoder": {"kind": "cltdr", "head_channels": 16},
}


def residual_paths(detector: ActionDetector) -> list[ResidualPath]:
    return [module for module in detector.modules() if isinstance(module, ResidualPath)]


def windows(blocks: nn.ModuleList) -> list[int | None]:
    return [block.attention.window for block in blocks]


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


# What each key is set to, and where it is to be found again.
KEYS: dict[str, tuple[Any, Callable[[ActionDetector], Any]]] = {
    "channels": (48, lambda net: net.embedding.trunk.convolutions[0].weight.shape[2]),
    "levels": (5, lambda net: len(net.decoder.norms)),
    "embedding.kernel_size": (7, lambda net: len(net.embedding.trunk.convolutions[0].weight)),
    "embedding.positions": (True, lambda net: net.embedding.positions),
    "embedding.layers": (3, lambda net: len(net.embedding.trunk.convolutions)),
    "encoder.stem_blocks": (3, lambda net: len(net.encoder.stem)),
    "encoder.hidden": (40, lambda net: net.encoder.stem[0].feed_forward.widen.out_features),
    "encoder.kernel_size": (5, lambda net: net.encoder.branch[0].local.weight.shape[1]),
    "encoder.drop_path": (0.25, lambda net: {path.drop for path in residual_paths(net)}.pop()),
    "encoder.layer_scale": (0.5, lambda net: {path.scale.mean().item() for path in residual_paths(net)}.pop()),
    "decoder.head_channels": (24, lambda net: net.decoder.refine_head.trunk.norms[0].normalized_shape[0]),
    "decoder.bins": (7, lambda net: len(net.decoder.trident_head.bins.convolution.bias) // 2 - 1),
    "decoder.kernel_size": (5, lambda net: len(net.decoder.class_head.output.convolution.weight)),
    "decoder.boundary_kernel_size": (
        5,
        lambda net: len(net.decoder.trident_head.start.output.convolution.weight),
    ),
    "decoder.layers": (2, lambda net: len(net.decoder.class_head.trunk.convolutions) + 1),
}


#: The same of a network with the parts of ActionFormer.
ACTIONFORMER: dict[str, Any] = SMALL | {
    "encoder": {"kind": "transformer", "expansion": 1},
    "decoder": {"kind": "convolutional", "head_channels": 16},
}
ACTIONFORMER_KEYS: dict[str, tuple[Any, Callable[[ActionDetector], Any]]] = {
    "encoder.stem_blocks": (3, lambda net: len(net.encoder.stem)),
    "encoder.heads": (8, lambda net: net.encoder.branch[0].attention.heads),
    "encoder.window": ([5, None, 3], lambda net: [windows(net.encoder.stem)[0], *windows(net.encoder.branch)]),
    "encoder.expansion": (2, lambda net: net.encoder.stem[0].feed_forward.widen.out_features // 32),
    "encoder.dropout": (0.2, lambda net: net.encoder.stem[0].feed_forward.hidden_dropout.drop),
    "encoder.drop_path": (0.25, lambda net: {path.drop for path in residual_paths(net)}.pop()),
    "encoder.layer_scale": (0.5, lambda net: {path.scale.mean().item() for path in residual_paths(net)}.pop()),
    "decoder.head_channels": (24, lambda net: net.decoder.distance_head.trunk.norms[0].normalized_shape[0]),
    "decoder.kernel_size": (5, lambda net: len(net.decoder.distance_head.output.convolution.weight)),
    "decoder.layers": (2, lambda net: len(net.decoder.distance_head.trunk.convolutions) + 1),
}


def section_with(key: str, value: Any, given: dict[str, Any] = SMALL) -> ModelSection:
    changed = {name: dict(part) if isinstance(part, dict) else part for name, part in given.items()}
    *sections, last = key.split(".")
    part = changed
    for section in sections:
        part = part[section]
    part[last] = value
    return ModelSection.model_validate(changed)


@pytest.mark.parametrize(
    ("small", "keys", "key"),
    [(SMALL, KEYS, key) for key in KEYS] + [(ACTIONFORMER, ACTIONFORMER_KEYS, key) for key in ACTIONFORMER_KEYS],
    ids=[*KEYS, *(f"actionformer {key}" for key in ACTIONFORMER_KEYS)],
)
def test_every_key_arrives_where_it_belongs(small: dict[str, Any], keys: dict[str, Any], key: str) -> None:
    value, found = keys[key]
    detector = build_detector(section_with(key, value, small), input_dim=10, classes=2)
    assert found(detector) == value
    assert found(build_detector(ModelSection.model_validate(small), input_dim=10, classes=2)) != value
    predictions = detector(torch.randn(2, 9, 10), [9, 4])
    assert predictions.class_logits.shape == (2, 2, len(predictions.points))


@pytest.fixture(scope="module")
def network_of_the_paper() -> ActionDetector:
    """For the two-stream I3D features of THUMOS14, without the time that random weights take."""
    with torch.device("meta"):
        return build_detector(ModelSection(), input_dim=2048, classes=20)


def test_the_network_of_the_paper_has_17_6_million_parameters(network_of_the_paper: ActionDetector) -> None:
    # Table 15 says 17.6M; the reading of it that was counted to the end has 17,584,000.
    assert parameters(network_of_the_paper) == 17_621_882
    assert abs(parameters(network_of_the_paper) / 17_584_000 - 1) < 0.01


def test_its_encoder_has_9_5_million_parameters(network_of_the_paper: ActionDetector) -> None:
    # Table 8: GMG with the embedding.
    encoder = parameters(network_of_the_paper.embedding) + parameters(network_of_the_paper.encoder)
    assert encoder == 9_548_544
    assert abs(encoder / 9.5e6 - 1) < 0.01


def test_the_network_of_actionformer_has_as_many_parameters_as_its_release() -> None:
    section = ModelSection.model_validate(
        {"encoder": {"kind": "transformer"}, "decoder": {"kind": "convolutional"}}
    )
    with torch.device("meta"):
        detector = build_detector(section, input_dim=2048, classes=20)
    assert parameters(detector) == 29_251_612


def test_the_defaults_are_the_configuration_of_the_paper() -> None:
    model = ModelSection()
    assert (model.channels, model.levels, model.decoder.bins) == (512, 6, 16)
    assert (model.embedding.layers, model.embedding.kernel_size) == (2, 3)
    assert (model.encoder.kernel_size, model.decoder.kernel_size, model.decoder.layers) == (3, 3, 3)
