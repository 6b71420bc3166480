import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from untrimmed.models.predictions import DirectRegression, Predictions
from untrimmed.training.criterion import CountNormalizer, Criterion, RunningNormalizer
from untrimmed.training.losses import diou_loss, focal_loss, iou_loss, varifocal_loss
from untrimmed.training.targets import CenterSampling, SequenceTruth

NOTHING = SequenceTruth(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64))
#: Of 5 steps, 1, 2 and 3 learn it: their true distances are (1, 3), (2, 2) and (3, 1).
ACTION = SequenceTruth(torch.tensor([[0.0, 4.0]]), torch.tensor([1]))
#: tIoU at the points 1, 2 and 3: all of it, a half, a quarter.
DISTANCES = torch.tensor([[[9.0, 1, 1, 0.5, 9], [9, 3, 1, 0.5, 9]]])
LOGITS = torch.tensor([[[5.0, 1, 2, 3, 7], [6, 10, 20, 40, 8]]])


def logit_itself(logits: Tensor, targets: Tensor) -> Tensor:
    return logits * torch.ones_like(targets)


def doubled(logits: Tensor, targets: Tensor) -> Tensor:
    return 2 * logits


def total_error(predicted: Tensor, true: Tensor) -> Tensor:
    return (predicted - true).abs().sum(dim=1)


def criterion(**changes: object) -> Criterion:
    usual = {
        "class_loss": logit_itself,
        "coarse_class_loss": doubled,
        "distance_loss": total_error,
        "normalizer": CountNormalizer(),
        "quality_power": 1.0,
    }
    return Criterion(CenterSampling(((0.0, math.inf),)), **(usual | changes))


@pytest.fixture
def predicted(points_of):
    """predicted(logits, distances, lengths): predictions of one level."""

    def build(logits=LOGITS, distances=DISTANCES, lengths=None, coarse=None) -> Predictions:
        batch, _, steps = logits.shape
        points = points_of(lengths or [steps] * batch, steps, 1)
        return Predictions(points, logits, DirectRegression(distances), coarse)

    return build


# Normalisers


def test_counts_are_used_as_they_are_but_never_below_one():
    positives, negatives = CountNormalizer()(torch.tensor(7.0), torch.tensor(0.0))
    assert (positives, negatives) == (7, 1)


def test_a_running_mean_takes_in_the_batch_before_it_is_used():
    normalizer = RunningNormalizer(initial=100.0, momentum=0.9)
    assert [x.item() for x in normalizer(torch.tensor(10.0), torch.tensor(500.0))] == pytest.approx([91, 91])
    assert [x.item() for x in normalizer(torch.tensor(1.0), torch.tensor(500.0))] == pytest.approx([82, 82])


def test_a_batch_without_positive_points_counts_as_one_in_a_running_mean():
    positives, _ = RunningNormalizer(initial=100.0, momentum=0.5)(torch.tensor(0.0), torch.tensor(9.0))
    assert positives.item() == pytest.approx(50.5)


def test_a_running_mean_stands_still_in_validation():
    normalizer = RunningNormalizer(initial=100.0).eval()
    for _ in range(3):
        assert [x.item() for x in normalizer(torch.tensor(10.0), torch.tensor(5.0))] == [100, 100]


def test_what_a_running_mean_returned_does_not_change_at_the_next_step():
    normalizer = RunningNormalizer(initial=100.0)
    first, _ = normalizer(torch.tensor(10.0), torch.tensor(5.0))
    normalizer(torch.tensor(1000.0), torch.tensor(5.0))
    assert first.item() == pytest.approx(91)


def test_a_running_mean_is_kept_with_the_state_of_the_criterion():
    trained = criterion(normalizer=RunningNormalizer(initial=100.0))
    trained.normalizer(torch.tensor(10.0), torch.tensor(5.0))
    restored = criterion(normalizer=RunningNormalizer(initial=1.0))
    restored.load_state_dict(trained.state_dict())
    assert restored.normalizer.value.item() == pytest.approx(91)


# Equation 13


def test_positive_places_count_by_their_tiou_and_each_sum_by_its_own_number(predicted):
    losses = criterion(regression_weight=10.0)(predicted(), [ACTION])
    # The action's class is weighted by tIoU, the other class of the same points is not.
    positives = (1 + 10 * 1) + (2 + 20 * 0.5) + (3 + 40 * 0.25)
    negatives = 5 + 6 + 7 + 8
    assert losses.classification.item() == pytest.approx(positives / 3 + negatives / 2)
    # |1-1|+|3-3|, |1-2|+|1-2| and |0.5-3|+|0.5-1|.
    assert losses.regression.item() == pytest.approx((0 + 2 + 3) / 3)
    assert losses.total.item() == pytest.approx(25 + 10 * 5 / 3)


