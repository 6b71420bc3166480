from collections.abc import Callable, Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.decoders.heads import ClassHead, OutputLayer, Strip
from untrimmed.models.predictions import Points

PointsOf = Callable[..., Points]
Randomised = Callable[..., nn.Module]

LENGTHS, STEPS, LEVELS = (13, 6, 1), 15, 4


@pytest.fixture
def pyramid(points_of: PointsOf) -> tuple[Points, list[Tensor]]:
    """Points, and levels (B, T, 5) that are zero behind each sequence."""
    torch.manual_seed(0)
    points = points_of(LENGTHS, STEPS, LEVELS)
    return points, [padding.zero(torch.randn(len(LENGTHS), 5, padding.steps)).mT for padding in points.paddings]


def level_by_level(head: nn.Module, points: Points, levels: Sequence[Tensor], gap: int) -> Tensor:
    """(B, outputs, N): each level alone through the head."""
    alone = []
    for level, padding in zip(levels, points.paddings, strict=True):
        strip = Strip(Points((padding,)), gap)
        alone.append(head(strip.lay([level]), strip))
    return torch.cat(alone, dim=-1)


def test_a_strip_has_zeros_between_levels_and_none_at_its_ends(points_of: PointsOf) -> None:
    strip = Strip(points_of([3], 3, 2), gap=2)
    levels = [torch.tensor([[[1.0], [2.0], [3.0]]]), torch.tensor([[[4.0], [5.0]]])]
    assert strip.lay(levels).flatten().tolist() == [1, 2, 3, 0, 0, 4, 5]


def test_a_strip_holds_the_sequences_of_a_level_after_each_other_without_their_padding(
    points_of: PointsOf,
) -> None:
    strip = Strip(points_of([3, 1], 3, 2), gap=1)
    first = torch.tensor([[[1.0], [2.0], [3.0]], [[4.0], [-1.0], [-1.0]]])
    second = torch.tensor([[[5.0], [6.0]], [[7.0], [-1.0]]])
    assert strip.lay([first, second]).flatten().tolist() == [1, 2, 3, 0, 4, 0, 5, 6, 0, 7]


@pytest.mark.parametrize("gap", [0, 1, 3])
def test_taking_gives_back_what_was_laid(gap: int, pyramid: tuple[Points, list[Tensor]]) -> None:
    points, levels = pyramid
    strip = Strip(points, gap)
    assert torch.equal(strip.take(strip.lay(levels)), torch.cat(levels, dim=1).mT)


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_a_class_head_over_the_strip_is_the_head_over_each_level(
    kernel_size: int, pyramid: tuple[Points, list[Tensor]], randomised: Randomised
) -> None:
    points, levels = pyramid
    gap = kernel_size // 2
    head = randomised(ClassHead(5, 3, channels=6, kernel_size=kernel_size, layers=3))
    strip = Strip(points, gap)
    together = head(strip.lay(levels), strip)
    assert together.shape == (3, 3, len(points))
    assert_close(together, level_by_level(head, points, levels, gap))


@pytest.mark.parametrize("layers", [2, 3, 4])
def test_a_class_head_is_that_many_plain_convolutions(
    layers: int, points_of: PointsOf, randomised: Randomised
) -> None:
    head = randomised(ClassHead(5, 2, channels=6, kernel_size=3, layers=layers))
    x = expected = torch.randn(1, 5, 9)
    assert len(head.trunk.convolutions) == layers - 1
    for convolution, norm in zip(head.trunk.convolutions, head.trunk.norms, strict=True):
        expected = F.relu(norm(F.conv1d(expected, convolution.weight.permute(2, 1, 0), padding=1).mT).mT)
    last = head.output.convolution
    expected = F.conv1d(expected, last.weight.permute(2, 1, 0), last.bias, padding=1)
    assert_close(head(x[0].t(), Strip(points_of([9], 9, 1), 1)), expected)


@pytest.mark.parametrize("prior", [0.01, 0.5, 0.9])
def test_every_class_starts_at_its_prior_probability(prior: float, points_of: PointsOf) -> None:
    layer = OutputLayer(4, 3, 3, prior=prior)
    logits = layer(torch.zeros(5, 4), Strip(points_of([5], 5, 1), 1))
    assert_close(torch.sigmoid(logits), torch.full((1, 3, 5), prior))
