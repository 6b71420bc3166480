from collections.abc import Callable
from decimal import Decimal, localcontext

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.decoders.cltdr import (
    CLTDRDecoder,
    CrossLayerAttention,
    CrossLayerSum,
    Downsampling,
    RefinedRegression,
    RefineHead,
    Upsampling,
    geometric_mean_logits,
)
from untrimmed.models.decoders.heads import Strip
from untrimmed.models.predictions import DirectRegression, Places, Points, Predictions
from untrimmed.models.sequences import Padding, Pyramid, half

Randomised = Callable[..., nn.Module]
Padded = Callable[..., Tensor]
PointsOf = Callable[..., Points]


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
        with_ends(padded(levels, target.steps).mT), with_ends(padded(neighbours, source.steps).mT), target
    )
    for row, level, neighbour, length in zip(out, levels, neighbours, target.lengths, strict=True):
        resampled = reference(layer.resampling, neighbour.t()[None])[0, :length]
        assert_close(row[:length], attention_by_hand(layer, level.t(), resampled))
        assert not row[length:].any()


@pytest.mark.parametrize("resampling", [Upsampling, Downsampling])
def test_a_level_without_that_neighbour_stays_as_it_is(resampling: type) -> None:
    level = torch.randn(2, 5, 3)
    assert torch.equal(CrossLayerAttention(3, resampling(3))(with_ends(level), None, whole(5, batch=2)), level)


@pytest.mark.parametrize("resampling", [Upsampling, Downsampling])
def test_the_attention_has_the_right_gradient(resampling: type, check_gradients: Callable[..., None]) -> None:
    torch.manual_seed(0)
    padding = Padding((5, 3), 5, torch.device("cpu"))
    source = padding.halved() if resampling is Upsampling else Padding((9, 6), 9, torch.device("cpu"))
    level, neighbour = padding.zero(torch.randn(2, 2, 5)).mT, source.zero(torch.randn(2, 2, source.steps)).mT
    check_gradients(CrossLayerAttention(2, resampling(2)), [with_ends(level), with_ends(neighbour)], padding)


def test_the_cross_layer_sum_is_equation_9_with_the_neighbours_that_there_are(randomised: Randomised) -> None:
    layer = randomised(CrossLayerSum(3))
    padding = whole(5)
    plain = torch.randn(1, 5, 3)
    level, below, above = with_ends(plain), with_ends(torch.randn(1, 10, 3)), with_ends(torch.randn(1, 3, 3))
    up, down = layer.up(above, padding), layer.down(below, padding)
    assert_close(layer(level, below, above, padding), down + plain + up)
    assert_close(layer(level, None, above, padding), plain + up)
    assert_close(layer(level, below, None, padding), down + plain)
    assert torch.equal(layer(level, None, None, padding), plain)


LOGITS = [-1000.0, -100.0, -40.0, -15.0, -4.0, -0.5, 0.0, 0.3, 2.0, 15.0, 40.0, 100.0, 1000.0]


def exact_geometric_mean(first: float, second: float) -> tuple[float, float, float]:
    """The logit of sqrt(p q) and its derivatives, in so many decimals that 1 - sigmoid(1000) has some."""
    with localcontext() as context:
        context.prec = 470
        p, q = (1 / (1 + (-Decimal(logit)).exp()) for logit in (first, second))
        mean = (p * q).sqrt()
        odds, by_first, by_second = mean / (1 - mean), (1 - p) / (1 - mean) / 2, (1 - q) / (1 - mean) / 2
        context.prec = 20
        return float(odds.ln()), float(by_first), float(by_second)


@pytest.mark.parametrize("first", LOGITS)
def test_the_geometric_mean_of_probabilities_is_exact_for_logits_of_any_size(first: float) -> None:
    a = torch.full((len(LOGITS),), first, requires_grad=True)
    b = torch.tensor(LOGITS, requires_grad=True)
    mean = geometric_mean_logits(a, b)
    mean.sum().backward()
    exact = torch.tensor([exact_geometric_mean(first, second) for second in LOGITS])
    assert_close(mean.detach(), exact[:, 0], rtol=1e-6, atol=1e-6)
    assert_close(a.grad, exact[:, 1], rtol=1e-5, atol=1e-7)
    assert_close(b.grad, exact[:, 2], rtol=1e-5, atol=1e-7)


def test_the_geometric_mean_of_moderate_logits_is_what_equation_10_says() -> None:
    a, b = torch.empty(2, 500).uniform_(-8, 8)
    p, q = torch.sigmoid(a.double()), torch.sigmoid(b.double())
    assert_close(torch.sigmoid(geometric_mean_logits(a, b).double()), (p * q).sqrt(), rtol=1e-5, atol=1e-7)


def test_the_geometric_mean_of_a_probability_with_itself_is_that_probability() -> None:
    x = torch.tensor(LOGITS)
    assert_close(geometric_mean_logits(x, x), x)


def test_the_geometric_mean_has_the_right_gradient(in_float64: None) -> None:
    a, b = torch.tensor(LOGITS[2:-2]).double(), torch.linspace(-20, 20, len(LOGITS) - 4).double()
    assert torch.autograd.gradcheck(geometric_mean_logits, (a.requires_grad_(), b.requires_grad_()))


