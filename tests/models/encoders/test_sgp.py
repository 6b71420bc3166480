import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.encoders.pooled import Addition
from untrimmed.models.encoders.sgp import SGPBlock, SGPEncoder, wide_kernel_size
from untrimmed.models.layers import ResidualPath
from untrimmed.models.sequences import Padding, ReleasePadding

Randomised = Callable[..., nn.Module]
Padded = Callable[..., Tensor]
Array = NDArray[np.float64]

GROUPS = 16
BY_CHANNEL = ("instant", "instant_gate", "narrow", "wide", "window_gate")


def block_of(
    channels: int = 16,
    kernel_size: int = 3,
    wide: int = 7,
    std: float | None = None,
    scaled: bool = True,
    hidden: int = 8,
) -> SGPBlock:
    def path() -> Addition:
        return ResidualPath(channels, 0.0, 1.0) if scaled else torch.add

    return SGPBlock(
        channels,
        hidden=hidden,
        kernel_size=kernel_size,
        wide_kernel_size=wide,
        initial_std=std,
        mix_path=path(),
        feed_forward_path=path(),
    )


def slow_convolution(o: Array, weight: Array, bias: Array) -> Array:
    """(C, T) to (C, T), one product after another; zeros beyond both ends."""
    out = np.zeros_like(o)
    half = weight.shape[1] // 2
    for channel in range(o.shape[0]):
        for t in range(o.shape[1]):
            out[channel, t] = bias[channel]
            for j in range(weight.shape[1]):
                if 0 <= t + j - half < o.shape[1]:
                    out[channel, t] += weight[channel, j] * o[channel, t + j - half]
    return out


def slow_block(x: Array, block: SGPBlock, kept: int | None = None) -> Array:
    """The formulas of a block for one sequence (C, T), of whose own value only the first `kept` steps stay."""
    values = {name: parameter.detach().double().numpy() for name, parameter in block.named_parameters()}

    def affine(of: str, given: Array) -> Array:
        return values[f"{of}.weight"][:, None] * given + values[f"{of}.bias"][:, None]

    def scale(of: str) -> Array:
        return values[f"{of}.scale"][:, None] if f"{of}.scale" in values else np.ones((1, 1))

    def window(of: str) -> Array:
        return slow_convolution(o, values[f"{of}.weight"], values[f"{of}.bias"])

    o = affine("norm", (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5))
    gate = np.maximum(affine("instant_gate", o.mean(1, keepdims=True)), 0)
    mixed = affine("instant", o) * gate + (window("narrow") + window("wide")) * window("window_gate") + o
    own = x.copy()
    if kept is not None:
        own[:, kept:] = 0
    y = own + scale("mix_path") * mixed

    grouped = y.reshape(GROUPS, -1)
    centred = grouped - grouped.mean(1, keepdims=True)
    normal = (centred / np.sqrt(grouped.var(1, keepdims=True) + 1e-5)).reshape(y.shape)
    hidden = values["feed_forward.widen.weight"] @ affine("group_norm", normal)
    hidden += values["feed_forward.widen.bias"][:, None]
    hidden = hidden * 0.5 * (1 + np.vectorize(math.erf)(hidden / math.sqrt(2)))
    fed = values["feed_forward.narrow.weight"] @ hidden + values["feed_forward.narrow.bias"][:, None]
    return y + scale("feed_forward_path") * fed


@pytest.mark.parametrize(
    ("kernel_size", "factor", "steps"),
    [(1, 5, 11), (1, 4, 9), (5, 2, 13), (15, 1.3, 21), (15, 1.2, 19), (3, 1.2, 5), (1, 1.25, 3), (3, 0.1, 1)],
)
def test_the_wide_window_is_that_of_the_released_configurations(
    kernel_size: int, factor: float, steps: int
) -> None:
    # (1, 1.25): 2.5 goes to the even 2, and to 3 because that is even.
    assert wide_kernel_size(kernel_size, factor) == steps


@pytest.mark.parametrize("factor", [0.0, -1.5])
def test_a_wide_window_without_steps_is_refused(factor: float) -> None:
    with pytest.raises(ValueError, match="needs a factor above 0, not"):
        SGPEncoder(16, 2, window_factor=factor)


@pytest.mark.parametrize(("kernel_size", "wide"), [(1, 11), (5, 13), (5, 3), (1, 1)])
@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("steps", [1, 2, 9])
@pytest.mark.usefixtures("in_float64")
def test_a_block_is_what_its_formulas_say(
    kernel_size: int, wide: int, scaled: bool, steps: int, randomised: Randomised
) -> None:
    # In doubles: groups of two values may magnify rounding without limit.
    block = randomised(block_of(32, kernel_size, wide, scaled=scaled), size=0.4).double()
    x = torch.randn(2, 32, steps, dtype=torch.float64)
    found = block(x, Padding.of(x, None)).detach()
    for row, sequence in zip(found, x.numpy(), strict=True):
        np.testing.assert_allclose(row, slow_block(sequence, block), atol=1e-9)


