import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import gradcheck
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from untrimmed.models.sequences import Padding
from untrimmed.models.windowed_attention import attend

Padded = Callable[..., Tensor]

CHANNELS, HEADS = 6, 2


def slow_attention(q: NDArray, k: NDArray, v: NDArray, heads: int, window: int | None) -> NDArray[np.float64]:
    """The formula for one sequence (T, C), a head, a step and a key at a time."""
    steps, channels = q.shape
    width = channels // heads
    out = np.zeros_like(q)
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        for t in range(steps):
            keys = [u for u in range(steps) if window is None or abs(u - t) <= window // 2]
            powers = [math.exp(float(q[t, own] @ k[u, own]) / math.sqrt(width)) for u in keys]
            out[t, own] = sum(p * v[u, own] for p, u in zip(powers, keys, strict=True)) / sum(powers)
    return out


def queries_keys_values(steps: int, seed: int = 0, batch: int = 1) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return list(torch.randn(3, batch, steps, CHANNELS, generator=generator, dtype=torch.float64))


def attended(parts: list[Tensor], padding: Padding, window: int | None, heads: int = HEADS) -> Tensor:
    query, key, value = parts
    return attend(query, key, value, padding, heads=heads, window=window)


def whole(steps: int, batch: int = 1) -> Padding:
    return Padding((steps,) * batch, steps, torch.device("cpu"))


@pytest.mark.parametrize("window", [1, 3, 9, 19, 41, 2001, None])
@pytest.mark.parametrize("steps", [1, 2, 3, 10, 31, 32, 33, 81])
def test_attention_is_the_formula_a_step_and_a_key_at_a_time(steps: int, window: int | None) -> None:
    parts = queries_keys_values(steps, batch=2)
    out = attended(parts, whole(steps, batch=2), window).numpy()
    for row in range(2):
        expected = slow_attention(*(part[row].numpy() for part in parts), heads=HEADS, window=window)
        np.testing.assert_allclose(out[row], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("heads", [1, 2, 3, 6])
def test_each_head_has_channels_of_its_own(heads: int) -> None:
    parts = queries_keys_values(40)
    expected = slow_attention(*(part[0].numpy() for part in parts), heads=heads, window=5)
    np.testing.assert_allclose(attended(parts, whole(40), 5, heads)[0].numpy(), expected, rtol=0, atol=1e-12)


def test_a_window_of_one_step_gives_its_own_value() -> None:
    query, key, value = queries_keys_values(50)
    assert torch.equal(attended([query, key, value], whole(50), 1), value)


@settings(deadline=None, max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 90), min_size=1, max_size=4),
    more=st.integers(0, 60),
    window=st.sampled_from([1, 3, 5, 19, 35, 99, None]),
    behind=st.sampled_from([0.0, 3.0, -1e100, 1e100]),
)
def test_a_sequence_attends_to_itself_alone(
    lengths: list[int], more: int, window: int | None, behind: float, padded: Padded
) -> None:
    sequences = [queries_keys_values(length, seed) for seed, length in enumerate(lengths)]
    steps = max(lengths) + more
    parts = [padded([one[part][0].t() for one in sequences], steps, behind).mT for part in range(3)]
    out = attended(parts, Padding(tuple(lengths), steps, torch.device("cpu")), window)
    assert out.shape == (len(lengths), steps, CHANNELS)
    # Whoever calls may multiply them by zero.
    assert torch.isfinite(out).all()
    for row, one, length in zip(out, sequences, lengths, strict=True):
        assert_close(row[:length], attended(one, whole(length), window)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("window", [3, 5, None])
def test_the_gradient_is_right_and_none_comes_from_behind_an_end(window: int | None) -> None:
    parts = [part.requires_grad_() for part in queries_keys_values(37, batch=2)]
    padding = Padding((37, 20), 37, torch.device("cpu"))
    assert gradcheck(
        lambda *given: attended(list(given), padding, window)[1, 12:20], parts, fast_mode=True, atol=1e-6
    )
    valid = padding.zero(attended(parts, padding, window).mT)
    for gradient in torch.autograd.grad(valid.square().sum(), parts):
        assert not gradient[1, 20:].any()
        assert gradient[1, :20].any(dim=1).all()


class Largest(TorchDispatchMode):
    """Notes the largest tensor that an operation returns, in bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        returned = function(*args, **(kwargs or {}))
        for one in returned if isinstance(returned, tuple | list) else (returned,):
            if isinstance(one, Tensor):
                self.bytes = max(self.bytes, one.untyped_storage().nbytes())
        return returned


def largest_bytes(steps: int, window: int) -> int:
    parts = list(torch.randn(3, 1, steps, 8))
    with torch.no_grad(), Largest() as largest:
        attended(parts, whole(steps), window)
    return largest.bytes


def test_memory_grows_with_the_length_and_not_with_its_square() -> None:
    short, long = largest_bytes(2_000, 19), largest_bytes(20_000, 19)
    assert long < 11 * short
    # A table of all steps by all steps would have 400 million entries.
    assert long < 10_000_000