def test_a_positive_offset_moves_a_boundary_later() -> None:
    coarse = DirectRegression(torch.tensor([[[2.0, 4.0], [3.0, 5.0]]]))  # point 1: from 4 before to 5 after
    offsets = torch.tensor([[[0.0, 0.5], [0.0, 0.25]]])
    places = Places(torch.tensor([0, 0]), torch.tensor([1, 0]), torch.tensor([0, 0]))
    refined = RefinedRegression(coarse, offsets).distances(places)
    # Eq. 11-12: the start from -4 to -3.5, the end from 5 to 5.25; at point 0 nothing moves.
    assert refined.tolist() == [[3.5, 5.25], [2, 3]]


def test_a_refined_segment_may_lie_beside_its_point() -> None:
    coarse = DirectRegression(torch.tensor([[[1.0], [1.0]]]))
    places = Places(torch.tensor([0]), torch.tensor([0]), torch.tensor([0]))
    refined = RefinedRegression(coarse, torch.tensor([[[-3.0], [-2.0]]])).distances(places)
    assert refined.tolist() == [[4, -1]]


def test_the_refine_head_is_one_trunk_with_two_outputs(points_of: PointsOf, randomised: Randomised) -> None:
    head = randomised(RefineHead(4, 3, channels=5, kernel_size=3, layers=3))
    strip = Strip(points_of([6], 6, 2), 1)
    x = strip.lay([torch.randn(1, 6, 4), torch.randn(1, 3, 4)])
    logits, offsets = head(x, strip)
    hidden = head.trunk(x, strip.rows)
    assert_close(logits, head.class_output(hidden, strip))
    assert_close(offsets, head.offset_output(hidden, strip))
    assert logits.shape == (1, 3, 9)
    assert offsets.shape == (1, 2, 9)


LEVELS = 4


@pytest.fixture(scope="module", params=[1, 3, 5])
def decoded(request: pytest.FixtureRequest, randomised: Randomised) -> tuple[list[Tensor], Predictions]:
    """The levels of a pyramid, ready to be differentiated for, and what is decoded from them."""
    torch.manual_seed(0)
    decoder = randomised(CLTDRDecoder(8, 2, LEVELS, head_channels=8, bins=3, kernel_size=request.param))
    paddings = [whole(16)]
    while len(paddings) < LEVELS:
        paddings.append(paddings[-1].halved())
    levels = [torch.randn(1, 8, padding.steps, requires_grad=True) for padding in paddings]
    return levels, decoder(Pyramid(tuple(levels), tuple(paddings)))


def seen_levels(decoded: tuple[list[Tensor], Predictions], part: str, level: int) -> set[int]:
    """The levels of the pyramid that a part of the predictions of a level depends on."""
    levels, predictions = decoded
    assert predictions.coarse is not None
    points = torch.nonzero(predictions.points.level == level)[:, 0]
    places = Places(torch.zeros_like(points), points, torch.zeros_like(points))
    values = {
        "coarse classes": lambda: predictions.coarse.class_logits[..., points],
        "coarse boundaries": lambda: predictions.coarse.regression.distances(places),
        "refinement": lambda: predictions.regression.offsets[..., points],
        "refined classes": lambda: predictions.class_logits[..., points],
        "refined boundaries": lambda: predictions.regression.distances(places),
    }[part]()
    gradients = torch.autograd.grad(
        (values * torch.linspace(1, 2, values.numel()).view_as(values)).sum(),
        levels,
        retain_graph=True,
        allow_unused=True,
    )
    return {i for i, gradient in enumerate(gradients) if gradient is not None and gradient.abs().max() > 0}


@pytest.mark.parametrize("level", range(LEVELS))
@pytest.mark.parametrize(
    ("part", "reach"),
    [
        ("coarse classes", (0, 1)),
        ("coarse boundaries", (-1, 0)),
        ("refinement", (-1, 0, 1)),
        ("refined classes", (-1, 0, 1)),
        ("refined boundaries", (-1, 0, 1)),
    ],
)
def test_classes_look_up_boundaries_look_down_and_refinement_both_ways(
    decoded: tuple[list[Tensor], Predictions], part: str, reach: tuple[int, ...], level: int
) -> None:
    expected = {level + step for step in reach} & set(range(LEVELS))
    assert seen_levels(decoded, part, level) == expected


def test_refined_logits_are_the_geometric_mean_of_two_heads(randomised: Randomised) -> None:
    decoder = randomised(CLTDRDecoder(8, 2, 1, head_channels=8, bins=3))
    x = torch.randn(1, 8, 7)
    predictions = decoder(Pyramid((x,), (whole(7),)))
    strip = Strip(predictions.points, 1)
    normal = decoder.norms[0](x[0].t())
    # A pyramid of one level has no neighbours, so that every head is given the level itself.
    coarse = decoder.class_head(normal, strip)
    other, offsets = decoder.refine_head(normal, strip)
    assert_close(predictions.coarse.class_logits, coarse)
    assert_close(predictions.class_logits, geometric_mean_logits(coarse, other))
    assert_close(predictions.regression.offsets, offsets)
