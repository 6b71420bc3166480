import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from untrimmed.config import ModelSection
from untrimmed.models.build import build_detector
from untrimmed.models.decoders.trident import TridentRegression
from untrimmed.models.predictions import DirectRegression, Places, Points, Predictions
from untrimmed.training import simota
from untrimmed.training.criterion import Criterion, RunningNormalizer
from untrimmed.training.losses import diou_loss, focal_loss
from untrimmed.training.simota import SimOTA
from untrimmed.training.targets import CenterSampling, SequenceTruth

ANY_DISTANCE = (0.0, math.inf)
CLASSES = 3


def truth(*actions: tuple[float, float, int]) -> SequenceTruth:
    segments = torch.tensor([action[:2] for action in actions], dtype=torch.float32).reshape(-1, 2)
    return SequenceTruth(segments, torch.tensor([action[2] for action in actions], dtype=torch.int64))


def predicted(points: Points, logits: Sequence[float], distances: tuple[float, float]) -> Predictions:
    """The same logits and distances at every point of every sequence."""
    batch, count = len(points.paddings[0].lengths), len(points)
    return Predictions(
        points,
        torch.tensor(logits)[None, :, None].repeat(batch, 1, count),
        DirectRegression(torch.tensor(distances)[None, :, None].repeat(batch, 1, count)),
    )


# By hand

#: A long action of class 0 and a short one of class 1 that lies in it.
NESTED = truth((0, 4, 0), (1, 3, 1))


@pytest.mark.parametrize(("distances", "learned"), [((1.0, 1.0), [1, 1]), ((2.0, 2.0), [2, 2])])
def test_a_point_learns_the_boundaries_that_cost_least_though_its_class_is_of_the_shortest(
    points_of, distances, learned
):
    # Logits are equal, so that only boundaries tell the costs apart; the DIoU loss of one pair is 0, of the
    # other 1 - 2/4.
    targets = SimOTA(CenterSampling([ANY_DISTANCE])).assign(
        predicted(points_of([5], 5, 1), [0.0, 0.0], distances), [NESTED]
    )
    assert targets.labels[0, :, 2].tolist() == [0, 1]
    assert targets.distances[0, 2].tolist() == learned
    assert targets.weights.tolist() == [[1] * 5]


@pytest.mark.parametrize(("class_weight", "learned"), [(1.01, [1, 1]), (1.02, [2, 2]), (0.0, [1, 1])])
def test_costs_are_focal_losses_against_one_class_and_boundary_losses(points_of, class_weight, learned):
    # p = 3/4 for class 0 and 1/2 for class 1. If only class 0 is there, the focal losses are
    # 1/4 (1/4)^2 -ln(3/4) + 3/4 (1/2)^2 ln 2 = 0.1345, if only class 1, 3/4 (3/4)^2 ln 4 + 1/4 (1/2)^2 ln 2 =
    # 0.6282. The short action is what is predicted: 0 against 1/2. Costs are the same at 0.5 / 0.4937 = 1.0128.
    predictions = predicted(points_of([5], 5, 1), [math.log(3), 0.0], (1.0, 1.0))
    rule = SimOTA(CenterSampling([ANY_DISTANCE]), class_weight=class_weight, tiou_weight=1.0)
    assert rule.assign(predictions, [NESTED]).distances[0, 2].tolist() == learned


def test_the_cheapest_share_of_the_points_in_an_action_counts_in_full(points_of):
    # Distances grow more wrong from the point 3 on: (0, 4) is what the point 0 should say.
    distances = torch.tensor([[[9.0, 2, 2, 3, 0, 0, 0], [9, 4, 2, 1, 0, 0, 0]]])
    predictions = Predictions(points_of([7], 7, 1), torch.zeros(1, 2, 7), DirectRegression(distances))
    rule = SimOTA(CenterSampling([ANY_DISTANCE]), keep=0.5, other_weight=0.25)
    targets = rule.assign(predictions, [truth((0, 4, 0))])
    # 5 points lie in it, with both its ends; floor(0.5 * 5) = 2 of them are right. Others lie outside.
    assert targets.weights.tolist() == [[0.25, 0.25, 1, 1, 0.25, 1, 1]]
    assert targets.number.item() == 1 + 1 + 0.25


