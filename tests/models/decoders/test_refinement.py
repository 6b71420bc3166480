from collections.abc import Callable
from decimal import Decimal, localcontext

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from untrimmed.models.decoders.heads import Strip
from untrimmed.models.decoders.refinement import RefinedRegression, RefineHead, geometric_mean_logits
from untrimmed.models.predictions import DirectRegression, Places, Points

Randomised = Callable[..., nn.Module]
PointsOf = Callable[..., Points]

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
