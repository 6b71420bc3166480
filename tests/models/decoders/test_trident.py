import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.decoders.heads import Strip
from untrimmed.models.decoders.trident import TridentHead, TridentRegression
from untrimmed.models.predictions import Places, Points

PointsOf = Callable[..., Points]
EveryPlace = Callable[..., Places]

CLASSES, BINS = 2, 4


def regression_of(points: Points, seed: int = 0) -> TridentRegression:
    """Random logits everywhere, behind the ends of sequences as well."""
    generator = torch.Generator().manual_seed(seed)
    batch = len(points.paddings[0].lengths)

    def values(channels: int) -> Tensor:
        return 3 * torch.randn(batch, channels, len(points), generator=generator)

    return TridentRegression(points, values(CLASSES), values(CLASSES), values(BINS + 1), values(BINS + 1))


def slow_distances(regression: TridentRegression, sequence: int, point: int, label: int) -> list[float]:
    """The start and end of one place, as the formula of TriDet's release has it: start bins run backwards."""
    points = regression.points
    level = int(points.level[point])
    first = points.first[level]
    length = points.paddings[level].lengths[sequence]
    i = point - first

    def logit(logits: Tensor, step: int) -> float:
        return float(logits[sequence, label, first + step]) if 0 <= step < length else 0.0

    def expectation(weights: list[float], values: list[int]) -> float:
        powers = [math.exp(weight) for weight in weights]
        return sum(power * value for power, value in zip(powers, values, strict=True)) / sum(powers)

    bins = range(BINS + 1)
    backwards = regression.start_bins.flip(1)
    start = [logit(regression.start_logits, i - BINS + j) + float(backwards[sequence, j, point]) for j in bins]
    end = [logit(regression.end_logits, i + j) + float(regression.end_bins[sequence, j, point]) for j in bins]
    return [expectation(start, [BINS - j for j in bins]), expectation(end, list(bins))]


@pytest.mark.parametrize("lengths", [(13, 5, 1), (2, 20, 9)])
def test_distances_are_the_expectations_of_the_formula(
    lengths: tuple[int, ...], points_of: PointsOf, every_place: EveryPlace
) -> None:
    points = points_of(lengths, 20, 3)
    regression = regression_of(points)
    for row in range(len(lengths)):
        places = every_place(points, row, CLASSES)
        expected = [
            slow_distances(regression, row, point, label)
            for point, label in zip(places.point.tolist(), places.label.tolist(), strict=True)
        ]
        assert_close(regression.distances(places), torch.tensor(expected), atol=1e-5, rtol=0)


def test_places_of_several_sequences_may_be_asked_for_at_once(
    points_of: PointsOf, every_place: EveryPlace
) -> None:
    points = points_of((7, 12), 12, 2)
    regression = regression_of(points)
    one, other = every_place(points, 0, CLASSES), every_place(points, 1, CLASSES)
    both = Places(*(torch.cat(pair) for pair in zip(vars(one).values(), vars(other).values(), strict=True)))
    alone = torch.cat([regression.distances(one), regression.distances(other)])
    assert torch.equal(regression.distances(both), alone)


def silent(points: Points) -> TridentRegression:
    batch = len(points.paddings[0].lengths)
    logits, bins = torch.zeros(batch, CLASSES, len(points)), torch.zeros(batch, BINS + 1, len(points))
    return TridentRegression(points, logits, logits.clone(), bins, bins.clone())


def place(sequence: int, point: int, label: int) -> Places:
    return Places(torch.tensor([sequence]), torch.tensor([point]), torch.tensor([label]))


def test_without_any_hint_every_distance_is_equally_likely(points_of: PointsOf) -> None:
    assert silent(points_of([9], 9, 1)).distances(place(0, 4, 0)).tolist() == [[2, 2]]


def test_a_clear_boundary_is_found_at_its_step_for_its_class_alone(points_of: PointsOf) -> None:
    regression = silent(points_of([9], 9, 1))
    regression.start_logits[0, 1, 3] = 50.0
    regression.end_logits[0, 1, 8] = 50.0
    assert_close(regression.distances(place(0, 5, 1)), torch.tensor([[2.0, 3.0]]))
    assert regression.distances(place(0, 5, 0)).tolist() == [[2, 2]]


def test_a_clear_bin_is_the_distance_for_every_class(points_of: PointsOf) -> None:
    regression = silent(points_of([9], 9, 1))
    regression.start_bins[0, 4, 5] = 50.0
    regression.end_bins[0, 1, 5] = 50.0
    for label in range(CLASSES):
        assert_close(regression.distances(place(0, 5, label)), torch.tensor([[4.0, 1.0]]))


