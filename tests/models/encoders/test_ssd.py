from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from untrimmed.config.model import ModelSection
from untrimmed.models.build import build_detector
from untrimmed.models.encoders.ssd import HeadRecurrence, SSDEncoder, head_scan

BATCH, HEADS, WIDTH, STATES = 2, 3, 2, 4

pytestmark = pytest.mark.usefixtures("in_float64")


def step_loop(x: Tensor, delta: Tensor, rates: Tensor, inward: Tensor, outward: Tensor) -> Tensor:
    """The recurrence as it is written: a state (N, P) a head, one step after another."""
    batch, steps, heads, width = x.shape
    y = torch.zeros_like(x)
    for row in range(batch):
        for head in range(heads):
            h = x.new_zeros(inward.shape[2], width)
            for t in range(steps):
                decay = torch.exp(delta[row, t, head] * rates[head])
                h = decay * h + delta[row, t, head] * torch.outer(inward[row, t], x[row, t, head])
                y[row, t, head] = outward[row, t] @ h
    return y


def inputs(steps: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(steps)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return [
        normal(BATCH, steps, HEADS, WIDTH),
        normal(BATCH, steps, HEADS).exp(),
        -normal(HEADS).exp(),
        normal(BATCH, steps, STATES),
        normal(BATCH, steps, STATES),
    ]


@pytest.mark.parametrize("chunk", [1, 3, 8, 64])
@pytest.mark.parametrize("steps", [1, 2, 8, 9, 23])
def test_products_of_matrices_are_the_recurrence(steps: int, chunk: int) -> None:
    tensors = inputs(steps)
    assert_close(head_scan(*tensors, chunk=chunk), step_loop(*tensors))


def test_its_gradient_is_that_of_the_recurrence() -> None:
    tensors = [tensor.requires_grad_() for tensor in inputs(7)]
    weight = torch.randn(BATCH, 7, HEADS, WIDTH).double()

    def slow(*given: Tensor) -> Tensor:
        # Without writing in place, for the gradient.
        x, delta, rates, inward, outward = given
        h, read = x.new_zeros(BATCH, HEADS, STATES, WIDTH), []
        for t in range(x.shape[1]):
            written = torch.einsum("bh,bn,bhp->bhnp", delta[:, t], inward[:, t], x[:, t])
            h = torch.exp(delta[:, t] * rates)[..., None, None] * h + written
            read.append(torch.einsum("bn,bhnp->bhp", outward[:, t], h))
        return torch.stack(read, 1)

    given = torch.autograd.grad((head_scan(*tensors, chunk=3) * weight).sum(), tensors)
    assert_close(given, torch.autograd.grad((slow(*tensors) * weight).sum(), tensors))


@pytest.mark.parametrize("factor", [0.0, 1e6])
def test_the_shortest_and_longest_steps_leave_finite_values_and_gradients(factor: float) -> None:
    x, delta, *others = (tensor.to(torch.float32) for tensor in inputs(40))
    tensors = [tensor.requires_grad_() for tensor in (x, delta * factor, *others)]
    y = head_scan(*tensors, chunk=16)
    with torch.no_grad():
        assert_close(y, step_loop(*tensors), rtol=1e-4, atol=1e-4)
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(y.sum(), tensors))


def test_the_recurrence_has_the_right_gradient(check_gradients: Callable[..., None]) -> None:
    torch.manual_seed(0)
    check_gradients(HeadRecurrence(4, 3, 2), [torch.randn(2, 5, 4)])


def test_a_head_has_decay_and_skip_of_its_own() -> None:
    recurrence = HeadRecurrence(12, 5, 4)
    assert recurrence.log_rate.shape == recurrence.skip.shape == recurrence.step_bias.shape == (3,)
    assert ((recurrence.log_rate.exp() >= 1) & (recurrence.log_rate.exp() <= 16)).all()


def test_all_channels_are_one_head_where_there_are_fewer() -> None:
    assert SSDEncoder(16, 2).stem[0].mixer.recurrence.log_rate.shape == (1,)


def test_channels_that_do_not_divide_into_heads_are_refused() -> None:
    with pytest.raises(ValueError, match="80 channels do not divide into heads of 64"):
        SSDEncoder(80, 2)


def test_every_key_of_the_section_arrives() -> None:
    keys = {
        "stem_blocks": 1,
        "states": 5,
        "head_channels": 8,
        "window": 3,
        "drop_path": 0.2,
        "layer_scale": 0.5,
    }
    model = ModelSection.model_validate({"channels": 32, "levels": 3, "encoder": {"kind": "ssd", **keys}})
    encoder = build_detector(model, input_dim=4, classes=2).encoder
    block = encoder.branch[1]
    assert (len(encoder.stem), len(encoder.branch)) == (1, 2)
    assert block.mixer.recurrence.sizes == (4, 5, 5)
    assert block.mixer.convolution.weight.shape == (32, 3)
    assert block.path.drop == 0.2
    assert (block.path.scale == 0.5).all()