@pytest.mark.usefixtures("in_float64")
def test_a_block_looks_at_each_sequence_alone(randomised: Randomised, padded: Padded) -> None:
    block = randomised(block_of(32), size=0.4).double()
    lengths = [4, 1, 13, 4]
    sequences = [torch.randn(32, length, dtype=torch.float64) for length in lengths]
    batch = padded(sequences, 16)
    for row, x in zip(block(batch, Padding.of(batch, lengths)).detach(), sequences, strict=True):
        np.testing.assert_allclose(row[:, : x.shape[1]], slow_block(x.numpy(), block), atol=1e-9)
        assert not row[:, x.shape[1] :].any()


def test_padding_takes_part_in_a_block_as_in_the_release(randomised: Randomised) -> None:
    block = randomised(block_of(32), size=0.4)
    x = torch.randn(2, 32, 12)
    padding = ReleasePadding((7, 12), 12, x.device)
    for row, sequence, kept in zip(block(x, padding).detach(), x.double().numpy(), (7, 12), strict=True):
        np.testing.assert_allclose(row, slow_block(sequence, block, kept), atol=3e-5)
    assert block(x, padding)[0, :, 7:].abs().min() > 0


def test_steps_and_windows_are_gated_by_hand() -> None:
    block = block_of(kernel_size=1, wide=3, std=0.0)
    for layer, weight, bias in (
        ("instant", 2.0, 1.0),
        ("instant_gate", 3.0, -4.0),
        ("narrow", 1.0, 5.0),
        ("window_gate", 10.0, -1.0),
    ):
        getattr(block, layer).weight.data.fill_(weight)
        getattr(block, layer).bias.data.fill_(bias)
    block.wide.weight.data = torch.tensor([1.0, 0.0, -1.0]).expand(16, 3).clone()
    x = torch.tensor([1.0, 2.0, 3.0]).expand(1, 16, 3)
    # Mean 2, gate ReLU(6 - 4) = 2, instant (3, 5, 7) * 2; narrow 6, 7, 8, wide before - after = -2, -2, 2,
    # together 4, 5, 10, their gate 9, 19, 29; and x.
    expected = torch.tensor([6.0 + 36 + 1, 10 + 95 + 2, 14 + 290 + 3])
    assert_close(block._granularities(x, Padding.of(x, None)), expected.expand(1, 16, 3))
    # With a mean that closes it, the instant branch is silent.
    block.instant_gate.bias.data.fill_(-6.0)
    expected = torch.tensor([37.0, 97, 293])
    assert_close(block._granularities(x, Padding.of(x, None)), expected.expand(1, 16, 3))


@pytest.mark.parametrize("lengths", [[4], [3, 4]])
def test_a_block_has_the_right_gradient(lengths: list[int], check_gradients: Callable[..., None]) -> None:
    torch.manual_seed(1)
    block = block_of(kernel_size=1, wide=3, hidden=2)
    block.instant_gate.bias.data += 1.0  # well inside the linear part of the ReLU
    x = torch.randn(len(lengths), 16, 4)
    check_gradients(Within(block, Padding.of(x, lengths)), [x])


