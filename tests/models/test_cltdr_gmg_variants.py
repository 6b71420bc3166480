"""Every variant of the GMG encoder and of the CLTDR decoder that a recipe can choose."""

from collections.abc import Callable
from itertools import combinations, product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.config.model import ModelSection
from untrimmed.models.build import build_detector
from untrimmed.models.decoders.cltdr_release import StepwiseRegression
from untrimmed.models.decoders.cross_layer import (
    AttentionToBoth,
    CrossLayerAttention,
    CrossLayerConcatenation,
    CrossLayerSum,
    OwnLevel,
)
from untrimmed.models.decoders.refinement import RefinedRegression
from untrimmed.models.decoders.trident import TridentRegression
from untrimmed.models.detector import ActionDetector

Randomised = Callable[..., nn.Module]
Outputs = Callable[..., list[Tensor]]
Padded = Callable[..., Tensor]

DIMENSION, CLASSES = 6, 2
BRANCHES = [list(some) for size in (1, 2, 3) for some in combinations(("instant", "local", "global"), size)]
NEIGHBOURS = ["none", "above", "below", "both"]
REFINE = ["none", "classification", "regression", "both"]
FUSE = ["attention", "addition", "concatenation"]

ENCODERS: list[dict[str, Any]] = [
    {"branches": branches, "gated": gated, "global_branch": seen, "heads": 2}
    for branches, gated, seen in product(BRANCHES, (True, False), ("fft", "attention"))
    if seen == "fft" or "global" in branches
] + [{"variant": "release", "kernel_size": 5}]

# What joins the levels for the classes knows nothing of what joins them for the boundaries: every kind of each.
DECODERS: list[dict[str, Any]] = [
    {"classification_neighbours": one, "regression_neighbours": other, "refine": refine, "fuse": fuse}
    for one, other in zip(NEIGHBOURS, NEIGHBOURS[1:] + NEIGHBOURS[:1], strict=True)
    for refine, fuse in product(REFINE, FUSE)
]


def built(encoder: dict[str, Any], decoder: dict[str, Any], **model: Any) -> ActionDetector:
    section = ModelSection.model_validate(
        {
            "channels": 16,
            "levels": 3,
            "embedding": {"layers": 1},
            "encoder": {"kind": "gmg", "stem_blocks": 1, "hidden": 8, **encoder},
            "decoder": {"kind": "cltdr", "head_channels": 8, "bins": 3, "layers": 2, **decoder},
            **model,
        }
    )
    torch.manual_seed(0)
    return build_detector(section, input_dim=DIMENSION, classes=CLASSES)


def assert_every_parameter_learns(detector: ActionDetector, outputs: Outputs) -> None:
    predictions = detector.train()(torch.randn(2, 24, DIMENSION), [24, 17])
    sum(output.square().sum() for row in (0, 1) for output in outputs(predictions, row)).backward()
    still = [
        name
        for name, parameter in detector.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    assert still == []


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda keys: "-".join(map(str, keys.values())))
def test_every_parameter_of_every_encoder_learns(
    encoder: dict[str, Any], randomised: Randomised, outputs: Outputs
) -> None:
    detector = randomised(built({**encoder, "drop_path": 0.0}, {}), size=0.3)
    assert_every_parameter_learns(detector, outputs)


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda keys: "-".join(map(str, keys.values())))
def test_every_parameter_of_every_decoder_learns(
    decoder: dict[str, Any], randomised: Randomised, outputs: Outputs
) -> None:
    detector = randomised(built({"drop_path": 0.0, "branches": ["local"]}, decoder), size=0.3)
    assert_every_parameter_learns(detector, outputs)


def test_every_parameter_of_the_release_learns(randomised: Randomised, outputs: Outputs) -> None:
    release = {"variant": "release"}
    assert_every_parameter_learns(randomised(built({**release, "drop_path": 0.0}, release), size=0.3), outputs)


@pytest.fixture(scope="module")
def detectors(randomised: Randomised, in_float64: None) -> list[ActionDetector]:
    """In doubles, where nothing but a leak can be seen; every value of every switch is there."""
    release = {"variant": "release"}
    chosen: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"branches": ["instant"]}, {"classification_neighbours": "none", "refine": "none"}),
        ({"branches": ["instant", "local"]}, {"regression_neighbours": "none", "refine": "classification"}),
        ({"gated": False}, {"classification_neighbours": "both", "refine": "regression"}),
        ({"global_branch": "attention"}, {"fuse": "addition", "regression_neighbours": "both"}),
        ({"branches": ["local", "global"]}, {"fuse": "concatenation", "classification_neighbours": "both"}),
        (release, {"fuse": "concatenation", "regression_neighbours": "above"}),
        ({"branches": ["global"]}, release),
        ({**release, "kernel_size": 3}, {**release, "boundary_kernel_size": 1}),
    ]
    return [
        randomised(built(*keys, levels=4, channels=32, embedding={"layers": 1, "positions": True})).double()
        for keys in chosen
    ]


