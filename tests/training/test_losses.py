import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck
from torch.testing import assert_close

from untrimmed.training.losses import (
    diou_loss,
    focal_loss,
    giou_loss,
    iou_loss,
    released_varifocal_loss,
    smoothed,
    tiou,
    varifocal_loss,
)

DISTANCE_LOSSES = (iou_loss, giou_loss, diou_loss)
LOGITS = torch.tensor([-30.0, -4.0, -0.7, 0.0, 0.3, 2.0, 30.0], dtype=torch.float64)


def pair(start: float, end: float) -> Tensor:
    return torch.tensor([[start, end]], dtype=torch.float64)


# Class losses


def test_focal_loss_of_an_undecided_logit_is_known():
    # p = 1/2: alpha (1 - p)^2 ln 2 where present, (1 - alpha) p^2 ln 2 where absent.
    losses = focal_loss(torch.zeros(2), torch.tensor([1.0, 0.0]))
    assert losses.tolist() == pytest.approx([0.25 * 0.25 * math.log(2), 0.75 * 0.25 * math.log(2)])


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (0.5, 1.0), (0.9, 0.0)])
def test_focal_loss_is_its_formula(alpha, gamma):
    p = torch.sigmoid(LOGITS)
    present = -alpha * (1 - p) ** gamma * torch.nn.functional.logsigmoid(LOGITS)
    absent = -(1 - alpha) * p**gamma * torch.nn.functional.logsigmoid(-LOGITS)
    options = {"alpha": alpha, "gamma": gamma}
    assert_close(focal_loss(LOGITS, torch.ones_like(LOGITS), **options), present, rtol=1e-9, atol=1e-15)
    assert_close(focal_loss(LOGITS, torch.zeros_like(LOGITS), **options), absent, rtol=1e-9, atol=1e-15)


def test_focal_loss_without_focus_and_balance_is_half_the_cross_entropy():
    targets = torch.tensor([0.0, 1.0, 0.2, 0.9, 1.0, 0.0, 0.5], dtype=torch.float64)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(LOGITS, targets, reduction="none") / 2
    assert_close(focal_loss(LOGITS, targets, alpha=0.5, gamma=0.0), expected)


def test_varifocal_loss_of_known_logits():
    # Present: q times the cross-entropy against q. Absent: 3/4 p^2 times -ln(1 - p). Here p is 1/2, then 3/4.
    logits = torch.tensor([0.0, 0.0, math.log(3), math.log(3)])
    losses = varifocal_loss(logits, torch.tensor([1.0, 0.0, 0.5, 0.0]))
    cross_entropy = -(0.5 * math.log(0.75) + 0.5 * math.log(0.25))
    assert losses.tolist() == pytest.approx(
        [math.log(2), 0.75 * 0.25 * math.log(2), 0.5 * cross_entropy, 0.75 * 0.5625 * math.log(4)]
    )


def test_varifocal_loss_of_a_present_entry_is_least_at_its_quality():
    logits = torch.linspace(-4, 4, 161)
    losses = varifocal_loss(logits, torch.full_like(logits, 0.6))
    assert torch.sigmoid(logits[losses.argmin()]).item() == pytest.approx(0.6, abs=0.01)


# Smoothed targets

#: One sequence, two classes, two points: class 0 is present at the first point.
TARGETS = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])


def test_smoothing_spreads_a_share_over_all_classes_and_the_background():
    # A share of 0.3 over 2 classes and the background is 0.1 each.
    assert_close(smoothed(TARGETS, 0.3), torch.tensor([[[0.8, 0.1], [0.1, 0.1]]]))


