import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from untrimmed.config.model import ModelSection
from untrimmed.models.build import build_detector
from untrimmed.models.encoders.mamba import MambaEncoder, SelectiveRecurrence, bias_of_steps
from untrimmed.models.encoders.state_space import StateSpaceBlock
from untrimmed.models.sequences import Padding

Array = NDArray[np.float64]


def array(tensor: Tensor) -> Array:
    return tensor.detach().double().numpy()


def silu(x: Array) -> Array:
    return x / (1 + np.exp(-x))


def slow_direction(x: Array, gate: Array, block: StateSpaceBlock) -> Array:
    """Convolution, scan and gate of one sequence, (E, T) to the same, by loops over all there is."""
    recurrence: SelectiveRecurrence = block.mixer.recurrence
    weight, bias = array(block.mixer.convolution.weight), array(block.mixer.convolution.bias)
    rank, states, _ = recurrence.sizes
    rates = -np.exp(array(recurrence.log_rate))
    channels, steps = x.shape
    y, h = np.zeros_like(x), np.zeros((channels, states))
    for t in range(steps):
        taps = weight.shape[1]
        seen = [weight[:, j] * x[:, t - taps + 1 + j] for j in range(taps) if t - taps + 1 + j >= 0]
        c = silu(bias + sum(seen))
        selected = array(recurrence.select.weight) @ c
        steps_in = array(recurrence.step.weight) @ selected[:rank] + array(recurrence.step.bias)
        delta = np.log1p(np.exp(steps_in))
        inward, outward = selected[rank : rank + states], selected[rank + states :]
        for e in range(channels):
            for n in range(states):
                h[e, n] = math.exp(delta[e] * rates[e, n]) * h[e, n] + delta[e] * inward[n] * c[e]
            y[e, t] = sum(outward * h[e]) + array(recurrence.skip)[e] * c[e]
    return y * silu(gate)


def slow_block(x: Array, block: StateSpaceBlock) -> Array:
    """A block of one sequence, (C, T) to the same."""
    centred = x - x.mean(0)
    u = centred / np.sqrt((centred**2).mean(0) + 1e-5)
    u = u * array(block.norm.weight)[:, None] + array(block.norm.bias)[:, None]
    x_f, z_f, x_b, z_b = np.split(array(block.mixer.project_in.weight) @ u, 4)
    forwards = slow_direction(x_f, z_f, block)
    backwards = slow_direction(x_b[:, ::-1], z_b[:, ::-1], block)[:, ::-1]
    mixed = array(block.mixer.project_out.weight) @ np.concatenate([forwards, backwards])
    return x + array(block.path.scale)[:, None] * mixed


@pytest.fixture(scope="module")
def block(randomised: Callable[..., nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    recurrence = SelectiveRecurrence(18, 3)
    made = StateSpaceBlock(18, recurrence, window=4, drop_path=0.3, layer_scale=1.0)
    return randomised(made, size=0.3)


@pytest.mark.parametrize("steps", [1, 3, 12])
def test_a_block_is_what_the_formulas_say(steps: int, block: nn.Module) -> None:
    x = torch.randn(2, 18, steps)
    y = array(block(x, Padding.of(x, None)))
    for row, sequence in zip(y, array(x), strict=True):
        np.testing.assert_allclose(row, slow_block(sequence, block), atol=2e-5)


def test_the_recurrence_has_the_right_gradient(check_gradients: Callable[..., None]) -> None:
    torch.manual_seed(0)
    check_gradients(SelectiveRecurrence(3, 2), [torch.randn(2, 5, 3)])


def test_a_level_is_the_pooled_output_of_the_block_below(randomised: Callable[..., nn.Module]) -> None:
    encoder = randomised(MambaEncoder(8, 2, stem_blocks=1, states=2))
    x = torch.randn(1, 8, 5)
    pyramid = encoder(x)
    blocks = Padding.of(x, None)
    mixed = encoder.branch[0](pyramid.levels[0], blocks)
    expected = [mixed[..., :2].amax(-1), mixed[..., 1:4].amax(-1), mixed[..., 3:].amax(-1)]
    assert torch.equal(pyramid.levels[1], torch.stack(expected, -1))


def test_it_starts_as_mamba_does() -> None:
    recurrence = SelectiveRecurrence(40, 5)
    assert recurrence.step.weight.shape == (40, 3)
    assert recurrence.step.weight.abs().max() <= 3**-0.5
    torch.testing.assert_close(-recurrence.log_rate.exp(), -torch.arange(1.0, 6).repeat(40, 1))
    assert (recurrence.skip == 1).all()


def test_the_first_steps_are_between_a_thousandth_and_a_tenth() -> None:
    steps = nn.functional.softplus(bias_of_steps(2000))
    assert 0.00099 < steps.min() < 0.0012
    assert 0.09 < steps.max() < 0.101
    # Even in their logarithms: the middle one is a hundredth.
    assert 0.008 < steps.median() < 0.0125


@pytest.mark.parametrize(("dimension", "expected"), [(2048, 18_571_292), (3200, 20_340_764)])
def test_the_network_has_as_many_parameters_as_the_released_one(dimension: int, expected: int) -> None:
    model = ModelSection.model_validate({"encoder": {"kind": "mamba"}, "decoder": {"kind": "convolutional"}})
    with torch.device("meta"):
        detector = build_detector(model, input_dim=dimension, classes=20)
    assert sum(parameter.numel() for parameter in detector.parameters()) == expected


def test_every_key_of_the_section_arrives() -> None:
    keys = {"stem_blocks": 1, "states": 5, "window": 3, "drop_path": 0.2, "layer_scale": 0.5}
    model = ModelSection.model_validate({"channels": 32, "levels": 3, "encoder": {"kind": "mamba", **keys}})
    encoder = build_detector(model, input_dim=4, classes=2).encoder
    block = encoder.branch[1]
    assert (len(encoder.stem), len(encoder.branch)) == (1, 2)
    assert block.mixer.recurrence.log_rate.shape == (32, 5)
    assert block.mixer.convolution.weight.shape == (32, 3)
    assert block.path.drop == 0.2
    assert (block.path.scale == 0.5).all()
