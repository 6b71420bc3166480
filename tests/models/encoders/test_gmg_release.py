"""The release's encoder against its formulas, a step and a frequency after the other."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from untrimmed.models.encoders.gmg_release import THRESHOLD, GMGReleaseBlock, GMGReleaseEncoder
from untrimmed.models.layers import ResidualPath
from untrimmed.models.sequences import ReleasePadding

Randomised = Callable[..., nn.Module]
Array = NDArray[np.float64]


def numbers(tensor: Tensor) -> Array:
    return tensor.detach().double().numpy()


def slow_filter(x: Array, block: GMGReleaseBlock) -> Array:
    """(C, T) to the same: the orthonormal transform, times Sh(c2 crelu(c1 X + q1) + q2), and back."""
    channels, steps = x.shape
    w1, w2 = (numbers(layer.weight)[..., 0] for layer in (block.whole.first, block.whole.second))
    b1, b2 = (numbers(layer.bias) for layer in (block.whole.first, block.whole.second))
    out = np.zeros_like(x)
    for c in range(channels):
        for f in range(steps // 2 + 1):
            turn = [2 * math.pi * f * t / steps for t in range(steps)]
            real = sum(x[c, t] * math.cos(turn[t]) for t in range(steps)) / math.sqrt(steps)
            imaginary = -sum(x[c, t] * math.sin(turn[t]) for t in range(steps)) / math.sqrt(steps)
            value = complex(w1[0, c], w1[1, c]) * complex(real, imaginary) + complex(b1[0, c], b1[1, c])
            value = complex(max(value.real, 0), max(value.imag, 0))
            value = complex(w2[0, c], w2[1, c]) * value + complex(b2[0, c], b2[1, c])
            parts = [math.copysign(max(abs(part) - THRESHOLD, 0), part) for part in (value.real, value.imag)]
            product = complex(*parts) * complex(real, imaginary)
            # Every other frequency stands for its mirror image too; those without one are real.
            alone = f == 0 or 2 * f == steps
            for t in range(steps):
                term = product.real * math.cos(turn[t]) - (0 if alone else product.imag * math.sin(turn[t]))
                out[c, t] += (1 if alone else 2) * term / math.sqrt(steps)
    return out


def normal(x: Array, weight: Tensor, bias: Tensor) -> Array:
    """Layer normalisation over the channels of (C, T)."""
    x = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)
    return x * numbers(weight)[:, None] + numbers(bias)[:, None]


def grouped(x: Array, groups: int, weight: Tensor, bias: Tensor) -> Array:
    """Group normalisation of (C, T)."""
    parts = [(part - part.mean()) / np.sqrt(part.var() + 1e-5) for part in np.split(x, groups)]
    return np.concatenate(parts) * numbers(weight)[:, None] + numbers(bias)[:, None]


def slow_block(x: Array, block: GMGReleaseBlock, length: int) -> Array:
    """(C, T) to the same; what a branch is added to is masked behind `length`, and nothing else is."""
    o = normal(x, block.norm.weight, block.norm.bias)
    g = slow_filter(o, block)
    kernel = numbers(block.local.weight)
    reach = kernel.shape[1] // 2
    local = np.zeros_like(o) + numbers(block.local.bias)[:, None]
    for t in range(o.shape[1]):
        for j in range(-reach, reach + 1):
            if 0 <= t + j < o.shape[1]:
                local[:, t] += kernel[:, j + reach] * o[:, t + j]
    local = local * g
    instant = (numbers(block.instant.weight)[:, None] * o + numbers(block.instant.bias)[:, None]) * local
    mixed = instant + local + g + o
    scaled = isinstance(block.mix_path, ResidualPath)
    y = x * (np.arange(x.shape[1]) < length)
    y = y + (numbers(block.mix_path.scale)[:, None] if scaled else 1) * mixed
    network = block.feed_forward
    hidden = numbers(network.widen.weight) @ grouped(y, 16, block.group_norm.weight, block.group_norm.bias)
    hidden = hidden + numbers(network.widen.bias)[:, None]
    hidden = hidden * 0.5 * (1 + np.vectorize(math.erf)(hidden / math.sqrt(2)))
    added = numbers(network.narrow.weight) @ hidden + numbers(network.narrow.bias)[:, None]
    return y + (numbers(block.feed_forward_path.scale)[:, None] if scaled else 1) * added


def slow_pool(x: Array) -> Array:
    return np.stack([x[:, max(t - 1, 0) : t + 2].max(1) for t in range(0, x.shape[1], 2)], axis=1)


@pytest.fixture
def encoder(randomised: Randomised) -> GMGReleaseEncoder:
    return randomised(GMGReleaseEncoder(32, 3, stem_blocks=2, hidden=8, kernel_size=3, layer_scale=0.5), size=0.3)


@pytest.mark.parametrize(("length", "steps"), [(8, 8), (5, 8)])
@torch.no_grad()
def test_the_levels_are_those_of_the_formulas(length: int, steps: int, encoder: GMGReleaseEncoder) -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 32, steps)
    pyramid = encoder(x, ReleasePadding((length,), steps, torch.device("cpu")))
    level = numbers(x[0])
    for block in encoder.stem:
        level = slow_block(level, block, length)
    np.testing.assert_allclose(pyramid.levels[0][0], level, atol=1e-4)
    for found, block in zip(pyramid.levels[1:], encoder.branch, strict=True):
        length = (length + 1) // 2
        level = slow_block(slow_pool(level), block, length)
        np.testing.assert_allclose(found[0], level, atol=1e-4)


@torch.no_grad()
def test_without_padding_that_takes_part_a_sequence_is_computed_alone(encoder: GMGReleaseEncoder) -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 32, 5)
    pyramid = encoder(nn.functional.pad(x, (0, 3)), [5])
    level = numbers(x[0])
    for block in encoder.stem:
        level = slow_block(level, block, 5)
    np.testing.assert_allclose(pyramid.levels[0][0, :, :5], level, atol=1e-4)
    assert not pyramid.levels[0][0, :, 5:].any()


def test_only_the_blocks_above_the_stem_have_scales_and_see_neighbours() -> None:
    encoder = GMGReleaseEncoder(16, 3, stem_blocks=1, hidden=8, kernel_size=5)
    assert not [name for name, _ in encoder.stem.named_parameters() if "path" in name]
    assert [block.local.weight.shape[1] for block in (*encoder.stem, *encoder.branch)] == [1, 5, 5]
    for block in encoder.branch:
        assert torch.equal(block.mix_path.scale, torch.full((16,), 1e-4))
        assert block.feed_forward_path.drop == 0.1


def test_the_standard_deviation_of_the_first_weights_can_be_set() -> None:
    torch.manual_seed(0)
    encoder = GMGReleaseEncoder(512, 6, hidden=8, kernel_size=3, initial_std=0.2)
    blocks = [*encoder.stem, *encoder.branch]
    for weights in ([block.instant.weight for block in blocks], [block.local.weight for block in blocks]):
        assert torch.cat([weight.flatten() for weight in weights]).std().item() == pytest.approx(0.2, rel=0.05)