def test_a_boundary_in_another_level_is_not_seen(points_of: PointsOf) -> None:
    points = points_of([6], 6, 3)  # levels of 6, 3 and 2 points: 0-5, 6-8, 9-10
    regression = silent(points)
    for other in (5, 9):
        regression.start_logits[0, 0, other] = 50.0
        regression.end_logits[0, 0, other] = 50.0
    for point in (6, 7, 8):
        assert regression.distances(place(0, point, 0)).tolist() == [[2, 2]]


def test_logits_behind_the_end_of_a_sequence_count_as_zero(points_of: PointsOf) -> None:
    regression = silent(points_of([4, 6], 6, 1))
    regression.end_logits[:, 0, 4] = 50.0
    assert regression.distances(place(0, 3, 0)).tolist() == [[2, 2]]
    assert_close(regression.distances(place(1, 3, 0))[0, 1], torch.tensor(1.0))


def test_distances_lie_between_zero_and_the_last_bin(points_of: PointsOf, every_place: EveryPlace) -> None:
    points = points_of([30], 30, 3)
    distances = regression_of(points, seed=1).distances(every_place(points, 0, CLASSES))
    assert distances.min() >= 0
    assert distances.max() <= BINS


def test_no_places_have_no_distances(points_of: PointsOf) -> None:
    none = torch.zeros(0, dtype=torch.long)
    assert silent(points_of([5], 5, 2)).distances(Places(none, none, none)).shape == (0, 2)


def test_distances_have_the_right_gradient(
    points_of: PointsOf, every_place: EveryPlace, in_float64: None
) -> None:
    points = points_of([5, 3], 5, 2)
    regression = regression_of(points)
    places = every_place(points, 1, CLASSES)

    def distances(*values: Tensor) -> Tensor:
        return TridentRegression(points, *values).distances(places)

    columns = [regression.start_logits, regression.end_logits, regression.start_bins, regression.end_bins]
    assert torch.autograd.gradcheck(distances, tuple(x.double().requires_grad_() for x in columns))


def test_the_head_scales_the_bins_of_each_level_and_cuts_them_at_zero(
    points_of: PointsOf, randomised: Callable[..., nn.Module]
) -> None:
    head = randomised(TridentHead(5, CLASSES, 3, channels=6, bins=BINS))
    head.level_scale.data = torch.tensor([1.0, 2.0, -3.0])
    points = points_of([8], 8, 3)
    strip = Strip(points, 1)
    x = strip.lay([torch.randn(1, size, 5) for size in points.sizes])
    regression = head(x, strip)
    plain = head.bins(head.trunk(x, strip.rows), strip)
    expected = F.relu(plain * torch.tensor([1.0] * 8 + [2.0] * 4 + [-3.0] * 2))
    assert_close(torch.cat((regression.start_bins, regression.end_bins), dim=1), expected)
    assert regression.start_bins.shape == (1, BINS + 1, 14)
    assert_close(regression.start_logits, head.start(x, strip))
    assert_close(regression.end_logits, head.end(x, strip))


@pytest.mark.parametrize(("kernel_size", "boundary"), [(3, 1), (5, 1), (3, 7), (3, None)])
def test_heads_that_look_for_boundaries_may_have_a_kernel_of_their_own(
    kernel_size: int, boundary: int | None, points_of: PointsOf, randomised: Callable[..., nn.Module]
) -> None:
    head = randomised(
        TridentHead(5, CLASSES, 2, channels=6, bins=BINS, kernel_size=kernel_size, boundary_kernel_size=boundary)
    )
    sizes = {name: {w.shape[0] for n, w in head.named_parameters() if w.ndim == 3 and n.startswith(name)}
             for name in ("start", "end", "trunk", "bins")}  # fmt: skip
    assert sizes == {
        "start": {boundary or kernel_size},
        "end": {boundary or kernel_size},
        "trunk": {kernel_size},
        "bins": {kernel_size},
    }
    points = points_of([8, 3], 8, 2)
    levels = [torch.randn(2, size, 5) for size in points.sizes]
    gap = max(kernel_size, boundary or 1) // 2
    wide, wider = (head(strip.lay(levels), strip) for strip in (Strip(points, gap), Strip(points, gap + 4)))
    for name in ("start_logits", "end_logits", "start_bins", "end_bins"):
        assert_close(getattr(wide, name), getattr(wider, name))
