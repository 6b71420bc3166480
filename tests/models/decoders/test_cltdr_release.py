from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.decoders.cltdr_release import CLTDRReleaseDecoder, ReleaseRefineHead, StepwiseRegression
from untrimmed.models.decoders.heads import Strip
from untrimmed.models.predictions import DirectRegression, Places, Points, Predictions
from untrimmed.models.sequences import Padding, Pyramid

Randomised = Callable[..., nn.Module]
PointsOf = Callable[..., Points]

CHANNELS, CLASSES, LEVELS = 8, 2, 3


@pytest.fixture
def decoder(randomised: Randomised) -> CLTDRReleaseDecoder:
    return randomised(CLTDRReleaseDecoder(CHANNELS, CLASSES, LEVELS, head_channels=8, bins=3))


@pytest.fixture
def pyramid() -> Pyramid:
    """One sequence that fills its row, its levels ready to be differentiated for."""
    torch.manual_seed(0)
    paddings = [Padding((16,), 16, torch.device("cpu"))]
    while len(paddings) < LEVELS:
        paddings.append(paddings[-1].halved())
    levels = [torch.randn(1, CHANNELS, padding.steps, requires_grad=True) for padding in paddings]
    return Pyramid(tuple(levels), tuple(paddings))


def all_places(points: Points) -> Places:
    """Every point with every class, of one sequence."""
    point = torch.arange(len(points)).repeat_interleave(CLASSES)
    return Places(torch.zeros_like(point), point, torch.arange(CLASSES).repeat(len(points)))


def test_an_offset_of_a_class_moves_its_boundaries_by_steps_of_level_0(points_of: PointsOf) -> None:
    points = points_of([4], 4, 2)  # points 4 and 5 are those of level 1, at steps 0 and 2
    coarse = DirectRegression(torch.tensor([[[2.0] * 6, [3.0] * 6]]))
    start, end = torch.zeros(2, 1, CLASSES, 6)
    start[0, 1, 5], end[0, 1, 5] = 1.0, -0.5
    start[0, 0, 1], end[0, 0, 1] = 2.5, -4.0
    regression = StepwiseRegression(points, coarse, start, end)
    places = Places(torch.zeros(4, dtype=torch.long), torch.tensor([5, 5, 1, 4]), torch.tensor([1, 0, 0, 1]))
    # Point 5 from 2 - 4 + 1 = -1 to 2 + 6 - 0.5 = 7.5: 3 / 2 and 5.5 / 2 of its strides. The boundaries of
    # point 1 pass it, to 1.5 and 0.
    assert regression.distances(places).tolist() == [[1.5, 2.75], [2, 3], [0, 0], [2, 3]]


def test_a_boundary_that_has_reached_its_point_teaches_nothing(points_of: PointsOf) -> None:
    start, end = torch.tensor([[[9.0]]], requires_grad=True), torch.tensor([[[1.0]]], requires_grad=True)
    regression = StepwiseRegression(points_of([1], 1, 1), DirectRegression(torch.ones(1, 2, 1)), start, end)
    zero = torch.zeros(1, dtype=torch.long)
    regression.distances(Places(zero, zero, zero)).sum().backward()
    assert start.grad.item() == 0
    assert end.grad.item() == 1


def test_what_is_rounded_is_what_the_release_rounds(points_of: PointsOf) -> None:
    points = points_of([3000], 3000, 1)
    generator = torch.Generator().manual_seed(0)
    values = 16 * torch.rand(1, 2, 3000, generator=generator)
    start, end = torch.randn(2, 1, 1, 3000, generator=generator)
    regression = StepwiseRegression(points, DirectRegression(values), start, end)
    t = torch.arange(3000)
    found = regression.distances(Places(torch.zeros_like(t), t, torch.zeros_like(t)))
    start_at = (t.float() - values[0, 0]) + start[0, 0]
    end_at = (t.float() + values[0, 1]) + end[0, 0]
    assert torch.equal(found, torch.stack((t - start_at, end_at - t), dim=1).clamp(min=0))
    # Without the detour by way of positions, digits differ.
    assert not torch.equal(found[:, 0], (values[0, 0] - start[0, 0]).clamp(min=0))


