import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.encoders.attention import SelfAttention
from untrimmed.models.sequences import Padding, ReleasePadding

Randomised = Callable[..., nn.Module]
Padded = Callable[..., Tensor]


def slow_attention(x: Tensor, layer: SelfAttention) -> Tensor:
    """One sequence (C, T) to the same, a head and a step after the other."""
    channels, steps = x.shape
    width = channels // layer.heads
    mixed = torch.zeros(channels, steps)
    projected = layer.into.weight @ x + layer.into.bias[:, None]
    query, key, value = projected.split(channels)
    for head in range(layer.heads):
        rows = slice(head * width, (head + 1) * width)
        for t in range(steps):
            scores = torch.stack([query[rows, t] @ key[rows, s] for s in range(steps)]) / math.sqrt(width)
            weights = scores.exp() / scores.exp().sum()
            mixed[rows, t] = sum(weights[s] * value[rows, s] for s in range(steps))
    return layer.out.weight @ mixed + layer.out.bias[:, None]


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_every_step_is_the_mean_of_all_steps_by_how_well_they_fit(
    heads: int, randomised: Randomised, padded: Padded
) -> None:
    layer = randomised(SelfAttention(8, heads), size=0.5)
    lengths = [5, 1, 7, 5]
    sequences = [torch.randn(8, length) for length in lengths]
    batch = padded(sequences, 9)
    with torch.no_grad():
        out = layer(batch, Padding.of(batch, lengths))
        for row, x in zip(out, sequences, strict=True):
            assert_close(row[:, : x.shape[1]], slow_attention(x, layer))
            assert not row[:, x.shape[1] :].any()


def test_padding_that_takes_part_is_attended_to(randomised: Randomised) -> None:
    layer = randomised(SelfAttention(8, 2), size=0.5)
    x = torch.randn(2, 8, 6)
    padding = ReleasePadding((3, 4), 6, torch.device("cpu"))
    assert_close(layer(x, padding), layer(x, Padding.of(x, None)))


def test_the_attention_has_the_right_gradient(check_gradients: Callable[..., None]) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 4, 5)
    check_gradients(SelfAttention(4, 2), [x], Padding.of(x, [5, 3]))


def test_heads_that_do_not_divide_the_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="16 channels do not divide into 5 heads"):
        SelfAttention(16, 5)