@settings(max_examples=24)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    more=st.integers(0, 30),
    behind=st.sampled_from([0.0, 1.0, -3e38, float("inf"), float("nan")]),
    which=st.integers(0, 7),
    seed=st.integers(0, 99),
)
@torch.no_grad()
def test_predictions_of_a_sequence_are_those_it_has_alone(
    lengths: list[int],
    more: int,
    behind: float,
    which: int,
    seed: int,
    detectors: list[ActionDetector],
    padded: Padded,
    outputs: Outputs,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    sequences = [torch.randn(DIMENSION, n, generator=generator).double() for n in lengths]
    detector = detectors[which]
    together = detector(padded(sequences, max(lengths) + more, behind).mT, lengths)
    for row, sequence in enumerate(sequences):
        alone = outputs(detector(sequence.t()[None]), 0)
        for found, expected in zip(outputs(together, row), alone, strict=True):
            assert_close(found, expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("variant", ["paper", "release"])
@torch.no_grad()
def test_padding_of_the_release_takes_part(variant: str, randomised: Randomised) -> None:
    keys = {"variant": variant}
    x = torch.randn(1, 20, DIMENSION)
    found = []
    for length in (32, 64):
        padding = {"padding": "release", "release_padding": {"length": length, "multiple": 4}}
        predictions = randomised(built(keys, keys, **padding))(x)
        assert predictions.points.sizes == (length, length // 2, length // 4)
        found.append(predictions.class_logits[..., :20])
    assert not torch.allclose(found[0], found[1], atol=1e-4)


@pytest.mark.parametrize(
    ("decoder", "regression", "has_coarse"),
    [
        ({"refine": "none"}, TridentRegression, False),
        ({"refine": "classification"}, TridentRegression, True),
        ({"refine": "regression"}, RefinedRegression, True),
        ({"refine": "both"}, RefinedRegression, True),
        ({"variant": "release"}, StepwiseRegression, True),
    ],
)
def test_what_is_not_refined_is_what_was_coarse(
    decoder: dict[str, Any], regression: type, has_coarse: bool
) -> None:
    predictions = built({}, decoder)(torch.randn(1, 9, DIMENSION))
    assert type(predictions.regression) is regression
    assert (predictions.coarse is not None) == has_coarse
    if predictions.coarse is not None:
        refined = decoder.get("refine") != "regression"
        assert torch.equal(predictions.class_logits, predictions.coarse.class_logits) != refined


JOINS: dict[tuple[str, str], tuple[type, set[str]]] = {
    ("none", "attention"): (OwnLevel, set()),
    ("none", "addition"): (OwnLevel, set()),
    ("none", "concatenation"): (OwnLevel, set()),
    ("above", "attention"): (CrossLayerAttention, {"Upsampling"}),
    ("below", "attention"): (CrossLayerAttention, {"Downsampling"}),
    ("both", "attention"): (AttentionToBoth, {"Upsampling", "Downsampling"}),
    ("above", "addition"): (CrossLayerSum, {"Upsampling"}),
    ("below", "addition"): (CrossLayerSum, {"Downsampling"}),
    ("both", "addition"): (CrossLayerSum, {"Upsampling", "Downsampling"}),
    ("above", "concatenation"): (CrossLayerConcatenation, {"Upsampling"}),
    ("below", "concatenation"): (CrossLayerConcatenation, {"Downsampling"}),
    ("both", "concatenation"): (CrossLayerConcatenation, {"Upsampling", "Downsampling"}),
}


@pytest.mark.parametrize(("neighbours", "fuse"), JOINS)
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_levels_are_joined_as_the_keys_say(task: str, neighbours: str, fuse: str) -> None:
    decoder = built({}, {f"{task}_neighbours": neighbours, "fuse": fuse}).decoder
    join = decoder.get_submodule(f"{task}_features")
    kind, resampled = JOINS[neighbours, fuse]
    assert type(join) is kind
    found = {type(module).__name__ for module in join.modules()}
    assert found & {"Upsampling", "Downsampling"} == resampled


def test_the_keys_of_the_encoder_arrive_where_they_belong() -> None:
    encoder = built({"gated": False, "global_branch": "attention", "heads": 2, "initial_std": 0.0}, {}).encoder
    for block in (*encoder.stem, *encoder.branch):
        assert not block.gated
        assert block.whole.heads == 2
        assert not block.instant.weight.any()
    release = built({"variant": "release", "kernel_size": 5, "initial_std": 0.0, "layer_scale": 0.5}, {}).encoder
    assert release.branch[1].mix_path.scale[0] == 0.5
    assert release.branch[0].local.weight.shape == (16, 5)
    assert not release.stem[0].local.weight.any()


def parameters(model: dict[str, Any]) -> dict[str, int]:
    """How many parameters the parts of a network have, for the two-stream I3D features of THUMOS14."""
    with torch.device("meta"):
        detector = build_detector(ModelSection.model_validate(model), input_dim=2048, classes=20)
    return {name: sum(p.numel() for p in part.parameters()) for name, part in detector.named_children()}


def test_the_network_of_the_release_has_its_21_9_million_parameters() -> None:
    counts = parameters(
        {
            "encoder": {"kind": "gmg", "variant": "release", "kernel_size": 1},
            "decoder": {"kind": "cltdr", "variant": "release"},
        }
    )
    # The release counts a scale of each level in its refine head, which nothing is multiplied with.
    assert sum(counts.values()) == 21_908_390 - 6
    assert counts["embedding"] + counts["encoder"] == 9_510_656


def test_self_attention_in_place_of_the_filter_has_four_matrices_a_block() -> None:
    # Table 8 says 26.1M, which is the whole encoder of ActionFormer; here the filter alone is replaced.
    with_filter, with_attention = (
        parameters({"encoder": {"kind": "gmg", "global_branch": seen}})["encoder"]
        for seen in ("fft", "attention")
    )
    of_filter, of_attention = 2 * (2 * 3 + 2) * 512, 4 * (512 + 1) * 512
    assert with_attention - with_filter == 7 * (of_attention - of_filter)
