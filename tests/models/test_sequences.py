import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.models.sequences import Padding, Pyramid, half

CPU = torch.device("cpu")
lengths_of_a_batch = st.lists(st.integers(1, 40), min_size=1, max_size=6)


def test_without_lengths_every_sequence_fills_its_row() -> None:
    padding = Padding.of(torch.zeros(3, 2, 7), None)
    assert padding.lengths == (7, 7, 7)
    assert padding.steps == 7
    assert padding.is_empty


def test_one_shorter_sequence_makes_a_padding_not_empty() -> None:
    assert not Padding.of(torch.zeros(2, 1, 4), [4, 3]).is_empty


def test_the_mask_is_true_at_the_steps_of_a_sequence() -> None:
    mask = Padding.of(torch.zeros(2, 5, 3), [3, 1]).mask
    assert mask.tolist() == [[[True, True, True]], [[True, False, False]]]


def test_zero_and_fill_replace_only_what_stands_behind_a_sequence() -> None:
    x = torch.tensor([[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]])
    padding = Padding.of(x, [2, 3])
    assert padding.zero(x).tolist() == [[[1, 2, 0]], [[4, 5, 6]]]
    assert padding.fill(x, -7.0).tolist() == [[[1, 2, -7]], [[4, 5, 6]]]


def test_fill_replaces_even_what_is_not_a_number() -> None:
    x = torch.tensor([[[1.0, float("nan"), float("inf")]]])
    assert Padding.of(x, [1]).fill(x, 0.0).tolist() == [[[1, 0, 0]]]


@given(lengths_of_a_batch, st.integers(0, 5))
def test_each_gives_a_function_every_sequence_whole_and_alone(lengths: list[int], more: int) -> None:
    x = torch.randn(len(lengths), 2, max(lengths) + more)
    reversed_ = Padding.of(x, lengths).each(x, lambda whole: whole.flip(2))
    assert reversed_.shape == x.shape
    for row, given_row, length in zip(reversed_, x, lengths, strict=True):
        assert torch.equal(row[:, :length], given_row[:, :length].flip(1))
        assert not row[:, length:].any()


@given(st.integers(1, 1000))
def test_half_counts_every_second_step_from_the_first_on(length: int) -> None:
    assert half(length) == len(range(0, length, 2))


@given(lengths_of_a_batch, st.integers(0, 9))
def test_the_halved_mask_is_every_second_step_of_the_mask(lengths: list[int], more: int) -> None:
    padding = Padding(tuple(lengths), max(lengths) + more, CPU)
    halved = padding.halved()
    assert halved.steps == half(padding.steps)
    assert torch.equal(halved.mask, padding.mask[..., ::2])


@pytest.mark.parametrize("lengths", [[], [3], [1, 2, 3]])
def test_a_wrong_number_of_lengths_is_refused_with_both_numbers(lengths: list[int]) -> None:
    with pytest.raises(ValueError, match=rf"^{len(lengths)} lengths were given for a batch of 2 sequences$"):
        Padding.of(torch.zeros(2, 1, 5), lengths)


@pytest.mark.parametrize("length", [0, -1, 6])
def test_a_length_outside_the_row_is_refused_with_the_range(length: int) -> None:
    with pytest.raises(ValueError, match=rf"lengths \(5, {length}\) must lie in 1\.\.5"):
        Padding.of(torch.zeros(2, 1, 5), [5, length])


def test_the_length_of_a_pyramid_is_its_number_of_levels() -> None:
    padding = Padding((3,), 3, CPU)
    assert len(Pyramid((torch.zeros(1, 1, 3), torch.zeros(1, 1, 2)), (padding, padding.halved()))) == 2
