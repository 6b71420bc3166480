import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.pyramid_norms import GroupNorms, LayerNorms, SharedLayerNorm
from untrimmed.models.sequences import Padding, Pyramid, ReleasePadding

Padded = Callable[..., Tensor]
CHANNELS, LEVELS = 8, 3

pytestmark = pytest.mark.usefixtures("in_float64")


def pyramid_of(sequences: list[list[Tensor]], padding: Padding, padded: Padded) -> Pyramid:
    """The levels of each sequence, (C, t_l) each, as a pyramid."""
    paddings = [padding]
    while len(paddings) < len(sequences[0]):
        paddings.append(paddings[-1].halved())
    levels = zip(*sequences, strict=True)
    return Pyramid(
        tuple(padded(level, padding.steps) for level, padding in zip(levels, paddings, strict=True)),
        tuple(paddings),
    )


def random_levels(length: int, seed: int) -> list[Tensor]:
    """The levels of a sequence, in doubles, whose channels and levels are of different sizes."""
    generator = torch.Generator().manual_seed(seed)
    levels = []
    for level in range(LEVELS):
        x = torch.randn(CHANNELS, length, generator=generator, dtype=torch.float64)
        levels.append((level + 1) * x * torch.arange(1, CHANNELS + 1)[:, None] - level)
        length = (length + 1) // 2
    return levels


def slow_layer(x: Tensor, weight: Tensor, bias: Tensor) -> list[list[float]]:
    """(C, T) to T rows of C, each step on its own."""
    rows = []
    for step in x.t().tolist():
        mean = sum(step) / len(step)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in step) / len(step) + 1e-5)
        scaled = zip(step, weight.tolist(), bias.tolist(), strict=True)
        rows.append([(value - mean) / deviation * w + b for value, w, b in scaled])
    return rows


def slow_group(x: Tensor, groups: int) -> list[list[float]]:
    """(C, T) to T rows of C: the values of some neighbouring channels at all steps together."""
    channels = x.tolist()
    size = len(channels) // groups
    normal = []
    for first in range(0, len(channels), size):
        values = [value for channel in channels[first : first + size] for value in channel]
        mean = sum(values) / len(values)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values) + 1e-5)
        normal += [
            [(value - mean) / deviation for value in channel] for channel in channels[first : first + size]
        ]
    return [list(step) for step in zip(*normal, strict=True)]


def expected(norm: nn.Module, levels: list[Tensor]) -> list[list[list[float]]]:
    if isinstance(norm, GroupNorms):
        return [slow_group(x, norm.groups) for x in levels]
    own = list(norm) if isinstance(norm, LayerNorms) else [norm] * len(levels)
    return [slow_layer(x, one.weight, one.bias) for x, one in zip(levels, own, strict=True)]


@pytest.fixture(scope="module", params=["layer", "shared", "group", "two groups"])
def norm(request: pytest.FixtureRequest, randomised: Callable[..., nn.Module]) -> nn.Module:
    made = {
        "layer": lambda: LayerNorms(CHANNELS, LEVELS),
        "shared": lambda: SharedLayerNorm(CHANNELS),
        "group": lambda: GroupNorms(),
        "two groups": lambda: GroupNorms(2),
    }
    return randomised(made[request.param](), size=0.5).double()


@settings(deadline=None, max_examples=20)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=4), more=st.integers(0, 9), seed=st.integers(0, 99)
)
@torch.no_grad()
def test_each_sequence_is_normalised_alone_and_has_zeros_behind_it(
    lengths: list[int], more: int, seed: int, norm: nn.Module, padded: Padded
) -> None:
    sequences = [random_levels(length, seed + row) for row, length in enumerate(lengths)]
    padding = Padding(tuple(lengths), max(lengths) + more, torch.device("cpu"))
    pyramid = pyramid_of(sequences, padding, padded)
    normal = norm(pyramid)
    for row, levels in enumerate(sequences):
        for given_level, padding, slow in zip(normal, pyramid.paddings, expected(norm, levels), strict=True):
            length = padding.lengths[row]
            assert given_level.shape == (len(lengths), padding.steps, CHANNELS)
            assert_close(given_level[row, :length].tolist(), slow, atol=1e-9, rtol=0)
            assert not given_level[row, length:].any()


@torch.no_grad()
def test_as_released_the_padding_is_normalised_like_the_rest(norm: nn.Module, padded: Padded) -> None:
    levels = random_levels(12, seed=3)
    whole, cut = (
        pyramid_of([levels], padding, padded)
        for padding in (Padding((12,), 12, torch.device("cpu")), ReleasePadding((5,), 12, torch.device("cpu")))
    )
    for one, other in zip(norm(whole), norm(cut), strict=True):
        assert torch.equal(one, other)


def test_gradients_are_those_of_finite_differences(
    norm: nn.Module, padded: Padded, check_gradients: Callable[..., None]
) -> None:
    class OfTensors(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = norm

        def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
            return tuple(self.norm(Pyramid(given, pyramid.paddings)))

    sequences = [random_levels(5, 0), random_levels(2, 1)]
    pyramid = pyramid_of(sequences, Padding((5, 2), 6, torch.device("cpu")), padded)
    check_gradients(OfTensors(), list(pyramid.levels))


def test_the_shared_norm_has_one_weight_and_bias_and_group_norms_have_none() -> None:
    assert {name: tuple(x.shape) for name, x in SharedLayerNorm(8).state_dict().items()} == {
        "weight": (8,),
        "bias": (8,),
    }
    assert GroupNorms().state_dict() == {}
    assert list(LayerNorms(8, 2).state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


@pytest.mark.parametrize("lower", [torch.bfloat16, torch.float16])
def test_statistics_of_group_norms_are_those_of_single_precision(lower: torch.dtype) -> None:
    x = (300 + torch.randn(1, 4, 50, generator=torch.Generator().manual_seed(0))).to(lower)
    pyramid = Pyramid((x,), (Padding((50,), 50, x.device),))
    normal = GroupNorms(2)(pyramid)[0]
    assert normal.dtype == torch.float32
    assert_close(normal[0].tolist(), slow_group(x[0].double(), 2), atol=1e-3, rtol=0)


def test_a_group_of_a_single_value_is_zero() -> None:
    x = torch.full((1, 4, 1), 3.0)
    assert not GroupNorms(4)(Pyramid((x,), (Padding((1,), 1, x.device),)))[0].any()


def test_groups_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="needs at least one group, not 0"):
        GroupNorms(0)
    x = torch.zeros(1, 6, 3)
    with pytest.raises(ValueError, match="6 channels do not divide into 4 groups"):
        GroupNorms(4)(Pyramid((x,), (Padding((3,), 3, x.device),)))
