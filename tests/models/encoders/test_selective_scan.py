import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.testing import assert_close

from untrimmed.models.encoders import selective_scan as module
from untrimmed.models.encoders.selective_scan import scan_by, selective_scan

BATCH, CHANNELS, STATES = 2, 3, 4

pytestmark = pytest.mark.usefixtures("in_float64")


def step_loop(x: Tensor, delta: Tensor, rates: Tensor, inward: Tensor, outward: Tensor) -> Tensor:
    """The recurrence as it is written, one step after another."""
    h = x.new_zeros(len(x), *rates.shape)
    read = []
    for t in range(x.shape[1]):
        h = torch.exp(delta[:, t, :, None] * rates) * h + (delta[:, t] * x[:, t])[..., None] * inward[:, t, None]
        read.append((h * outward[:, t, None]).sum(-1))
    return torch.stack(read, 1)


def inputs(steps: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(steps)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=dtype)

    return [
        normal(BATCH, steps, CHANNELS),
        normal(BATCH, steps, CHANNELS).exp(),
        -normal(CHANNELS, STATES).exp(),
        normal(BATCH, steps, STATES),
        normal(BATCH, steps, STATES),
    ]


@pytest.fixture
def blocks_of_five_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.BLOCK_SIZE, "cpu", 1)
    monkeypatch.setattr(module, "FEWEST_STEPS", 5)


def test_two_steps_by_hand() -> None:
    # A step of ln 2 at rate -1 halves the state. It is given ln 2 * 3 * 5, then ln 2 * 7 * 11; read by 2 and 13.
    half = math.log(2)
    x, inward, outward = (torch.tensor([[[a], [b]]]).double() for a, b in ((5.0, 11.0), (3.0, 7.0), (2.0, 13.0)))
    y = selective_scan(x, torch.full_like(x, half), -torch.ones(1, 1).double(), inward, outward)
    first = half * 15
    assert_close(y.flatten(), torch.tensor([2 * first, 13 * (first / 2 + half * 77)]).double())


@pytest.mark.parametrize("steps", [1, 2, 4, 5, 6, 10, 33])
@pytest.mark.usefixtures("blocks_of_five_steps")
def test_values_and_gradients_are_those_of_the_recurrence(steps: int) -> None:
    tensors = [tensor.requires_grad_() for tensor in inputs(steps)]
    y, expected = selective_scan(*tensors), step_loop(*tensors)
    assert_close(y, expected)
    weight = torch.randn_like(y)
    assert_close(
        torch.autograd.grad((y * weight).sum(), tensors), torch.autograd.grad((expected * weight).sum(), tensors)
    )


@pytest.mark.usefixtures("blocks_of_five_steps")
def test_finite_differences_agree() -> None:
    assert gradcheck(selective_scan, [tensor.requires_grad_() for tensor in inputs(7)])


@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_the_size_of_blocks_changes_nothing(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = inputs(70)
    expected = selective_scan(*tensors)
    monkeypatch.setitem(module.BLOCK_SIZE, "cpu", size)
    assert_close(selective_scan(*tensors), expected)


def test_single_precision_is_exact_to_rounding_over_thousands_of_steps() -> None:
    tensors = inputs(3000)
    tensors[1] *= 0.01  # so that hundreds of steps are remembered
    expected = step_loop(*tensors)
    y = selective_scan(*(tensor.to(torch.float32) for tensor in tensors))
    assert y.dtype == torch.float32
    assert (y - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.parametrize("factor", [0.0, 1e6])
def test_the_shortest_and_longest_steps_leave_finite_values_and_gradients(factor: float) -> None:
    x, delta, *others = (tensor.to(torch.float32) for tensor in inputs(40))
    tensors = [tensor.requires_grad_() for tensor in (x, delta * factor, *others)]
    y = selective_scan(*tensors)
    assert_close(y, step_loop(*tensors), rtol=1e-4, atol=1e-4)
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(y.sum(), tensors))


def test_half_precision_around_it_does_not_reach_it() -> None:
    tensors = [tensor.to(torch.float32).requires_grad_() for tensor in inputs(20)]
    expected = selective_scan(*tensors)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = selective_scan(*tensors)
    assert torch.equal(y, expected)


def test_a_kernel_is_given_channels_before_steps() -> None:
    def kernel(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
        # (B, E, T) and (B, N, T), in the order of selective_scan_fn, the last axis contiguous.
        assert u.shape == delta.shape == (BATCH, CHANNELS, 9)
        assert b.shape == c.shape == (BATCH, STATES, 9)
        assert all(tensor.stride(-1) == 1 for tensor in (u, delta, a, b, c))
        return step_loop(u.mT, delta.mT, a, b.mT, c.mT).mT

    tensors = inputs(9)
    assert_close(scan_by(kernel, *tensors), selective_scan(*tensors))
