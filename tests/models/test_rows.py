from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.rows import RowConvolution, Rows, Trunk, convolve, convolve_in_pairs, pays_in_pairs

Randomised = Callable[..., nn.Module]

CPU = torch.device("cpu")


def expected_convolution(table: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.conv1d(table.t()[None], weight.permute(2, 1, 0), bias, padding=len(weight) // 2)[0].t()


def test_sequences_lie_under_each_other_with_zeros_between_them() -> None:
    rows = Rows((2, 1), 2, CPU)
    assert rows.lay([torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0]])]).flatten().tolist() == [1, 2, 0, 0, 3]


def test_a_single_sequence_is_not_copied() -> None:
    sequence = torch.randn(5, 2)
    assert Rows((5,), 1, CPU).lay([sequence]) is sequence


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5), gap=st.integers(0, 3))
def test_taking_gives_back_what_was_laid_and_only_gaps_are_zeroed(lengths: list[int], gap: int) -> None:
    rows = Rows(tuple(lengths), gap, CPU)
    sequences = [torch.randn(length, 2) for length in lengths]
    table = rows.lay(sequences)
    assert table.shape == (sum(lengths) + gap * (len(lengths) - 1), 2)
    noisy = torch.where(table == 0, 7.0, table)
    assert torch.equal(rows.zero_gaps_(noisy), table)
    for taken, sequence in zip(rows.take(noisy), sequences, strict=True):
        assert torch.equal(taken, sequence)


@pytest.mark.parametrize("kernel_size", [1, 3, 5, 7])
@pytest.mark.parametrize("outputs", [1, 6])
@pytest.mark.parametrize("steps", [1, 2, 3, 10])
def test_the_convolution_is_that_of_pytorch(
    kernel_size: int, outputs: int, steps: int, randomised: Randomised
) -> None:
    layer = randomised(RowConvolution(8, outputs, kernel_size))
    table = torch.randn(steps, 8)
    assert_close(layer(table), expected_convolution(table, layer.weight, layer.bias))
    with torch.no_grad():
        assert_close(layer(table), expected_convolution(table, layer.weight, layer.bias))


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("steps", [1, 2, 6])
def test_the_convolution_has_the_right_gradient(
    kernel_size: int, steps: int, check_gradients: Callable[..., None]
) -> None:
    torch.manual_seed(0)
    check_gradients(RowConvolution(2, 3, kernel_size), [torch.randn(steps, 2)])


@settings(deadline=None, max_examples=30)
@given(steps=st.integers(2, 40), inputs=st.integers(1, 5), outputs=st.integers(1, 5))
def test_in_pairs_of_rows_the_same_is_computed(steps: int, inputs: int, outputs: int) -> None:
    table = torch.randn(steps, inputs, dtype=torch.float64)
    weight = torch.randn(3, inputs, outputs, dtype=torch.float64)
    given_table = table.clone()
    assert_close(convolve_in_pairs(table, weight), convolve(table, weight), atol=1e-12, rtol=0)
    assert torch.equal(table, given_table)


@pytest.mark.parametrize("steps", [2, 77, 500])
def test_wide_convolutions_are_computed_in_pairs_without_gradient_and_lose_no_digits(steps: int) -> None:
    torch.manual_seed(0)
    layer = RowConvolution(256, 256, 3, bias=False)
    table = torch.randn(steps, 256)
    assert pays_in_pairs(table, layer.weight)
    with torch.no_grad():
        in_pairs = layer(table)
        exact = expected_convolution(table.double(), layer.weight.double())
    assert torch.equal(in_pairs, convolve_in_pairs(table, layer.weight.detach()))
    assert_close(in_pairs.double(), exact, atol=5e-6, rtol=0)
    assert_close(layer(table), in_pairs, atol=5e-6, rtol=0)


@pytest.mark.parametrize("shape", [(1, 256, 256), (5, 256, 256), (3, 128, 256), (3, 256, 128)])
def test_narrow_convolutions_and_other_kernels_are_not_computed_in_pairs(shape: tuple[int, int, int]) -> None:
    assert not pays_in_pairs(torch.zeros(10, shape[1]), torch.zeros(shape))


@pytest.mark.parametrize("kernel_size", [2, 4])
def test_an_even_kernel_is_refused(kernel_size: int) -> None:
    with pytest.raises(ValueError, match=f"odd kernel size, not {kernel_size}"):
        RowConvolution(2, 2, kernel_size)


def test_the_convolution_starts_with_a_bias_of_zero_or_has_none() -> None:
    assert RowConvolution(2, 3, 3).bias.tolist() == [0, 0, 0]
    assert RowConvolution(2, 3, 3, bias=False).bias is None


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("grad", [True, False])
def test_a_trunk_over_the_table_is_the_trunk_over_each_sequence(
    kernel_size: int, grad: bool, randomised: Randomised
) -> None:
    trunk = randomised(Trunk(5, 6, kernel_size, 3))
    lengths = (7, 1, 4)
    sequences = [torch.randn(length, 5) for length in lengths]
    rows = Rows(lengths, kernel_size // 2, CPU)
    with torch.set_grad_enabled(grad):
        table = trunk(rows.lay(sequences), rows)
        for taken, sequence in zip(rows.take(table), sequences, strict=True):
            assert_close(taken, trunk(sequence, Rows((len(sequence),), kernel_size // 2, CPU)))
    assert torch.equal(rows.zero_gaps_(table.detach().clone()), table)


def test_the_gradient_of_a_trunk_does_not_cross_the_gaps(check_gradients: Callable[..., None]) -> None:
    torch.manual_seed(0)
    rows = Rows((4, 2), 1, CPU)
    table = rows.lay([torch.randn(4, 2), torch.randn(2, 2)])
    check_gradients(Trunk(2, 3, 3, 2), [table], rows)