@pytest.mark.parametrize(
    ("power", "weights"), [(0.0, (1, 1, 1)), (0.5, (1, 0.5**0.5, 0.5)), (2, (1, 1 / 4, 1 / 16))]
)
def test_the_weight_of_a_positive_place_is_its_tiou_to_a_power(predicted, power, weights):
    losses = criterion(quality_power=power)(predicted(), [ACTION])
    weighted = sum(weight * logit for weight, logit in zip(weights, (10, 20, 40), strict=True))
    assert losses.classification.item() == pytest.approx((1 + 2 + 3 + weighted) / 3 + 26 / 2)


def test_the_weight_has_no_gradient(predicted):
    distances = DISTANCES.clone().requires_grad_()
    losses = criterion()(predicted(distances=distances), [ACTION])
    assert not losses.classification.requires_grad
    losses.total.backward()
    # |1 - 2| for the start and the end at the point 2, over 3 points.
    assert distances.grad[0, :, 2].tolist() == pytest.approx([-1 / 3, -1 / 3])


def test_equation_13_with_its_own_losses_is_that_of_plain_loops(predicted):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 2, 5, generator=generator)
    distances = 3 * torch.rand(2, 2, 5, generator=generator)
    other = SequenceTruth(torch.tensor([[1.0, 5.0], [1.0, 5.0]]), torch.tensor([0, 1]))
    losses = criterion(class_loss=varifocal_loss, distance_loss=iou_loss)(
        predicted(logits, distances, lengths=[5, 4]), [ACTION, other]
    )

    def overlap(sequence, point, start, end):
        before, after = distances[sequence, :, point].tolist()
        shared = min(before, point - start) + min(after, end - point)
        return shared / (before + after + end - start - shared)

    # Points that learn an action, and when it is. In the second sequence the point 4 lies behind the end.
    positive = {(0, point): (0, 4, {1}) for point in (1, 2, 3)} | {(1, point): (1, 5, {0, 1}) for point in (2, 3)}
    negative = [(0, 0), (0, 4), (1, 0), (1, 1)]
    expected = 0.0
    for (sequence, point), (start, end, labels) in positive.items():
        quality = overlap(sequence, point, start, end)
        expected += len(labels) * (1 - quality) / len(positive)
        for k in range(2):
            p = torch.sigmoid(logits[sequence, k, point]).item()
            loss = quality * -math.log(p) if k in labels else 0.75 * p**2 * -math.log(1 - p)
            expected += loss / len(positive)
    for sequence, point in negative:
        for k in range(2):
            p = torch.sigmoid(logits[sequence, k, point]).item()
            expected += 0.75 * p**2 * -math.log(1 - p) / len(negative)
    assert losses.total.item() == pytest.approx(expected, rel=1e-5)


def test_a_running_mean_divides_positive_and_negative_sums_alike(predicted):
    losses = criterion(normalizer=RunningNormalizer(initial=3.0, momentum=0.9))(predicted(), [ACTION])
    assert losses.classification.item() == pytest.approx((36 + 26) / 3)
    assert losses.regression.item() == pytest.approx(5 / 3)


def test_the_weight_may_teach_the_boundaries(predicted):
    distances = DISTANCES.clone().requires_grad_()
    options = {"quality_gradient": True, "distance_loss": lambda predicted, true: 0 * predicted.sum(1)}
    losses = criterion(**options)(predicted(distances=distances), [ACTION])
    assert losses.classification.item() == pytest.approx(36 / 3 + 26 / 2)
    losses.total.backward()
    # tIoU of (x, 1) with (2, 2) is (x + 1) / 4, with a slope of 1/4; of (x, 0.5) with (3, 1) the same. They weigh
    # the logits 20 and 40, over 3 points.
    assert distances.grad[0, :, 2].tolist() == pytest.approx([20 / 4 / 3, 20 / 4 / 3])
    assert distances.grad[0, :, 3].tolist() == pytest.approx([40 / 4 / 3, 40 / 4 / 3])
    assert not distances.grad[0, :, [0, 4]].any()


@pytest.mark.parametrize("power", [0.2, 1.0])
def test_where_nothing_overlaps_the_weight_is_zero_and_its_gradient_finite(predicted, power):
    distances = torch.zeros_like(DISTANCES).requires_grad_()
    losses = criterion(quality_gradient=True, quality_power=power)(predicted(distances=distances), [ACTION])
    assert losses.classification.item() == pytest.approx((1 + 2 + 3) / 3 + 26 / 2)
    losses.total.backward()
    assert torch.isfinite(distances.grad).all()


# Points that count by a weight


