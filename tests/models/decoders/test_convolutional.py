from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.decoders.convolutional import ConvolutionalDecoder
from untrimmed.models.predictions import Places
from untrimmed.models.pyramid_norms import GroupNorms, SharedLayerNorm
from untrimmed.models.rows import RowConvolution, Trunk
from untrimmed.models.sequences import Padding, Pyramid

Randomised = Callable[..., nn.Module]
EveryPlace = Callable[..., Places]
Padded = Callable[..., Tensor]

CHANNELS, CLASSES, LEVELS = 8, 3, 3


def decoder_of(**options: object) -> ConvolutionalDecoder:
    return ConvolutionalDecoder(CHANNELS, CLASSES, LEVELS, head_channels=12, **options)


def pyramid_of(sequences: list[Tensor], steps: int, padded: Padded) -> Pyramid:
    """Level 0 holds the sequences (C, T), each further level every second step of the one below."""
    padding = Padding(tuple(x.shape[1] for x in sequences), steps, torch.device("cpu"))
    levels, paddings = [padded(sequences, steps)], [padding]
    while len(levels) < LEVELS:
        levels.append(2 * levels[-1][..., ::2])
        paddings.append(paddings[-1].halved())
    return Pyramid(tuple(levels), tuple(paddings))


def convolved(layer: RowConvolution, x: Tensor) -> Tensor:
    """PyTorch's convolution of (1, C, T) with the same weights."""
    return F.conv1d(x, layer.weight.permute(2, 1, 0), layer.bias, padding=len(layer.weight) // 2)


def features_by_hand(trunk: Trunk, x: Tensor) -> Tensor:
    for convolution, norm in zip(trunk.convolutions, trunk.norms, strict=True):
        x = torch.relu(norm(convolved(convolution, x).mT).mT)
    return x


@pytest.mark.parametrize(("kernel_size", "layers"), [(3, 3), (1, 2), (5, 4)])
@torch.no_grad()
def test_predictions_are_those_of_convolutions_over_each_level(
    kernel_size: int, layers: int, randomised: Randomised, padded: Padded, every_place: EveryPlace
) -> None:
    decoder = randomised(decoder_of(kernel_size=kernel_size, layers=layers), size=0.3)
    # So that the ReLU lets all distances to a start through.
    decoder.distance_head.output.convolution.weight[..., 0].abs_()
    decoder.distance_head.output.convolution.bias[0].abs_()
    decoder.distance_head.level_scale.abs_()
    pyramid = pyramid_of([torch.randn(CHANNELS, 13)], 13, padded)
    logits, distances = [], []
    for number, level in enumerate(pyramid.levels):
        x = decoder.norms[number](level.mT).mT
        head = decoder.class_head
        logits.append(convolved(head.output.convolution, features_by_hand(head.trunk, x)))
        head = decoder.distance_head
        raw = convolved(head.output.convolution, features_by_hand(head.trunk, x))
        distances.append(torch.relu(head.level_scale[number] * raw))
    predictions = decoder(pyramid)
    assert predictions.coarse is None
    assert_close(predictions.class_logits, torch.cat(logits, dim=2), rtol=1e-4, atol=1e-4)
    places = every_place(predictions.points, 0, CLASSES)
    expected = torch.cat(distances, dim=2)[0].t().repeat_interleave(CLASSES, dim=0)
    assert expected[:, 0].all()
    assert_close(predictions.regression.distances(places), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "norms", [None, SharedLayerNorm(CHANNELS), GroupNorms()], ids=["layer", "shared", "group"]
)
@settings(deadline=None, max_examples=10)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=4), more=st.integers(0, 20), seed=st.integers(0, 9)
)
@torch.no_grad()
def test_predictions_of_a_sequence_are_those_it_has_alone(
    norms: nn.Module | None,
    lengths: list[int],
    more: int,
    seed: int,
    randomised: Randomised,
    padded: Padded,
    every_place: EveryPlace,
    in_float64: None,
) -> None:
    decoder = randomised(decoder_of(norms=norms)).double()
    generator = torch.Generator().manual_seed(seed)
    sequences = [torch.randn(CHANNELS, n, generator=generator, dtype=torch.float64) for n in lengths]
    together = decoder(pyramid_of(sequences, max(lengths) + more, padded))
    for row, sequence in enumerate(sequences):
        alone = decoder(pyramid_of([sequence], sequence.shape[1], padded))
        valid = together.points.valid[row]
        assert_close(together.class_logits[row][:, valid], alone.class_logits[0], rtol=0, atol=1e-9)
        given_distances, expected = (
            predictions.regression.distances(every_place(predictions.points, at, CLASSES))
            for predictions, at in ((together, row), (alone, 0))
        )
        assert_close(given_distances, expected, rtol=0, atol=1e-9)


@torch.no_grad()
def test_every_class_starts_with_its_prior(padded: Padded) -> None:
    decoder = decoder_of(prior=0.2)
    decoder.class_head.output.convolution.weight.zero_()
    predictions = decoder(pyramid_of([torch.randn(CHANNELS, 6)], 6, padded))
    assert_close(predictions.class_logits.sigmoid(), torch.full((1, CLASSES, 6 + 3 + 2), 0.2))


@torch.no_grad()
def test_distances_are_never_negative_and_the_same_for_every_class(
    randomised: Randomised, padded: Padded, every_place: EveryPlace
) -> None:
    predictions = randomised(decoder_of(), size=0.5)(pyramid_of([torch.randn(CHANNELS, 30)], 30, padded))
    places = every_place(predictions.points, 0, CLASSES)
    by_class = predictions.regression.distances(places).unflatten(0, (-1, CLASSES))
    assert (by_class >= 0).all()
    assert (by_class == 0).any()
    assert torch.equal(by_class, by_class[:, :1].expand_as(by_class))


def test_every_parameter_gets_a_gradient(randomised: Randomised, padded: Padded, every_place: EveryPlace) -> None:
    decoder = randomised(decoder_of()).train()
    predictions = decoder(pyramid_of([torch.randn(CHANNELS, 30), torch.randn(CHANNELS, 9)], 30, padded))
    distances = predictions.regression.distances(every_place(predictions.points, 0, CLASSES))
    (predictions.class_logits.square().sum() + distances.square().sum()).backward()
    assert [name for name, p in decoder.named_parameters() if p.grad is None or not p.grad.any()] == []