def test_a_point_counts_in_full_if_it_is_among_the_cheapest_of_one_action(points_of):
    distances = torch.tensor([[[0.0, 1, 2, 9, 9, 5, 6, 7], [3.0, 2, 1, 9, 9, 2, 1, 0]]])
    predictions = Predictions(points_of([8], 8, 1), torch.zeros(1, 2, 8), DirectRegression(distances))
    rule = SimOTA(CenterSampling([ANY_DISTANCE]), keep=0.75, other_weight=0.0)
    targets = rule.assign(predictions, [truth((0, 3, 0), (0, 7, 0))])
    # 3 of the 4 points of the first action are kept, not the point 3, which says nothing of use. 6 of the 8 of
    # the second are: it is right at the last three, and wrong by less at the points 3 and 4 than at the first.
    assert targets.weights.tolist() == [[1, 1, 1, 1, 1, 1, 1, 1]]
    one = rule.assign(predictions, [truth((0, 3, 0))])
    assert one.weights.tolist() == [[1, 1, 1, 0, 1, 1, 1, 1]]


def test_only_points_before_the_end_of_a_sequence_are_counted(points_of):
    # In the second sequence 3 of the 5 points are left, of which floor(0.5 * 3) = 1 is kept.
    predictions = predicted(points_of([5, 3], 5, 1), [0.0], (2.0, 2.0))
    rule = SimOTA(CenterSampling([ANY_DISTANCE]), keep=0.5, other_weight=0.0)
    targets = rule.assign(predictions, [truth((0, 4, 0))] * 2)
    assert targets.weights[0].sum() == 2
    assert targets.weights[1, :3].tolist() == [0, 0, 1]
    assert targets.labels[:, 0].tolist() == [[0, 1, 1, 1, 0], [0, 1, 1, 0, 0]]


def test_a_sequence_without_actions_has_nothing_to_learn(points_of):
    predictions = predicted(points_of([5, 5], 5, 1), [0.0, 0.0], (1.0, 1.0))
    for keep in (0.5, 1.0):
        targets = SimOTA(CenterSampling([ANY_DISTANCE]), keep=keep).assign(predictions, [truth(), NESTED])
        assert not targets.labels[0].any()
        assert not targets.distances[0].any()
        assert targets.weights[0].tolist() == [1] * 5
        assert targets.labels[1].any()


def test_an_action_in_which_no_point_lies_is_learned_by_none(points_of):
    predictions = predicted(points_of([5], 5, 1), [0.0], (1.0, 1.0))
    targets = SimOTA(CenterSampling([ANY_DISTANCE]), keep=0.5).assign(predictions, [truth((1.2, 1.8, 0))])
    assert not targets.labels.any()
    assert targets.weights.tolist() == [[1] * 5]


@pytest.mark.parametrize("wrong", [{"keep": 1.5}, {"keep": -0.1}, {"other_weight": 2.0}])
def test_shares_outside_their_range_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        SimOTA(CenterSampling([ANY_DISTANCE]), **wrong)


# Against plain loops


