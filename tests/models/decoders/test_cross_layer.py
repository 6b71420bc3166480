from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.decoders.cross_layer import (
    AttentionToBoth,
    CrossLayerAttention,
    CrossLayerConcatenation,
    CrossLayerSum,
    Downsampling,
    OwnLevel,
    Upsampling,
)
from untrimmed.models.sequences import Padding, half

Randomised = Callable[..., nn.Module]
Padded = Callable[..., Tensor]


def whole(steps: int, batch: int = 1) -> Padding:
    return Padding((steps,) * batch, steps, torch.device("cpu"))


def with_ends(x: Tensor) -> Tensor:
    """(B, T, C) with the step of zeros at each end that cross-layer modules are given."""
    return F.pad(x, (0, 0, 1, 1))


def upsampled(layer: Upsampling, x: Tensor) -> Tensor:
    """PyTorch's transposed convolution of x (B, T, C), uncut."""
    weight = layer.weight.t()[:, None]
    return F.conv_transpose1d(
        x.mT, weight, layer.bias, stride=2, padding=1, output_padding=1, groups=x.shape[2]
    ).mT


def downsampled(layer: Downsampling, x: Tensor) -> Tensor:
    """PyTorch's convolution of x (B, T, C)."""
    weight = layer.weight.t()[:, None]
    return F.conv1d(x.mT, weight, layer.bias, stride=2, padding=1, groups=x.shape[2]).mT


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 10])
def test_upsampling_is_the_transposed_convolution_cut_to_the_level_below(
    steps: int, randomised: Randomised
) -> None:
    layer = randomised(Upsampling(4))
    x = torch.randn(2, half(steps), 4)
    assert_close(layer(with_ends(x), whole(steps, batch=2)), upsampled(layer, x)[:, :steps])


def test_upsampling_by_hand() -> None:
    layer = Upsampling(1)
    layer.weight.data = torch.tensor([[1.0], [10.0], [100.0]])
    layer.bias.data.fill_(0.5)
    # Even steps: the middle weight. Odd steps: the last weight of the step before, the first of the one after.
    out = layer(with_ends(torch.tensor([[[2.0], [3.0]]])), whole(4))
    assert out.flatten().tolist() == [20.5, 203.5, 30.5, 300.5]


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 10])
def test_downsampling_is_the_convolution_of_stride_2(steps: int, randomised: Randomised) -> None:
    layer = randomised(Downsampling(4))
    x = torch.randn(2, steps, 4)
    expected = downsampled(layer, x)
    assert expected.shape[1] == half(steps)
    assert_close(layer(with_ends(x), whole(half(steps), batch=2)), expected)


@pytest.mark.parametrize("resampling", [Upsampling, Downsampling])
def test_each_sequence_is_resampled_as_if_alone(resampling: type, randomised: Randomised, padded: Padded) -> None:
    layer = randomised(resampling(3))
    below = Padding((1, 2, 5, 8), 9, torch.device("cpu"))
    above = below.halved()
    source, target = (above, below) if resampling is Upsampling else (below, above)
    sequences = [torch.randn(3, length) for length in source.lengths]
    out = layer(with_ends(padded(sequences, source.steps).mT), target)
    for row, x, length in zip(out, sequences, target.lengths, strict=True):
        assert_close(row[:length], layer(with_ends(x.t()[None]), whole(length))[0])
        assert not row[length:].any()


class FromAbove(nn.Module):
    """An attention without a level below, its tensors first."""

    def __init__(self, attention: CrossLayerAttention) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, level: Tensor, above: Tensor, padding: Padding) -> Tensor:
        return self.attention(None, level, above, padding)


def attention_by_hand(layer: CrossLayerAttention, level: Tensor, neighbour: Tensor) -> Tensor:
    """Eq. 5-6 or 7-8 for one sequence (T, C), with the neighbour already resampled."""
    weight = layer.weight.t()[:, None]
    refined = F.conv1d(level.t()[None], weight, layer.bias, padding=1, groups=len(weight))[0].t()
    pooled = torch.relu(neighbour + refined).mean(0)
    return level + neighbour * torch.sigmoid(layer.attention_weight * pooled + layer.attention_bias)


