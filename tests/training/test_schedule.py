import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.config import ModelSection
from untrimmed.models.build import build_detector
from untrimmed.models.decoders.cross_layer import CrossLayerAttention, Downsampling, Upsampling
from untrimmed.models.decoders.trident import TridentHead
from untrimmed.models.detector import ActionDetector
from untrimmed.models.encoders.spectral import ComplexConvolution
from untrimmed.models.layers import ChannelAffine, DepthwiseConvolution, GroupNorm, ResidualPath
from untrimmed.models.rows import RowConvolution
from untrimmed.training.schedule import optimizer, warmup_cosine

# The learning rate


@pytest.mark.parametrize(
    ("step", "factor"),
    [
        (0, 1 / 4),  # the first step already learns
        (1, 1 / 2),
        (3, 1),  # the last of warm-up
        (4, 1),  # the first along the cosine
        (7, 0.1 + 0.9 / 2),  # half-way
        (10, 0.1),
        (11, 0.1),
    ],
)
def test_the_rate_grows_over_warm_up_and_falls_along_half_a_cosine(step, factor):
    assert warmup_cosine(4, 10, 0.1)(step) == pytest.approx(factor)


def test_without_warm_up_the_first_step_has_the_highest_rate():
    assert warmup_cosine(0, 10, 0.0)(0) == 1
    assert warmup_cosine(0, 10, 0.0)(10) == pytest.approx(0)


def test_warm_up_may_last_to_the_end():
    factor = warmup_cosine(5, 5, 0.0)
    assert [factor(step) for step in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])


@given(st.integers(0, 30), st.integers(1, 60), st.floats(0, 1))
def test_the_rate_never_falls_in_warm_up_nor_rises_after_it_nor_leaves_its_bounds(warmup, rest, final):
    factor = warmup_cosine(warmup, warmup + rest, final)
    factors = [factor(step) for step in range(warmup + rest + 2)]
    assert factors[: warmup + 1] == sorted(factors[: warmup + 1])
    assert factors[warmup:] == sorted(factors[warmup:], reverse=True)
    assert max(factors) == 1
    assert factors[warmup + rest] == pytest.approx(final)
    assert all(min(final, 1 / max(warmup, 1)) - 1e-12 <= one <= 1 for one in factors)


# Weight decay


@pytest.fixture(scope="module")
def detector() -> ActionDetector:
    section = ModelSection.model_validate(
        {"channels": 16, "levels": 3, "encoder": {"hidden": 16}, "decoder": {"head_channels": 16}}
    )
    return build_detector(section, input_dim=8, classes=2)


def group_of(chosen: torch.optim.AdamW, parameter: torch.Tensor) -> float:
    """The weight decay of a parameter."""
    (found,) = [
        group["weight_decay"]
        for group in chosen.param_groups
        if any(other is parameter for other in group["params"])
    ]
    return found


def test_every_parameter_is_learned_once(detector):
    chosen = optimizer(detector, learning_rate=1e-3, weight_decay=0.5)
    given = [id(parameter) for group in chosen.param_groups for parameter in group["params"]]
    assert sorted(given) == sorted(id(parameter) for parameter in detector.parameters())


CONVOLVING = (
    DepthwiseConvolution,
    torch.nn.Linear,
    RowConvolution,
    ComplexConvolution,
    Upsampling,
    Downsampling,
    CrossLayerAttention,
)


def test_weights_of_linear_layers_and_convolutions_decay_and_nothing_else_does(detector):
    chosen = optimizer(detector, learning_rate=1e-3, weight_decay=0.5)
    seen = set()
    for module in detector.modules():
        for name, parameter in module.named_parameters(recurse=False):
            kind = type(module)
            convolves = kind in CONVOLVING
            expected = 0.5 if convolves and name == "weight" else 0.0
            assert group_of(chosen, parameter) == expected, f"{kind.__name__}.{name}"
            seen.add((kind, name))
    assert {
        (DepthwiseConvolution, "weight"),
        (DepthwiseConvolution, "bias"),
        (torch.nn.Linear, "weight"),
        (torch.nn.Linear, "bias"),
        (RowConvolution, "weight"),
        (RowConvolution, "bias"),
        (Upsampling, "weight"),
        (Upsampling, "bias"),
        (Downsampling, "weight"),
        (CrossLayerAttention, "weight"),
        (CrossLayerAttention, "attention_weight"),
        (torch.nn.LayerNorm, "weight"),
        (torch.nn.LayerNorm, "bias"),
        (GroupNorm, "weight"),
        (ChannelAffine, "weight"),
        (ResidualPath, "scale"),
        (ComplexConvolution, "weight"),
        (ComplexConvolution, "bias"),
        (TridentHead, "level_scale"),
    } <= seen


def test_without_gradients_a_step_shrinks_what_decays_and_leaves_the_rest():
    layer = torch.nn.Conv1d(2, 2, 3)
    before = {name: value.clone() for name, value in layer.named_parameters()}
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer(layer, learning_rate=0.1, weight_decay=0.5).step()
    torch.testing.assert_close(layer.weight.detach(), before["weight"] * (1 - 0.1 * 0.5))
    assert torch.equal(layer.bias, before["bias"])