class Weighted(CenterSampling):
    """Centre sampling whose positive points 1, 2 and 3 count by 1, a half and 0, and whose others by 7."""

    def assign(self, predictions, truths):
        weights = torch.tensor([7.0, 1, 0.5, 0, 7])
        return replace(super().assign(predictions, truths), weights=weights.expand(len(truths), -1))


def weighted_criterion(**changes: object) -> Criterion:
    made = criterion(**changes)
    made.assignment = Weighted(((0.0, math.inf),))
    return made


def test_losses_of_positive_points_and_their_number_are_weighted_and_the_others_count_as_one(predicted):
    losses = weighted_criterion()(predicted(), [ACTION])
    positives = 1 * (1 + 10) + 0.5 * (2 + 20 * 0.5) + 0 * (3 + 40 * 0.25)
    assert losses.classification.item() == pytest.approx(positives / 1.5 + 26 / 2)
    assert losses.regression.item() == pytest.approx((1 * 0 + 0.5 * 2 + 0 * 3) / 1.5)


def test_a_running_mean_takes_in_the_sum_of_the_weights(predicted):
    normalizer = RunningNormalizer(initial=10.0, momentum=0.9)
    losses = weighted_criterion(normalizer=normalizer)(predicted(), [ACTION])
    assert normalizer.value.item() == pytest.approx(9.15)
    assert losses.classification.item() == pytest.approx((17 + 26) / 9.15)
    assert losses.regression.item() == pytest.approx(1 / 9.15)


def test_coarse_losses_are_weighted_too(predicted):
    losses = weighted_criterion(coarse_weight=0.5)(predicted(coarse=predicted()), [ACTION])
    assert losses.coarse_classification.item() == pytest.approx(2 * ((11 + 0.5 * 22) / 1.5 + 26 / 2))
    assert losses.coarse_regression.item() == pytest.approx(1 / 1.5)


# Several processes


@pytest.mark.parametrize("normalizer", [CountNormalizer, partial(RunningNormalizer, 10.0, moves_twice=True)])
def test_the_mean_of_the_losses_of_two_processes_is_that_of_the_whole_batch(predicted, normalizer, monkeypatch):
    options = {"coarse_weight": 0.5, "regression_weight": 2.0}
    halves = [(LOGITS, DISTANCES, ACTION), (LOGITS / 2, DISTANCES + 1, NOTHING)]
    logits, distances = (torch.cat(parts) for parts in list(zip(*halves, strict=True))[:2])
    whole = weighted_criterion(normalizer=normalizer(), **options)(
        predicted(logits, distances, coarse=predicted(logits, distances)), [ACTION, NOTHING]
    )
    # By weight 1.5 of the first are positive; 2 of its points and 5 of the other's are negative.
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda counts: counts.copy_(torch.tensor([1.5, 7.0])))
    parts = [
        weighted_criterion(normalizer=normalizer(), **options)(
            predicted(logits, distances, coarse=predicted(logits, distances)), [truth]
        ).named()
        for logits, distances, truth in halves
    ]
    for name, value in whole.named().items():
        assert (parts[0][name] + parts[1][name]).item() / 2 == pytest.approx(value.item()), name


# What does not count


def test_padding_does_not_count(predicted):
    alone = criterion()(predicted(), [ACTION])
    logits = torch.cat((LOGITS, torch.full((1, 2, 4), 1000.0)), dim=2)
    distances = torch.cat((DISTANCES, torch.full((1, 2, 4), -1000.0)), dim=2)
    padded = criterion()(predicted(logits, distances, lengths=[5]), [ACTION])
    assert padded.named() == alone.named()


@pytest.mark.parametrize("loss", [focal_loss, varifocal_loss])
def test_smoothed_targets_count_at_every_valid_point_and_not_in_the_padding(predicted, loss):
    options = {"class_loss": partial(loss, smoothing=0.3), "distance_loss": iou_loss, "quality_power": 0.0}
    alone = criterion(**options)(predicted(), [NOTHING])
    logits, distances = torch.cat((LOGITS, LOGITS), dim=2), torch.cat((DISTANCES, DISTANCES), dim=2)
    padded = criterion(**options)(predicted(logits, distances, lengths=[5]), [NOTHING])
    assert padded.total.item() == pytest.approx(alone.total.item())
    # Nothing is positive, so there are only the five points against e / (K + 1) = 0.1.
    entries = loss(LOGITS, torch.zeros_like(LOGITS), smoothing=0.3)
    assert alone.classification.item() == pytest.approx(entries.sum().item() / 5)