def test_focal_loss_of_smoothed_targets_by_hand():
    # p = 3/4 everywhere. Present: y = 0.8, p_t = 0.75 * 0.8 + 0.25 * 0.2. Absent: y = 0.1.
    losses = focal_loss(torch.full((1, 2, 2), math.log(3)), TARGETS, smoothing=0.3)

    def expected(y):
        cross_entropy = -(y * math.log(0.75) + (1 - y) * math.log(0.25))
        return (0.25 * y + 0.75 * (1 - y)) * (1 - 0.75 * y - 0.25 * (1 - y)) ** 2 * cross_entropy

    assert_close(losses, torch.tensor([[[expected(0.8), expected(0.1)], [expected(0.1), expected(0.1)]]]))


def test_varifocal_loss_of_smoothed_targets_weighs_by_what_is_present_without_them():
    # Present: weight 1, cross-entropy against 0.8. Absent: weight 3/4 p^2, cross-entropy against 0.1.
    losses = varifocal_loss(torch.full((1, 2, 2), math.log(3)), TARGETS, smoothing=0.3)
    present = -(0.8 * math.log(0.75) + 0.2 * math.log(0.25))
    absent = 0.75 * 0.75**2 * -(0.1 * math.log(0.75) + 0.9 * math.log(0.25))
    assert_close(losses, torch.tensor([[[present, absent], [absent, absent]]]))


def test_the_released_varifocal_loss_of_known_logits():
    # Present: y times the cross-entropy against y. Absent: 1/4 p^2 times -ln(1 - p). Here p is 1/2, then 3/4.
    logits = torch.tensor([0.0, 0.0, math.log(3), math.log(3)])
    losses = released_varifocal_loss(logits, torch.tensor([1.0, 0.0, 0.5, 0.0]))
    cross_entropy = -(0.5 * math.log(0.75) + 0.5 * math.log(0.25))
    assert losses.tolist() == pytest.approx(
        [math.log(2), 0.25 * 0.25 * math.log(2), 0.5 * cross_entropy, 0.25 * 0.5625 * math.log(4)]
    )


def test_the_released_varifocal_loss_weighs_absent_entries_by_their_share_of_the_smoothing():
    # Present: weight 0.8, cross-entropy against 0.8. Absent: weight 0.1, cross-entropy against 0.1.
    losses = released_varifocal_loss(torch.full((1, 2, 2), math.log(3)), TARGETS, smoothing=0.3)
    present = 0.8 * -(0.8 * math.log(0.75) + 0.2 * math.log(0.25))
    absent = 0.1 * -(0.1 * math.log(0.75) + 0.9 * math.log(0.25))
    assert_close(losses, torch.tensor([[[present, absent], [absent, absent]]]))


def test_gradients_of_the_released_varifocal_loss_are_those_of_finite_differences_also_where_absent():
    logits = LOGITS[1:-1].clone().requires_grad_()
    targets = torch.tensor([0.0, 1.0, 0.0, 0.5, 0.0], dtype=torch.float64)
    assert gradcheck(lambda x: released_varifocal_loss(x, targets), logits)


@pytest.mark.parametrize(("target", "least"), [(1.0, 0.8), (0.0, 0.1)])
def test_varifocal_loss_draws_towards_smoothed_targets(target, least):
    logits = torch.linspace(-4, 4, 161).view(1, 1, -1).expand(1, 2, -1).clone().requires_grad_()
    varifocal_loss(logits, torch.full_like(logits, target), smoothing=0.3).sum().backward()
    uphill = torch.sigmoid(logits[0, 0][logits.grad[0, 0] > 1e-6])
    assert uphill.min().item() == pytest.approx(least, abs=0.01)


@pytest.mark.parametrize("loss", [focal_loss, varifocal_loss, released_varifocal_loss])
def test_no_smoothing_changes_no_bit(loss):
    targets = (LOGITS > 0).double()
    assert torch.equal(loss(LOGITS, targets, smoothing=0.0), loss(LOGITS, targets))
    assert smoothed(targets, 0.0) is targets