@pytest.mark.parametrize(
    ("resampling", "reference"),
    [(Upsampling, upsampled), (Downsampling, downsampled)],
    ids=["Eq. 5-6, from above", "Eq. 7-8, from below"],
)
def test_the_decoupled_modules_are_their_equations(
    resampling: type, reference: Callable[..., Tensor], randomised: Randomised, padded: Padded
) -> None:
    layer = randomised(CrossLayerAttention(3, resampling(3)), size=1.0)
    wide = Padding((1, 6, 9), 11, torch.device("cpu"))
    source, target = (wide.halved(), wide) if resampling is Upsampling else (wide, wide.halved())
    levels = [torch.randn(3, length) for length in target.lengths]
    neighbours = [torch.randn(3, length) for length in source.lengths]
    out = layer(
        None if resampling is Upsampling else with_ends(padded(neighbours, source.steps).mT),
        with_ends(padded(levels, target.steps).mT),
        with_ends(padded(neighbours, source.steps).mT) if resampling is Upsampling else None,
        target,
    )
    for row, level, neighbour, length in zip(out, levels, neighbours, target.lengths, strict=True):
        resampled = reference(layer.resampling, neighbour.t()[None])[0, :length]
        assert_close(row[:length], attention_by_hand(layer, level.t(), resampled))
        assert not row[length:].any()


@pytest.mark.parametrize("resampling", [Upsampling, Downsampling])
def test_a_level_without_that_neighbour_stays_as_it_is(resampling: type) -> None:
    level, other = torch.randn(2, 5, 3), torch.randn(2, 9, 3)
    below, above = (other, None) if resampling is Upsampling else (None, other)
    layer = CrossLayerAttention(3, resampling(3))
    assert torch.equal(layer(below, with_ends(level), above, whole(5, batch=2)), level)


@pytest.mark.parametrize("resampling", [Upsampling, Downsampling])
def test_the_attention_has_the_right_gradient(resampling: type, check_gradients: Callable[..., None]) -> None:
    torch.manual_seed(0)
    padding = Padding((5, 3), 5, torch.device("cpu"))
    source = padding.halved() if resampling is Upsampling else Padding((9, 6), 9, torch.device("cpu"))
    level, neighbour = padding.zero(torch.randn(2, 2, 5)).mT, source.zero(torch.randn(2, 2, source.steps)).mT
    level, neighbour = with_ends(level), with_ends(neighbour)
    layer = CrossLayerAttention(2, resampling(2))
    if resampling is Upsampling:
        check_gradients(FromAbove(layer), [level, neighbour], padding)
    else:
        check_gradients(layer, [neighbour, level], None, padding)


def test_the_cross_layer_sum_is_equation_9_with_the_neighbours_that_there_are(randomised: Randomised) -> None:
    layer = randomised(CrossLayerSum(3))
    padding = whole(5)
    plain = torch.randn(1, 5, 3)
    level, below, above = with_ends(plain), with_ends(torch.randn(1, 10, 3)), with_ends(torch.randn(1, 3, 3))
    up, down = layer.up(above, padding), layer.down(below, padding)
    assert_close(layer(below, level, above, padding), down + plain + up)
    assert_close(layer(None, level, above, padding), plain + up)
    assert_close(layer(below, level, None, padding), down + plain)
    assert torch.equal(layer(None, level, None, padding), plain)


@pytest.fixture
def neighbours(padded: Padded) -> tuple[Tensor, Tensor, Tensor, Padding]:
    """A level of three sequences with those below and above it, and its padding."""
    torch.manual_seed(0)
    below = Padding((2, 11, 17), 20, torch.device("cpu"))
    level = below.halved()
    tensors = [
        with_ends(padded([torch.randn(3, length) for length in padding.lengths], padding.steps).mT)
        for padding in (below, level, level.halved())
    ]
    return tensors[0], tensors[1], tensors[2], level


