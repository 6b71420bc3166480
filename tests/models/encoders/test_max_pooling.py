from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from untrimmed.config.model import ModelSection
from untrimmed.models.build import build_detector
from untrimmed.models.encoders.max_pooling import MaxPoolingEncoder
from untrimmed.models.sequences import Padding, ReleasePadding

Padded = Callable[..., Tensor]


def slow_level(below: list[list[float]]) -> list[list[float]]:
    """The maxima of one channel after another: of every second step and its neighbours."""
    return [[max(row[max(t - 1, 0) : t + 2]) for t in range(0, len(row), 2)] for row in below]


def test_a_level_holds_the_maxima_around_every_second_step_of_the_one_below() -> None:
    x = torch.tensor([[[1.0, 5, 2, 0, -3, -4, -1], [-7, -8, -9, -6, -5, -8, -9]]])
    levels = MaxPoolingEncoder(4)(x).levels
    assert torch.equal(levels[0], x)
    assert levels[1].tolist() == [[[5, 5, 0, -1], [-7, -6, -5, -8]]]
    assert levels[2].tolist() == [[[5, 5], [-6, -5]]]
    assert levels[3].tolist() == [[[5], [-5]]]


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    more=st.integers(0, 20),
    levels=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_each_sequence_has_its_own_maxima_and_zeros_behind_them(
    lengths: list[int], more: int, levels: int, seed: int, padded: Padded
) -> None:
    generator = torch.Generator().manual_seed(seed)
    # Below zero, where a zero of the padding would be the greatest.
    sequences = [torch.randn(3, length, generator=generator) - 2 for length in lengths]
    pyramid = MaxPoolingEncoder(levels)(padded(sequences, max(lengths) + more), lengths)
    assert len(pyramid) == levels
    for row, sequence in enumerate(sequences):
        expected = sequence.tolist()
        for level, padding in zip(pyramid.levels, pyramid.paddings, strict=True):
            length = padding.lengths[row]
            assert level.shape[2] == padding.steps
            assert level[row, :, :length].tolist() == expected
            assert not level[row, :, length:].any()
            expected = slow_level(expected)


def test_as_released_padding_takes_part_and_every_level_but_the_first_is_masked() -> None:
    x = torch.tensor([[[-1.0, -2, -3, 7, 8, 9]]])
    padding = ReleasePadding((3,), 6, x.device)
    levels = MaxPoolingEncoder(3)(x, padding).levels
    assert levels[0].tolist() == [[[-1, -2, -3, 7, 8, 9]]]
    # The second maximum looks at the step behind the end; the third stands behind it.
    assert levels[1].tolist() == [[[-1, 7, 0]]]
    assert levels[2].tolist() == [[[7, 0]]]
    assert MaxPoolingEncoder(3)(x, Padding((3,), 6, x.device)).levels[1].tolist() == [[[-1, -2, 0]]]


def test_the_gradient_reaches_the_maximum_alone() -> None:
    x = torch.tensor([[[1.0, 5, 2, 0, -3]]], requires_grad=True)
    MaxPoolingEncoder(2)(x).levels[1].sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[[0, 2, 0, 1, 0]]]


def test_gradients_are_those_of_finite_differences(check_gradients: Callable[..., None]) -> None:
    class TopLevel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = MaxPoolingEncoder(3)

        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            return self.encoder(x, [9, 4]).levels

    check_gradients(TopLevel(), [torch.randn(2, 3, 9, generator=torch.Generator().manual_seed(0))])


def test_it_has_no_weights_and_at_least_one_level() -> None:
    assert list(MaxPoolingEncoder(6).parameters()) == []
    assert len(MaxPoolingEncoder(1)(torch.zeros(1, 2, 3))) == 1
    with pytest.raises(ValueError, match="a pyramid needs at least one level, not 0"):
        MaxPoolingEncoder(0)


@pytest.mark.parametrize(
    # The released networks for THUMOS14 and, but for their dimensions, MultiTHUMOS; and that of OpenTAD.
    ("norm", "count"),
    [("group", 7_117_852), ("shared_layer", 7_118_876), ("layer", 7_123_996)],
)
def test_the_network_of_temporalmaxer_has_as_many_parameters_as_in_the_releases(norm: str, count: int) -> None:
    section = ModelSection.model_validate(
        {"norm": norm, "encoder": {"kind": "max_pooling"}, "decoder": {"kind": "convolutional"}}
    )
    with torch.device("meta"):
        detector = build_detector(section, input_dim=2048, classes=20)
    assert sum(parameter.numel() for parameter in detector.parameters()) == count