@pytest.mark.parametrize("loss", [focal_loss, varifocal_loss, released_varifocal_loss])
@pytest.mark.parametrize("size", [100.0, 1e4])
def test_class_losses_of_huge_logits_are_finite_and_vanish_where_they_are_right(loss, size):
    logits = torch.tensor([size, -size, size, -size], requires_grad=True)
    losses = loss(logits, torch.tensor([1.0, 0.0, 0.0, 1.0]))
    losses.sum().backward()
    assert losses[:2].tolist() == pytest.approx([0, 0], abs=1e-6)
    assert torch.isfinite(losses).all()
    assert (losses[2:] > size / 5).all()
    assert torch.isfinite(logits.grad).all()


def test_gradients_of_focal_loss_are_those_of_finite_differences():
    logits = LOGITS[1:-1].clone().requires_grad_()
    targets = torch.tensor([0.0, 1.0, 0.3, 1.0, 0.0], dtype=torch.float64)
    assert gradcheck(lambda x: focal_loss(x, targets), logits)


def test_gradients_of_varifocal_loss_are_those_of_finite_differences_where_present():
    logits = LOGITS[1:-1].clone().requires_grad_()
    targets = torch.tensor([0.1, 1.0, 0.3, 0.5, 0.9], dtype=torch.float64)
    assert gradcheck(lambda x: varifocal_loss(x, targets), logits)


def test_the_weight_of_absent_entries_of_varifocal_loss_has_no_gradient_of_its_own():
    logits = LOGITS.clone().requires_grad_()
    varifocal_loss(logits, torch.zeros_like(LOGITS)).sum().backward()
    p = torch.sigmoid(LOGITS)
    assert_close(logits.grad, 0.75 * p**2 * p)


# Distance losses


def by_segments(predicted: Tensor, target: Tensor) -> dict[Callable, float]:
    """Each loss of one pair, from the ends of the segments around a point at 0."""
    (start, end), (true_start, true_end) = ((-x[0, 0].item(), x[0, 1].item()) for x in (predicted, target))
    length, true_length = max(end - start, 0.0), true_end - true_start
    shared = max(min(end, true_end) - max(start, true_start), 0.0)
    union = length + true_length - shared
    hull = max(end, true_end) - min(start, true_start)
    apart = (start + end) / 2 - (true_start + true_end) / 2
    overlap = shared / union
    return {
        iou_loss: 1 - overlap,
        giou_loss: 1 - overlap + (hull - union) / hull,
        diou_loss: 1 - overlap + (apart / hull) ** 2,
    }


@pytest.mark.parametrize(
    ("predicted", "target", "losses"),
    [
        # [-2, 4] and [-1, 5] share 5 of 7; their middles are 1 apart.
        (pair(2, 4), pair(1, 5), (2 / 7, 2 / 7, 2 / 7 + 1 / 49)),
        # Contained: [-1, 1] in [-2, 2].
        (pair(1, 1), pair(2, 2), (1 / 2, 1 / 2, 1 / 2)),
        # Disjoint: [2, 3] after [-1, 1] leaves a gap of 1 in a hull of 4; the middles are 2.5 apart.
        (pair(-2, 3), pair(1, 1), (1, 1 + 1 / 4, 1 + (2.5 / 4) ** 2)),
        # Touching: [1, 3] after [-1, 1].
        (pair(-1, 3), pair(1, 1), (1, 1, 1 + 1 / 4)),
        # A predicted point: [0, 0] in [-2, 2].
        (pair(0, 0), pair(2, 2), (1, 1, 1)),
        # Upside down: from 3 to 1 covers nothing.
        (pair(-3, 1), pair(2, 2), (1, 1 + (4 - 4) / 4, 1 + (2 / 4) ** 2)),
    ],
)
def test_distance_losses_of_known_segments(predicted, target, losses):
    for loss, expected in zip(DISTANCE_LOSSES, losses, strict=True):
        assert loss(predicted, target).item() == pytest.approx(expected), loss.__name__


