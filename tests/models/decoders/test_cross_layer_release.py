from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.decoders.cross_layer_release import DenseAttention, DenseSum, downsampling, upsampling
from untrimmed.models.sequences import Padding, ReleasePadding

Randomised = Callable[..., nn.Module]
Padded = Callable[..., Tensor]

CHANNELS = 3


def slow_up(convolution: nn.ConvTranspose1d, x: Tensor) -> Tensor:
    """(T, C) to (2 T, C): y[2 t + j - 1] += W_j x[t]."""
    y = convolution.bias.repeat(2 * len(x), 1)
    for t in range(len(x)):
        for j in range(3):
            if 0 <= 2 * t + j - 1 < len(y):
                y[2 * t + j - 1] += x[t] @ convolution.weight[:, :, j]
    return y


def slow_down(convolution: nn.Conv1d, x: Tensor) -> Tensor:
    """(T, C) to (ceil(T / 2), C): y[t] = sum of W_j x[2 t + j - 1]."""
    y = convolution.bias.repeat((len(x) + 1) // 2, 1)
    for t in range(len(y)):
        for j in range(3):
            if 0 <= 2 * t + j - 1 < len(x):
                y[t] += convolution.weight[:, :, j] @ x[2 * t + j - 1]
    return y


def slow_attention(layer: DenseAttention, level: Tensor, v: Tensor) -> Tensor:
    """P + sigmoid(W_a mean(relu(v + W_l P + b_l)) + b_a) v, of (T, C) each."""
    both = torch.stack(
        [torch.relu(v[t] + layer.own.weight @ level[t] + layer.own.bias) for t in range(len(level))]
    )
    weights = torch.sigmoid(layer.attention.weight @ both.mean(0) + layer.attention.bias)
    return level + weights * v


@pytest.fixture
def paddings() -> list[Padding]:
    """Of four levels."""
    found = [Padding((11, 16, 5), 16, torch.device("cpu"))]
    while len(found) < 4:
        found.append(found[-1].halved())
    return found


@pytest.fixture
def levels(paddings: list[Padding], padded: Padded) -> list[Tensor]:
    """Four levels (B, T_l, C), zero behind each sequence."""
    torch.manual_seed(0)
    return [
        padded([torch.randn(CHANNELS, length) for length in padding.lengths], padding.steps).mT
        for padding in paddings
    ]


def sequences_of(levels: list[Tensor], paddings: list[Padding], row: int) -> list[Tensor]:
    return [level[row, : padding.lengths[row]] for level, padding in zip(levels, paddings, strict=True)]


@pytest.mark.parametrize("upwards", [True, False], ids=["from above", "from below"])
@torch.no_grad()
def test_levels_are_joined_with_a_neighbour_as_the_release_says(
    upwards: bool, levels: list[Tensor], paddings: list[Padding], randomised: Randomised
) -> None:
    resampling = upsampling(CHANNELS) if upwards else downsampling(CHANNELS)
    layer = randomised(DenseAttention(CHANNELS, resampling), size=0.5)
    neighbours = [*levels[1:], None] if upwards else [None, *levels[:-1]]
    out = layer(levels, neighbours, paddings)
    slow = slow_up if upwards else slow_down
    for row in range(3):
        alone = sequences_of(levels, paddings, row)
        others = [*alone[1:], None] if upwards else [None, *alone[:-1]]
        for found, level, other in zip(sequences_of(out, paddings, row), alone, others, strict=True):
            v = None if other is None else slow(resampling, other)[: len(level)]
            assert_close(found, level if v is None else slow_attention(layer, level, v))


@torch.no_grad()
def test_levels_are_summed_with_the_neighbours_that_there_are(
    levels: list[Tensor], paddings: list[Padding], randomised: Randomised
) -> None:
    layer = randomised(DenseSum(CHANNELS), size=0.5)
    out = layer([None, *levels[:-1]], levels, [*levels[1:], None], paddings)
    for row in range(3):
        alone = sequences_of(levels, paddings, row)
        for i, found in enumerate(sequences_of(out, paddings, row)):
            expected = alone[i]
            if i < 3:
                expected = expected + slow_up(layer.up, alone[i + 1])[: len(expected)]
            if i > 0:
                expected = expected + slow_down(layer.down, alone[i - 1])
            assert_close(found, expected)


@torch.no_grad()
def test_padding_that_takes_part_is_joined_and_averaged_too(randomised: Randomised) -> None:
    layer = randomised(DenseAttention(CHANNELS, upsampling(CHANNELS)), size=0.5)
    level, above = torch.randn(1, 8, CHANNELS), torch.randn(1, 4, CHANNELS)
    found = layer([level], [above], [ReleasePadding((3,), 8, torch.device("cpu"))])[0]
    assert_close(found[0], slow_attention(layer, level[0], slow_up(layer.resampling, above[0])))


def test_biases_start_as_those_of_pytorch_do() -> None:
    layer = DenseSum(CHANNELS)
    assert layer.up.bias.abs().min() > 0
    assert layer.down.bias.abs().min() > 0
