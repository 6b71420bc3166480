from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.layers import (
    ChannelAffine,
    ChannelNorm,
    DepthwiseConvolution,
    FeedForward,
    GroupNorm,
    MaxPool,
    ResidualPath,
)
from untrimmed.models.sequences import Padding

Randomised = Callable[..., nn.Module]
Padded = Callable[..., Tensor]


def sequences_of(lengths: list[int], channels: int = 8, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(channels, length, generator=generator) for length in lengths]


@pytest.mark.parametrize("kernel_size", [1, 3, 5, 7])
@pytest.mark.parametrize("steps", [1, 2, 9])
def test_depthwise_convolution_is_the_one_dimensional_convolution(
    kernel_size: int, steps: int, randomised: Randomised
) -> None:
    layer = randomised(DepthwiseConvolution(6, kernel_size))
    x = torch.randn(2, 6, steps)
    expected = F.conv1d(x, layer.weight[:, None], layer.bias, padding=kernel_size // 2, groups=6)
    assert_close(layer(x), expected)
    with torch.no_grad():  # which takes another way
        assert_close(layer(x), expected)


def test_depthwise_convolution_starts_with_a_bias_of_zero() -> None:
    assert DepthwiseConvolution(2, 3).bias.tolist() == [0, 0]


@pytest.mark.parametrize("kernel_size", [2, 4])
def test_depthwise_convolution_refuses_an_even_kernel(kernel_size: int) -> None:
    with pytest.raises(ValueError, match=f"odd kernel size, not {kernel_size}"):
        DepthwiseConvolution(2, kernel_size)


def test_channel_affine_is_a_depth_wise_convolution_of_kernel_1(randomised: Randomised) -> None:
    layer = randomised(ChannelAffine(5))
    x = torch.randn(2, 5, 4)
    assert_close(layer(x), F.conv1d(x, layer.weight[:, None, None], layer.bias, groups=5))


def test_channel_norm_makes_each_step_zero_in_mean_and_one_in_variance_over_channels() -> None:
    x = 5 + 3 * torch.randn(2, 16, 7)
    normal = ChannelNorm(16)(x)
    assert_close(normal.mean(1), torch.zeros(2, 7), atol=1e-6, rtol=0)
    assert_close(normal.var(1, unbiased=False), torch.ones(2, 7), atol=1e-4, rtol=0)


def test_channel_norm_scales_and_shifts_each_channel(randomised: Randomised) -> None:
    layer = randomised(ChannelNorm(8))
    x = torch.randn(2, 8, 5)
    centred = x - x.mean(1, keepdim=True)
    normal = centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
    expected = normal * layer.weight[:, None] + layer.bias[:, None]
    assert_close(layer(x), expected)
    with torch.no_grad():  # which takes another way
        assert_close(layer(x), expected)


@pytest.mark.parametrize("groups", [1, 4, 8])
@settings(deadline=None, max_examples=20)
@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=4), more=st.integers(0, 5))
def test_group_norm_has_the_statistics_of_each_sequence_alone(
    groups: int, lengths: list[int], more: int, randomised: Randomised, padded: Padded
) -> None:
    # In doubles: nearly equal values in a group magnify rounding up to 300 times.
    layer = randomised(GroupNorm(groups, 8)).double()
    sequences = [3 + 2 * x.double() for x in sequences_of(lengths)]
    batch = padded(sequences, max(lengths) + more)
    normal = layer(batch, Padding.of(batch, lengths))
    for row, x in zip(normal, sequences, strict=True):
        grouped = x.reshape(groups, -1)
        centred = grouped - grouped.mean(1, keepdim=True)
        alone = (centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()).reshape(x.shape)
        expected = alone * layer.weight[:, None] + layer.bias[:, None]
        assert_close(row[:, : x.shape[1]], expected, atol=1e-10, rtol=0)
        assert not row[:, x.shape[1] :].any()


@pytest.mark.parametrize("behind", [0, 3])
def test_group_norm_is_that_of_pytorch(behind: int, randomised: Randomised) -> None:
    layer = randomised(GroupNorm(4, 8))
    x = torch.randn(2, 8, 5)
    normal = layer(F.pad(x, (0, behind)), Padding((5, 5), 5 + behind, x.device))
    assert_close(normal[..., :5], F.group_norm(x, 4, layer.weight, layer.bias))


def test_group_norm_has_the_right_gradient_over_padding(check_gradients: Callable[..., None]) -> None:
    x = torch.randn(2, 4, 5)
    padding = Padding.of(x, [5, 3])
    check_gradients(GroupNorm(2, 4), [padding.zero(x)], padding)


def test_group_norm_of_a_single_value_is_its_shift() -> None:
    layer = GroupNorm(4, 4)
    layer.bias.data = torch.tensor([1.0, 2.0, 3.0, 4.0])
    x = torch.tensor([[[7.0], [-7.0], [0.5], [100.0]]])
    # What is left of the value is rounding, which a variance of zero magnifies.
    assert_close(layer(x, Padding.of(x, None)).flatten(), layer.bias, atol=1e-2, rtol=0)