class Within(nn.Module):
    """One number a step of a block, of sequences that are set to zero behind their ends first."""

    def __init__(self, block: nn.Module, padding: Padding) -> None:
        super().__init__()
        self.block = block
        self.padding = padding
        self.probe = torch.randn(16, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        return (self.block(self.padding.zero(x), self.padding) * self.probe[:, None]).sum(1)


def encoder_of(levels: int = 3, **options: object) -> SGPEncoder:
    return SGPEncoder(16, levels, hidden=8, **options)


def by_channel(encoder: SGPEncoder) -> dict[str, nn.Parameter]:
    """The parameters that work channel by channel, all blocks'."""
    return {name: value for name, value in encoder.named_parameters() if name.split(".")[2] in BY_CHANNEL}


def total_of(encoder: SGPEncoder, lengths: Sequence[int] = (13, 9)) -> Tensor:
    torch.manual_seed(5)
    x = torch.randn(2, 16, 13)
    return sum(level.tanh().square().sum() for level in encoder(Padding.of(x, lengths).zero(x), lengths).levels)


def test_by_default_every_parameter_learns() -> None:
    torch.manual_seed(0)
    encoder = encoder_of()
    total_of(encoder).backward()
    assert [name for name, value in encoder.named_parameters() if not value.grad.any()] == []


def test_with_the_release_s_initial_weights_the_granularities_stay_zero_for_ever() -> None:
    torch.manual_seed(0)
    encoder = encoder_of(initial_std=0.0)
    for _ in range(3):
        encoder.zero_grad()
        total_of(encoder).backward()
        assert not any(value.grad.any() for value in by_channel(encoder).values())
        for value in encoder.parameters():
            value.data -= 0.1 * value.grad
    assert len(by_channel(encoder)) == 2 * len(BY_CHANNEL) * 4
    assert not any(value.any() for value in by_channel(encoder).values())
    assert encoder.stem[0].feed_forward.widen.bias.any()


def test_weights_may_start_normal_with_a_given_deviation() -> None:
    torch.manual_seed(0)
    encoder = SGPEncoder(512, 2, stem_blocks=1, hidden=8, kernel_size=5, initial_std=0.2)
    for name, value in by_channel(encoder).items():
        if name.endswith("bias"):
            assert not value.any()
        else:
            assert value.std().item() == pytest.approx(0.2, rel=0.15), name
            assert value.abs().max() > 0.4, name  # a uniform distribution of this deviation ends at 0.35


def test_the_stem_sees_single_steps_and_is_neither_scaled_nor_dropped(randomised: Randomised) -> None:
    encoder = encoder_of(kernel_size=5, window_factor=2.0, drop_path=0.9, layer_scale=0.25)
    widths = [
        {name: getattr(block, name).weight.shape[1] for name in ("narrow", "window_gate", "wide")}
        for block in (*encoder.stem, *encoder.branch)
    ]
    assert widths == 2 * [{"narrow": 1, "window_gate": 1, "wide": 5}] + 2 * [
        {"narrow": 5, "window_gate": 5, "wide": 13}
    ]
    scales = {name: value.unique().tolist() for name, value in encoder.named_parameters() if "scale" in name}
    assert scales == {
        f"branch.{i}.{path}.scale": [0.25] for i in (0, 1) for path in ("mix_path", "feed_forward_path")
    }
    randomised(encoder)
    x = torch.randn(4, 16, 8)
    quiet, trained = encoder.eval()(x).levels, encoder.train()(x).levels
    assert torch.equal(quiet[0], trained[0])
    assert not torch.equal(quiet[1], trained[1])


def test_with_padding_as_released_pooling_takes_in_what_stands_there(randomised: Randomised) -> None:
    encoder = randomised(encoder_of(2, stem_blocks=1), size=0.4)
    x = torch.randn(1, 16, 8)
    level = slow_block(x[0].double().numpy(), encoder.stem[0], 5)
    pooled = np.stack([level[:, max(2 * t - 1, 0) : 2 * t + 2].max(1) for t in range(4)], axis=1)
    pyramid = encoder(x, ReleasePadding((5,), 8, x.device))
    np.testing.assert_allclose(pyramid.levels[1][0].detach(), slow_block(pooled, encoder.branch[0], 3), atol=3e-5)


@pytest.fixture(scope="module")
def wide_encoder(randomised: Randomised) -> nn.Module:
    encoder = SGPEncoder(16, 4, hidden=24, kernel_size=5, window_factor=2.0)
    return randomised(encoder).double()


@pytest.mark.usefixtures("in_float64")
@settings(deadline=None, max_examples=25)
@given(
    lengths=st.lists(st.integers(1, 90), min_size=1, max_size=4), more=st.integers(0, 40), seed=st.integers(0, 99)
)
@torch.no_grad()
def test_a_pyramid_is_that_of_each_sequence_alone(
    lengths: list[int], more: int, seed: int, wide_encoder: nn.Module, padded: Padded
) -> None:
    generator = torch.Generator().manual_seed(seed)
    sequences = [torch.randn(16, n, generator=generator, dtype=torch.float64) for n in lengths]
    pyramid = wide_encoder(padded(sequences, max(lengths) + more), lengths)
    for row, sequence in enumerate(sequences):
        alone = wide_encoder(sequence[None])
        for level, padding, expected in zip(pyramid.levels, pyramid.paddings, alone.levels, strict=True):
            length = padding.lengths[row]
            assert_close(level[row, :, :length], expected[0], atol=1e-9, rtol=0)
            assert not level[row, :, length:].any()


def test_channels_that_are_no_multiple_of_16_are_refused() -> None:
    with pytest.raises(ValueError, match="24 channels do not divide into 16 groups"):
        SGPEncoder(24)


def test_an_even_window_is_refused() -> None:
    with pytest.raises(ValueError, match="odd kernel size, not 4"):
        SGPEncoder(16, kernel_size=4)