def test_scores_are_products_of_logits_and_coarse_ones_are_kept(
    decoder: CLTDRReleaseDecoder, pyramid: Pyramid
) -> None:
    predictions = decoder(pyramid)
    levels = decoder.norms(pyramid)
    below, above = [None, *levels[:-1]], [*levels[1:], None]
    strip = Strip(predictions.points, 3)
    classes = strip.lay(decoder.classification_features(levels, above, pyramid.paddings))
    both = strip.lay(decoder.refinement_features(below, levels, above, pyramid.paddings))
    coarse = decoder.class_head(classes, strip)
    start, end, second = decoder.refine_head(both, strip)
    assert_close(predictions.coarse.class_logits, coarse)
    assert_close(predictions.class_logits, coarse * second)
    places = all_places(predictions.points)
    stride = predictions.points.stride[places.point]
    moved = torch.stack([offset[0, places.label, places.point] / stride for offset in (-start, end)], dim=1)
    expected = (predictions.coarse.regression.distances(places) + moved).clamp(min=0)
    assert_close(predictions.regression.distances(places), expected, atol=1e-5, rtol=1e-5)


def test_two_rejections_become_a_detection(decoder: CLTDRReleaseDecoder, pyramid: Pyramid) -> None:
    for output in (decoder.class_head.output, decoder.refine_head.class_output):
        nn.init.zeros_(output.convolution.weight)
        nn.init.constant_(output.convolution.bias, -4.0)
    assert torch.equal(decoder(pyramid).class_logits, torch.full((1, CLASSES, 28), 16.0))


def gradients(pyramid: Pyramid, values: Tensor) -> set[int]:
    """The levels of the pyramid that values depend on, as far as gradients flow."""
    found = torch.autograd.grad(values.square().sum(), pyramid.levels, allow_unused=True)
    return {i for i, gradient in enumerate(found) if gradient is not None and gradient.abs().max() > 0}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (lambda predictions: predictions.coarse.class_logits, {1, 2}),
        (lambda predictions: predictions.coarse.regression.start_bins, {0, 1}),
        (lambda predictions: predictions.regression.start_offsets, {0, 1, 2}),
        (lambda predictions: predictions.coarse.regression.start_logits, None),
        (lambda predictions: predictions.coarse.regression.end_logits, None),
    ],
    ids=["classes", "bins", "offsets", "starts", "ends"],
)
def test_classes_look_up_bins_look_down_and_boundaries_teach_no_level(
    part: Callable[[Predictions], Tensor],
    expected: set[int] | None,
    decoder: CLTDRReleaseDecoder,
    pyramid: Pyramid,
) -> None:
    values = part(decoder(pyramid))[..., 16:24]  # level 1
    if expected is None:
        assert values.requires_grad  # the heads themselves learn
    assert gradients(pyramid, values) == (expected or set())


def test_boundaries_are_looked_for_in_the_plain_levels(decoder: CLTDRReleaseDecoder, pyramid: Pyramid) -> None:
    predictions = decoder(pyramid)
    strip = Strip(predictions.points, 3)
    plain = strip.lay(decoder.norms(pyramid))
    assert_close(predictions.coarse.regression.start_logits, decoder.trident_head.start(plain, strip))
    assert_close(predictions.coarse.regression.end_logits, decoder.trident_head.end(plain, strip))


def test_the_refine_head_is_one_trunk_with_three_outputs(points_of: PointsOf, randomised: Randomised) -> None:
    head = randomised(ReleaseRefineHead(4, 3, channels=5, kernel_size=3, layers=3))
    strip = Strip(points_of([9], 9, 1), 3)
    x = torch.randn(9, 4)
    hidden = head.trunk(x, strip.rows)
    outputs = (head.start_output, head.end_output, head.class_output)
    for found, output, kernel_size in zip(head(x, strip), outputs, (7, 7, 3), strict=True):
        weight, bias = output.convolution.weight.permute(2, 1, 0), output.convolution.bias
        assert_close(found, nn.functional.conv1d(hidden.t()[None], weight, bias, padding=kernel_size // 2))
        assert weight.shape == (3, 5, kernel_size)
    fresh = ReleaseRefineHead(4, 3, channels=5, kernel_size=3, layers=3)
    assert not fresh.class_output.convolution.bias.any()