def by_plain_loops(
    predictions: Predictions, row: int, actions: Sequence[tuple[float, float, int]], rule: SimOTA
) -> tuple[list[list[float]], list[float]]:
    """Distances and weights of every point of a sequence, one point and one action at a time."""
    points = predictions.points
    costs: list[dict[int, float]] = []
    for point in range(len(points)):
        position, stride = points.position_steps[point].item(), points.stride[point].item()
        costs.append({})
        for number, (start, end, label) in enumerate(actions):
            if not (start <= position <= end and points.valid[row, point]):
                continue
            place = Places(*(torch.tensor([index]) for index in (row, point, label)))
            true = torch.tensor([[position - start, end - position]]) / stride
            by_class = sum(
                focal_loss(predictions.class_logits[row, k, point], torch.tensor(float(k == label))).item()
                for k in range(predictions.class_logits.shape[1])
            )
            by_tiou = diou_loss(predictions.regression.distances(place), true).item()
            costs[point][number] = rule.class_weight * by_class + rule.tiou_weight * by_tiou
    in_full = set()
    for number in range(len(actions)):
        inside = sorted((cost[number], point) for point, cost in enumerate(costs) if number in cost)
        in_full |= {point for _, point in inside[: math.floor(rule.keep * len(inside))]}
    distances, weights = [], []
    for point, cost in enumerate(costs):
        position, stride = points.position_steps[point].item(), points.stride[point].item()
        start, end, _ = actions[min(cost, key=lambda number: (cost[number], number))] if cost else (0, 0, 0)
        distances.append([(position - start) / stride, (end - position) / stride])
        weights.append(1.0 if not cost or point in in_full else rule.other_weight)
    return distances, weights


@st.composite
def lists_of_actions(draw):
    actions = []
    for _ in range(draw(st.integers(0, 4))):
        start, length = draw(st.integers(-2, 60)) / 4, draw(st.integers(1, 50)) / 4
        actions.append((start, start + length, draw(st.integers(0, CLASSES - 1))))
    return actions


def trident(points: Points, generator: torch.Generator) -> TridentRegression:
    """Distances that depend on the class."""
    batch = len(points.paddings[0].lengths)
    starts, ends = (3 * torch.randn(batch, CLASSES, len(points), generator=generator) for _ in range(2))
    start_bins, end_bins = (torch.randn(batch, 6, len(points), generator=generator) for _ in range(2))
    return TridentRegression(points, starts, ends, start_bins, end_bins)


def direct(points: Points, generator: torch.Generator) -> DirectRegression:
    """Distances that do not."""
    return DirectRegression(6 * torch.rand(len(points.paddings[0].lengths), 2, len(points), generator=generator))


@pytest.mark.parametrize("regression", [direct, trident])
@settings(deadline=None, max_examples=25)
@given(
    first=lists_of_actions(),
    second=lists_of_actions(),
    keep=st.sampled_from([0.0, 0.25, 0.5, 0.8, 1.0]),
    seed=st.integers(0, 99),
)
def test_targets_are_those_of_plain_loops(points_of, regression, first, second, keep, seed):
    points = points_of([11, 7], 12, 2)
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(2, CLASSES, len(points), generator=generator)
    predictions = Predictions(points, logits, regression(points, generator))
    near = CenterSampling([(0.0, 4.0), (4.0, math.inf)])
    rule = SimOTA(near, class_weight=1.5, keep=keep, other_weight=0.25)
    targets = rule.assign(predictions, [truth(*first), truth(*second)])
    assert torch.equal(targets.labels, near.assign(predictions, [truth(*first), truth(*second)]).labels)
    for row, actions in enumerate((first, second)):
        distances, weights = by_plain_loops(predictions, row, actions, rule)
        positive = targets.positive[row]
        assert targets.weights[row].tolist() == weights
        assert targets.distances[row][positive].tolist() == torch.tensor(distances)[positive].tolist()


def test_asking_piece_by_piece_changes_nothing(points_of, monkeypatch):
    points = points_of([40], 40, 2)
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, CLASSES, len(points), generator=generator)
    predictions = Predictions(points, logits, trident(points, generator))
    rule = SimOTA(CenterSampling([ANY_DISTANCE] * 2), keep=0.5)
    actions = [truth((0, 30, 0), (5, 39, 1), (10, 12, 2))]
    whole = rule.assign(predictions, actions)
    monkeypatch.setattr(simota, "AT_A_TIME", 7)
    pieces = rule.assign(predictions, actions)
    assert torch.equal(whole.distances, pieces.distances)
    assert torch.equal(whole.weights, pieces.weights)