lengths = st.floats(0.01, 100)
#: A refined segment may lie beside its point.
predictions = st.tuples(st.floats(-50, 50), lengths).map(lambda given: pair(given[0], given[1] - given[0]))
targets = st.tuples(lengths, lengths).map(lambda given: pair(*given))


@given(predictions, targets)
def test_distance_losses_are_those_of_segments_with_ends(predicted, target):
    for loss, expected in by_segments(predicted, target).items():
        assert loss(predicted, target).item() == pytest.approx(expected, rel=1e-6, abs=1e-9), loss.__name__


@given(targets)
def test_a_perfect_prediction_has_no_loss(target):
    for loss in DISTANCE_LOSSES:
        assert loss(target, target).item() == pytest.approx(0, abs=1e-12)
    assert tiou(target, target).item() == pytest.approx(1)


@given(st.tuples(st.floats(-100, 100), st.floats(-100, 100)).map(lambda given: pair(*given)), targets)
def test_losses_of_any_prediction_lie_within_their_bounds(predicted, target):
    rounding = 1e-12
    assert 0 <= tiou(predicted, target).item() <= 1 + rounding
    assert -rounding <= iou_loss(predicted, target).item() <= 1
    assert -rounding <= giou_loss(predicted, target).item() <= 2 + rounding
    assert -rounding <= diou_loss(predicted, target).item()
    if predicted.sum() >= 0:
        assert diou_loss(predicted, target).item() <= 2 + rounding


@given(targets, targets)
def test_losses_do_not_tell_prediction_from_truth(first, second):
    for loss in DISTANCE_LOSSES:
        assert loss(first, second).item() == pytest.approx(loss(second, first).item())


@given(predictions, targets, st.floats(-20, 20), st.floats(0.1, 10))
def test_losses_depend_neither_on_the_point_nor_on_the_unit(predicted, target, shift, unit):
    moved = torch.tensor([[shift, -shift]], dtype=torch.float64)
    for loss in DISTANCE_LOSSES:
        expected = pytest.approx(loss(predicted, target).item(), rel=1e-6, abs=1e-6)
        assert loss(predicted + moved, target + moved).item() == expected
        assert loss(unit * predicted, unit * target).item() == expected


@given(st.floats(-50, -0.01))
def test_a_segment_that_ends_before_it_starts_overlaps_nothing(length):
    upside_down = torch.tensor([[1.0, length - 1.0], [length - 2.0, 2.0], [3.0, length - 3.0]])
    assert tiou(upside_down, torch.full_like(upside_down, 5.0)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("loss", DISTANCE_LOSSES)
def test_two_segments_without_length_give_finite_losses_and_gradients(loss):
    predicted = torch.zeros(1, 2, requires_grad=True)
    value = loss(predicted, torch.zeros(1, 2))
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert torch.isfinite(predicted.grad).all()


@pytest.mark.parametrize("loss", DISTANCE_LOSSES)
def test_gradients_of_distance_losses_are_those_of_finite_differences(loss):
    predicted = torch.tensor(
        [[2.0, 4.0], [1.0, 0.9], [-2.0, 3.0], [-1.3, 1.6], [7.0, 0.2], [3.0, -2.2]], dtype=torch.float64
    ).requires_grad_()
    target = torch.tensor(
        [[1.0, 5.0], [2.0, 2.0], [1.0, 1.0], [1.0, 1.0], [2.0, 6.0], [1.5, 0.5]], dtype=torch.float64
    )
    assert gradcheck(lambda x: loss(x, target), predicted)


@pytest.mark.parametrize("loss", [giou_loss, diou_loss])
def test_a_disjoint_prediction_is_drawn_towards_the_truth(loss):
    predicted = pair(-5, 7).requires_grad_()
    loss(predicted, pair(1, 1)).sum().backward()
    # Downhill is an earlier start: a larger distance.
    assert predicted.grad[0, 0] < 0