def test_group_norm_refuses_channels_that_do_not_divide_into_groups() -> None:
    with pytest.raises(ValueError, match="24 channels do not divide into 16 groups"):
        GroupNorm(16, 24)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-5], [-5]),
        ([-5, -3], [-3]),
        ([-5, -3, -4], [-3, -3]),
        ([1, 9, 2, 8], [9, 9]),
        ([-1, -2, -3, -4, -5], [-1, -2, -4]),
    ],
)
def test_max_pool_looks_one_step_to_each_side_and_never_beyond_the_ends(
    values: list[float], expected: list[float]
) -> None:
    x = torch.tensor([[values]], dtype=torch.float32)
    assert MaxPool()(x, Padding.of(x, None)).tolist() == [[expected]]


@settings(deadline=None, max_examples=40)
@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=4), more=st.integers(0, 9))
def test_max_pool_pools_each_sequence_as_if_alone(lengths: list[int], more: int, padded: Padded) -> None:
    sequences = [x - 4 for x in sequences_of(lengths)]  # below zero, so that padding would win
    batch = padded(sequences, max(lengths) + more)
    padding = Padding.of(batch, lengths)
    pooled = MaxPool()(batch, padding)
    assert pooled.shape[-1] == padding.halved().steps
    for row, x, length in zip(pooled, sequences, padding.halved().lengths, strict=True):
        assert torch.equal(row[None, :, :length], MaxPool()(x[None], Padding.of(x[None], None)))
        assert not row[:, length:].any()


def test_max_pool_sends_no_gradient_into_the_padding() -> None:
    x = torch.randn(1, 1, 9, requires_grad=True)
    MaxPool()(x, Padding.of(x, [2])).sum().backward()
    assert x.grad[0, 0, :2].sum() == 1
    assert not x.grad[0, 0, 2:].any()


def test_residual_path_scales_each_channel_of_the_branch_in_evaluation() -> None:
    layer = ResidualPath(2, 0.5, 1.0).eval()
    layer.scale.data = torch.tensor([2.0, -1.0])
    assert layer(torch.full((1, 2, 2), 10.0), torch.ones(1, 2, 2)).tolist() == [[[12, 12], [9, 9]]]


def test_residual_path_is_the_same_in_training_where_nothing_is_dropped() -> None:
    layer = ResidualPath(3, 0.0, 0.25).train()
    x, branch = torch.randn(2, 4, 3, 5)
    assert_close(layer(x, branch), x + 0.25 * branch)


def test_residual_path_drops_whole_sequences_and_divides_the_others_by_what_is_left() -> None:
    torch.manual_seed(0)
    x, branch = torch.randn(2, 64, 2, 3)
    out = ResidualPath(2, 0.25, 0.5).train()(x, branch)
    dropped = (out == x).flatten(1).all(1)
    assert 0 < dropped.sum() < 64
    assert_close(out[~dropped], (x + 0.5 * branch / 0.75)[~dropped])


def test_residual_path_keeps_the_expectation() -> None:
    torch.manual_seed(0)
    layer = ResidualPath(1, 0.3, 1.0).train()
    mean = layer(torch.zeros(20_000, 1, 1), torch.ones(20_000, 1, 1)).mean().item()
    # The standard deviation of this mean is sqrt(0.3 / 0.7 / 20000) = 0.0046.
    assert abs(mean - 1) < 0.02


@pytest.mark.parametrize("processes", [2, 3])
def test_residual_path_the_parts_of_several_processes_are_the_batch_of_one(processes: int) -> None:
    branch = torch.randn(6, 2, 3)

    def out(share: tuple[int, int], part: Tensor) -> Tensor:
        layer = ResidualPath(2, 0.5, 1.0).train()
        layer.share = share
        torch.manual_seed(7)
        nothing = torch.zeros_like(part)
        # Two draws, as of two layers: what comes after must stay in step as well.
        return torch.stack((layer(nothing, part), layer(nothing, part)), dim=1)

    whole = out((0, 1), branch)
    parts = [out((rank, processes), part) for rank, part in enumerate(branch.chunk(processes))]
    assert torch.equal(torch.cat(parts)[:, 0], whole[:, 0])
    assert torch.equal(torch.cat(parts)[:, 1], whole[:, 1])
    assert not torch.equal(whole[:, 0], whole[:, 1])


def test_feed_forward_treats_each_step_alone(randomised: Randomised) -> None:
    layer = randomised(FeedForward(4, 7))
    x = torch.randn(2, 4, 6)
    expected = torch.stack([layer.narrow(F.gelu(layer.widen(step))) for step in x.unbind(-1)], dim=-1)
    assert_close(layer(x), expected)