class Largest(TorchDispatchMode):
    """Notes how many numbers the largest tensor holds that is made meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor):
            self.numbers = max(self.numbers, made.numel())
        return made


def test_a_long_video_of_many_actions_and_classes_needs_no_table_of_all_three(points_of):
    points = points_of([2304], 2304, 6)
    generator = torch.Generator().manual_seed(0)
    start = 2000 * torch.rand(200, generator=generator)
    segments = torch.stack((start, start + 300 * torch.rand(200, generator=generator)), dim=1)
    logits = torch.randn(1, 65, len(points), generator=generator)
    predictions = Predictions(points, logits, DirectRegression(5 * torch.rand(1, 2, len(points))))
    rule = SimOTA(CenterSampling([ANY_DISTANCE] * 6), keep=0.5)
    with Largest() as largest:
        rule.assign(predictions, [SequenceTruth(segments, torch.arange(200) % 65)])
    # The distances of every point to every segment; with classes it would be 65 times as much.
    assert len(points) * 200 <= largest.numbers <= len(points) * 200 * 2


# With whole networks


@dataclass(frozen=True)
class Trained:
    """A small network, and the losses of a batch whose second video has no actions."""

    losses: dict[str, Tensor]
    without_gradient: list[str]


def trained(decoder: str, rule: SimOTA, truths: Sequence[SequenceTruth]) -> Trained:
    section = ModelSection.model_validate(
        {
            "channels": 16,
            "levels": 3,
            "norm": "group",
            "encoder": {"kind": "max_pooling"},
            "decoder": {"kind": decoder, "head_channels": 16}
            | ({} if decoder == "convolutional" else {"bins": 4}),
        }
    )
    torch.manual_seed(0)
    detector = build_detector(section, input_dim=5, classes=CLASSES)
    criterion = Criterion(
        rule,
        class_loss=focal_loss,
        coarse_class_loss=focal_loss,
        distance_loss=diou_loss,
        normalizer=RunningNormalizer(10.0),
        quality_power=0.0,
        coarse_weight=0.3,
    )
    losses = criterion(detector(torch.randn(2, 24, 5), [24, 17]), truths)
    losses.total.backward()
    missing = [name for name, parameter in detector.named_parameters() if parameter.grad is None]
    assert all(
        torch.isfinite(parameter.grad).all() for parameter in detector.parameters() if parameter.grad is not None
    )
    return Trained(losses.named(), missing)


RANGES = [(0.0, 4.0), (4.0, 8.0), (8.0, math.inf)]


@pytest.mark.parametrize("keep", [0.5, 1.0])
@pytest.mark.parametrize("decoder", ["convolutional", "cltdr"])
def test_every_weight_learns_though_a_video_has_no_actions(decoder, keep):
    rule = SimOTA(CenterSampling(RANGES), keep=keep, other_weight=0.5)
    found = trained(decoder, rule, [truth((2, 8, 0), (4, 20, 2)), truth()])
    assert found.losses["regression"] > 0
    assert found.without_gradient == []
    nothing = trained(decoder, rule, [truth(), truth()])
    assert nothing.losses["regression"] == 0
    assert nothing.losses["classification"] > 0
    assert nothing.without_gradient == []


@pytest.mark.parametrize("decoder", ["convolutional", "cltdr"])
def test_where_actions_do_not_overlap_it_is_centre_sampling(decoder: str):
    near = CenterSampling(RANGES)
    truths = [truth((2, 8, 0), (9, 20, 2)), truth((1, 5, 1))]
    assert trained(decoder, SimOTA(near), truths).losses == trained(decoder, near, truths).losses


def test_targets_have_no_gradient(points_of: Callable[..., Points]):
    given = predicted(points_of([5], 5, 1), [0.0, 0.0], (1.0, 1.0))
    learnt = replace(given, class_logits=given.class_logits.requires_grad_())
    targets = SimOTA(CenterSampling([ANY_DISTANCE]), keep=0.5).assign(learnt, [NESTED])
    assert not any(x.requires_grad for x in (targets.labels, targets.distances, targets.weights))