def alone(row: int, below: Tensor, level: Tensor, above: Tensor, padding: Padding) -> tuple[Tensor, ...]:
    """One sequence of a level with its neighbours, without padding but with ends."""
    length = padding.lengths[row]
    lengths = (2 * length, length, half(length))
    return tuple(
        with_ends(x[row : row + 1, 1 : 1 + steps])
        for x, steps in zip((below, level, above), lengths, strict=True)
    )


def test_attention_to_both_neighbours_adds_what_each_equation_adds(
    neighbours: tuple[Tensor, Tensor, Tensor, Padding], randomised: Randomised
) -> None:
    layer = randomised(AttentionToBoth(3), size=1.0)
    below, level, above, padding = neighbours
    out = layer(below, level, above, padding)
    for row, length in enumerate(padding.lengths):
        lower, own, upper = (x[0, 1:-1] for x in alone(row, *neighbours))
        down = downsampled(layer.below.resampling, lower[None])[0, :length]
        up = upsampled(layer.above.resampling, upper[None])[0, :length]
        from_below = attention_by_hand(layer.below, own, down) - own
        from_above = attention_by_hand(layer.above, own, up) - own
        assert_close(out[row, :length], own + from_below + from_above)
    assert_close(layer(below, level, None, padding), layer.below(below, level, None, padding))
    assert_close(layer(None, level, above, padding), layer.above(None, level, above, padding))
    assert torch.equal(layer(None, level, None, padding), level[:, 1:-1])


@pytest.mark.parametrize("uses_below", [True, False])
def test_addition_of_one_neighbour_sees_no_other(
    uses_below: bool, neighbours: tuple[Tensor, Tensor, Tensor, Padding], randomised: Randomised
) -> None:
    layer = randomised(CrossLayerSum(3, below=uses_below, above=not uses_below))
    below, level, above, padding = neighbours
    found = layer(below, level, above, padding)
    taken = layer.down(below, padding) if uses_below else layer.up(above, padding)
    assert_close(found, level[:, 1:-1] + taken)
    assert len(list(layer.parameters())) == 2
    without = layer(None, level, above, padding) if uses_below else layer(below, level, None, padding)
    assert torch.equal(without, level[:, 1:-1])


@pytest.mark.parametrize(("uses_below", "uses_above"), [(True, True), (True, False), (False, True)])
def test_concatenation_is_one_product_of_all_channels_with_zeros_for_what_is_not_there(
    uses_below: bool,
    uses_above: bool,
    neighbours: tuple[Tensor, Tensor, Tensor, Padding],
    randomised: Randomised,
) -> None:
    layer = randomised(CrossLayerConcatenation(3, below=uses_below, above=uses_above), size=1.0)
    below, level, above, padding = neighbours
    for lower, upper in ((below, above), (None, above), (below, None), (None, None)):
        parts = [level[:, 1:-1]]
        if uses_below:
            parts.append(torch.zeros_like(parts[0]) if lower is None else layer.down(lower, padding))
        if uses_above:
            parts.append(torch.zeros_like(parts[0]) if upper is None else layer.up(upper, padding))
        expected = torch.zeros_like(parts[0]) + layer.join.bias
        for part, weight in zip(parts, layer.join.weight.split(3, dim=1), strict=True):
            expected = expected + torch.einsum("btc,oc->bto", part, weight)
        assert_close(layer(lower, level, upper, padding), expected)


@pytest.mark.parametrize(
    "make",
    [
        lambda: OwnLevel(),
        lambda: CrossLayerAttention(3, Upsampling(3)),
        lambda: CrossLayerAttention(3, Downsampling(3)),
        lambda: AttentionToBoth(3),
        lambda: CrossLayerSum(3),
        lambda: CrossLayerConcatenation(3),
    ],
    ids=["own", "attention above", "attention below", "attention both", "addition", "concatenation"],
)
def test_each_sequence_is_joined_as_if_alone(
    make: Callable[[], nn.Module], neighbours: tuple[Tensor, Tensor, Tensor, Padding], randomised: Randomised
) -> None:
    layer = randomised(make(), size=1.0)
    out = layer(*neighbours)
    padding = neighbours[3]
    for row, length in enumerate(padding.lengths):
        assert_close(out[row, :length], layer(*alone(row, *neighbours), whole(length))[0])
