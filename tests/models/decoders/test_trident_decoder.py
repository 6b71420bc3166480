import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.decoders.heads import Strip
from untrimmed.models.decoders.trident_decoder import TridentDecoder
from untrimmed.models.predictions import Places, Points, Predictions
from untrimmed.models.pyramid_norms import GroupNorms
from untrimmed.models.sequences import Pyramid

PointsOf = Callable[..., Points]
EveryPlace = Callable[..., Places]
Randomised = Callable[..., nn.Module]

CHANNELS, CLASSES, LEVELS, BINS = 8, 3, 3, 4
LENGTHS = (11, 6, 1)


@pytest.fixture
def pyramid(points_of: PointsOf) -> Pyramid:
    torch.manual_seed(0)
    paddings = points_of(LENGTHS, 13, LEVELS).paddings
    return Pyramid(
        tuple(
            padding.zero(torch.randn(len(LENGTHS), CHANNELS, padding.steps)).requires_grad_()
            for padding in paddings
        ),
        paddings,
    )


def decoder_of(**options: object) -> TridentDecoder:
    return TridentDecoder(CHANNELS, CLASSES, LEVELS, head_channels=6, bins=BINS, **options)


def distances(predictions: Predictions, every_place: EveryPlace) -> Tensor:
    rows = range(len(LENGTHS))
    return torch.cat(
        [predictions.regression.distances(every_place(predictions.points, row, CLASSES)) for row in rows]
    )


@pytest.mark.parametrize(("kernel_size", "boundary"), [(3, None), (5, 1), (1, 5)])
def test_predictions_are_those_of_the_heads_on_each_normalised_level_alone(
    kernel_size: int, boundary: int | None, pyramid: Pyramid, randomised: Randomised, every_place: EveryPlace
) -> None:
    decoder = randomised(decoder_of(kernel_size=kernel_size, boundary_kernel_size=boundary))
    predictions = decoder(pyramid)
    for level, (x, padding) in enumerate(zip(pyramid.levels, pyramid.paddings, strict=True)):
        norm = decoder.norms[level]
        first = predictions.points.first[level]
        for row, length in enumerate(padding.lengths):
            own = F.layer_norm(x[row, :, :length].mT, (CHANNELS,), norm.weight, norm.bias)
            points = Points((type(padding)((length,), length, padding.device),))
            strip = Strip(points, 0)
            logits = decoder.class_head(own, strip)[0]
            assert_close(predictions.class_logits[row, :, first : first + length], logits)
            alone = decoder.trident_head.start(own, strip)[0]
            assert_close(predictions.regression.start_logits[row, :, first : first + length], alone)
            alone = decoder.trident_head.end(own, strip)[0]
            assert_close(predictions.regression.end_logits[row, :, first : first + length], alone)
            bins = decoder.trident_head.bins(decoder.trident_head.trunk(own, strip.rows), strip)[0]
            bins = F.relu(bins * decoder.trident_head.level_scale[level])
            assert_close(predictions.regression.start_bins[row, :, first : first + length], bins[: BINS + 1])
            assert_close(predictions.regression.end_bins[row, :, first : first + length], bins[BINS + 1 :])
    found = distances(predictions, every_place)
    assert ((found >= 0) & (found <= BINS)).all()


def test_detached_boundaries_are_the_same_and_learn_but_teach_nothing_below(
    pyramid: Pyramid, randomised: Randomised
) -> None:
    decoder = randomised(decoder_of())
    regressions = {}
    for decoder.detached_boundaries in (False, True):
        regression = decoder(pyramid).regression
        regressions[decoder.detached_boundaries] = regression
        for logits, head in (
            (regression.start_logits, decoder.trident_head.start),
            (regression.end_logits, decoder.trident_head.end),
        ):
            below = (*pyramid.levels, *decoder.norms.parameters())
            total = logits.square().sum()
            reached = torch.autograd.grad(total, below, retain_graph=True, allow_unused=True)
            assert all(
                gradient is None if decoder.detached_boundaries else gradient.any() for gradient in reached
            )
            own = torch.autograd.grad(total, tuple(head.parameters()), retain_graph=True)
            assert all(gradient.any() for gradient in own)
        reached = torch.autograd.grad(regression.start_bins.sum(), pyramid.levels)
        assert all(gradient.any() for gradient in reached)
    for name in ("start_logits", "end_logits", "start_bins", "end_bins"):
        assert torch.equal(getattr(regressions[False], name), getattr(regressions[True], name))


@pytest.mark.parametrize("prior", [0.01, 1e-6])
def test_classes_starts_and_ends_are_rare_at_the_start_of_training(prior: float) -> None:
    decoder = decoder_of() if prior == 0.01 else decoder_of(prior=prior)
    heads = (decoder.class_head, decoder.trident_head.start, decoder.trident_head.end)
    for head in heads:
        expected = torch.full((CLASSES,), math.log(prior / (1 - prior)))
        assert_close(head.output.convolution.bias.detach(), expected)
    assert not decoder.trident_head.bins.convolution.bias.any()


def test_every_parameter_learns_from_classes_and_distances(
    pyramid: Pyramid, every_place: EveryPlace, randomised: Randomised
) -> None:
    for detached in (False, True):
        decoder = randomised(decoder_of(detached_boundaries=detached))
        predictions = decoder(pyramid)
        (predictions.class_logits.square().sum() + distances(predictions, every_place).square().sum()).backward()
        assert [name for name, value in decoder.named_parameters() if not value.grad.any()] == []


def test_levels_may_be_normalised_otherwise(pyramid: Pyramid, randomised: Randomised) -> None:
    decoder = randomised(decoder_of(norms=GroupNorms(2)))
    assert not list(decoder.norms.parameters())
    strip = Strip(Points(pyramid.paddings), 1)
    expected = decoder.class_head(strip.lay(GroupNorms(2)(pyramid)), strip)
    assert_close(decoder(pyramid).class_logits, expected)