def test_an_action_behind_the_end_of_its_sequence_does_not_count(predicted):
    logits, distances = torch.cat((LOGITS, LOGITS), dim=2), torch.cat((DISTANCES, DISTANCES), dim=2)
    late = SequenceTruth(torch.tensor([[0.0, 4.0], [6.0, 9.0]]), torch.tensor([1, 0]))
    assert criterion()(predicted(logits, distances, lengths=[5]), [late]).named() == (
        criterion()(predicted(), [ACTION]).named()
    )


@pytest.mark.parametrize("distance_loss", [iou_loss, diou_loss])
def test_without_positive_points_the_boundaries_have_no_loss_but_gradients(predicted, distance_loss):
    logits, distances = LOGITS.clone().requires_grad_(), DISTANCES.clone().requires_grad_()
    losses = criterion(class_loss=focal_loss, distance_loss=distance_loss)(
        predicted(logits, distances), [NOTHING]
    )
    losses.total.backward()
    assert losses.regression == 0
    # Several processes wait for the gradient of every parameter.
    assert distances.grad is not None
    assert not distances.grad.any()
    assert (logits.grad != 0).all()
    assert losses.total.item() == pytest.approx(focal_loss(LOGITS, torch.zeros_like(LOGITS)).sum().item() / 5)


def test_without_negative_points_the_losses_are_finite(predicted):
    losses = criterion()(predicted(LOGITS[..., 1:2], DISTANCES[..., 1:2]), [
        SequenceTruth(torch.tensor([[-1.0, 3.0]]), torch.tensor([1]))
    ])  # fmt: skip
    assert losses.classification.item() == pytest.approx(1 + 10)


# Coarse predictions


def test_a_running_mean_may_take_in_a_batch_again_before_the_coarse_losses(predicted):
    normalizer = RunningNormalizer(initial=100.0, momentum=0.9, moves_twice=True)
    losses = criterion(normalizer=normalizer, coarse_weight=0.3)(predicted(coarse=predicted()), [ACTION])
    # 0.9 * 100 + 0.1 * 3, and once more.
    assert normalizer.value.item() == pytest.approx(0.9 * 90.3 + 0.3)
    assert losses.classification.item() == pytest.approx((36 + 26) / 90.3)
    assert losses.regression.item() == pytest.approx(5 / 90.3)
    assert losses.coarse_classification.item() == pytest.approx(2 * (6 + 70 + 26) / 81.57)
    assert losses.coarse_regression.item() == pytest.approx(5 / 81.57)


def test_it_takes_it_in_once_where_there_are_no_coarse_losses_and_not_in_validation(predicted):
    normalizer = RunningNormalizer(initial=100.0, momentum=0.9, moves_twice=True)
    criterion(normalizer=normalizer, coarse_weight=0.3)(predicted(), [ACTION])
    assert normalizer.value.item() == pytest.approx(90.3)
    criterion(normalizer=normalizer, coarse_weight=0.3).eval()(predicted(coarse=predicted()), [ACTION])
    assert normalizer.value.item() == pytest.approx(90.3)


def test_coarse_predictions_share_the_total_by_their_weight(predicted):
    coarse = predicted(LOGITS + 1, DISTANCES + 1)
    losses = criterion(coarse_weight=0.25)(predicted(coarse=coarse), [ACTION])
    fine = 25 + 5 / 3
    # Twice each logit, all places alike; |2-1|+|4-3|, |2-2|+|2-2| and |1.5-3|+|1.5-1|.
    rough = 2 * ((2 + 3 + 4 + 11 + 21 + 41) / 3 + (26 + 4) / 2) + (2 + 0 + 2) / 3
    assert losses.coarse_regression.item() == pytest.approx(4 / 3)
    assert losses.total.item() == pytest.approx(0.75 * fine + 0.25 * rough)
    assert list(losses.named()) == [
        "total", "classification", "regression", "coarse_classification", "coarse_regression",
    ]  # fmt: skip


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_without_coarse_predictions_or_weight_there_is_no_coarse_loss(predicted, weight):
    coarse = predicted(LOGITS + 1, DISTANCES + 1) if weight == 0 else None
    losses = criterion(coarse_weight=weight)(predicted(coarse=coarse), [ACTION])
    assert losses.total.item() == pytest.approx(25 + 5 / 3)
    assert list(losses.named()) == ["total", "classification", "regression"]


def test_half_precision_is_added_up_in_float32(predicted):
    losses = criterion(class_loss=focal_loss, distance_loss=diou_loss)(
        predicted(LOGITS.bfloat16(), DISTANCES), [ACTION]
    )
    assert losses.total.dtype == torch.float32


def test_named_losses_are_cut_off_from_the_graph(predicted):
    losses = criterion(class_loss=focal_loss)(predicted(LOGITS.clone().requires_grad_()), [ACTION])
    assert losses.total.requires_grad
    assert not any(value.requires_grad for value in losses.named().values())
