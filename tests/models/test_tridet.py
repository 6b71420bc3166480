"""TriDet, as a recipe describes it: the encoder sgp with the decoder trident."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.config.model import ModelSection
from untrimmed.models.build import build_detector
from untrimmed.models.detector import ActionDetector
from untrimmed.models.layers import ResidualPath

Outputs = Callable[..., list[Tensor]]
Padded = Callable[..., Tensor]

DIMENSION, CLASSES = 10, 2

# What each key is set to, and where it is to be found again.
KEYS: dict[str, tuple[Any, Callable[[ActionDetector], Any]]] = {
    "encoder.stem_blocks": (3, lambda net: len(net.encoder.stem)),
    "encoder.hidden": (40, lambda net: net.encoder.stem[0].feed_forward.widen.out_features),
    "encoder.kernel_size": (5, lambda net: net.encoder.branch[0].narrow.weight.shape[1]),
    "encoder.window_factor": (3.0, lambda net: (net.encoder.branch[0].wide.weight.shape[1] - 1) / 2),
    "encoder.initial_std": (0.0, lambda net: net.encoder.branch[0].wide.weight.std().item()),
    "encoder.drop_path": (0.25, lambda net: residual_path(net).drop),
    "encoder.layer_scale": (0.5, lambda net: residual_path(net).scale.mean().item()),
    "decoder.head_channels": (24, lambda net: net.decoder.class_head.trunk.norms[0].normalized_shape[0]),
    "decoder.bins": (7, lambda net: len(net.decoder.trident_head.bins.convolution.bias) // 2 - 1),
    "decoder.kernel_size": (5, lambda net: len(net.decoder.class_head.output.convolution.weight)),
    "decoder.boundary_kernel_size": (
        5,
        lambda net: len(net.decoder.trident_head.start.output.convolution.weight),
    ),
    "decoder.layers": (2, lambda net: len(net.decoder.class_head.trunk.convolutions) + 1),
    "decoder.detached_boundaries": (True, lambda net: net.decoder.detached_boundaries),
    "norm": ("shared_layer", lambda net: type(net.decoder.norms).__name__.removesuffix("Norm").lower()),
}


def residual_path(detector: ActionDetector) -> ResidualPath:
    return next(module for module in detector.modules() if isinstance(module, ResidualPath))


def section(**changes: Any) -> ModelSection:
    """A small model section; a change of "encoder.hidden" is given as encoder__hidden."""
    values: dict[str, Any] = {
        "channels": 32,
        "levels": 3,
        "encoder": {"kind": "sgp", "hidden": 24},
        "decoder": {"kind": "trident", "head_channels": 16},
    }
    for key, value in changes.items():
        *parts, last = key.split("__")
        part = values
        for name in parts:
            part = part[name]
        part[last] = value
    return ModelSection.model_validate(values)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_arrives_where_it_belongs(key: str) -> None:
    value, found = KEYS[key]
    detector = build_detector(section(**{key.replace(".", "__"): value}), input_dim=DIMENSION, classes=CLASSES)
    expected = "sharedlayer" if key == "norm" else value
    assert found(detector) == expected
    assert found(build_detector(section(), input_dim=DIMENSION, classes=CLASSES)) != expected
    predictions = detector(torch.randn(2, 9, DIMENSION), [9, 4])
    assert predictions.class_logits.shape == (2, CLASSES, len(predictions.points))
    assert predictions.coarse is None


def test_with_its_defaults_it_has_as_many_parameters_as_the_release() -> None:
    model = ModelSection.model_validate({"encoder": {"kind": "sgp"}, "decoder": {"kind": "trident"}})
    with torch.device("meta"):
        detector = build_detector(model, input_dim=2048, classes=20)
    assert sum(parameter.numel() for parameter in detector.parameters()) == 15_989_604


@pytest.fixture(scope="module")
def detectors(randomised: Callable[..., nn.Module]) -> list[nn.Module]:
    shapes: list[dict[str, Any]] = [
        {},
        {"encoder__kernel_size": 5, "encoder__window_factor": 2.0, "decoder__boundary_kernel_size": 1},
        {"levels": 5, "embedding": {"positions": True}, "norm": "group", "decoder__kernel_size": 5},
    ]
    return [
        randomised(build_detector(section(**shape), input_dim=DIMENSION, classes=CLASSES)).double()
        for shape in shapes
    ]


@pytest.mark.usefixtures("in_float64")
@settings(deadline=None, max_examples=20)
@given(
    lengths=st.lists(st.integers(1, 70), min_size=1, max_size=3),
    more=st.integers(0, 30),
    behind=st.sampled_from([0.0, 7.0, float("inf"), float("nan")]),
    which=st.integers(0, 2),
)
@torch.no_grad()
def test_predictions_of_a_sequence_are_those_it_has_alone(
    lengths: list[int],
    more: int,
    behind: float,
    which: int,
    detectors: list[nn.Module],
    padded: Padded,
    outputs: Outputs,
) -> None:
    generator = torch.Generator().manual_seed(sum(lengths))
    sequences = [torch.randn(DIMENSION, n, generator=generator, dtype=torch.float64) for n in lengths]
    together = detectors[which](padded(sequences, max(lengths) + more, behind).mT, lengths)
    for row, sequence in enumerate(sequences):
        alone = detectors[which](sequence.t()[None])
        for one, other in zip(outputs(together, row), outputs(alone, 0), strict=True):
            assert_close(one, other, atol=1e-9, rtol=0)
