import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from untrimmed.models.encoders.gmg import GMGBlock, GMGEncoder
from untrimmed.models.encoders.spectral import SpectralFilter
from untrimmed.models.sequences import Padding

Randomised = Callable[..., nn.Module]


def test_each_granularity_is_gated_by_the_next_larger_one_by_hand() -> None:
    block = GMGBlock(16, hidden=8, kernel_size=3, drop_path=0.0, layer_scale=1.0)
    whole = torch.tensor([2.0, -1.0, 3.0])
    block.whole.forward = lambda x, padding: whole.expand_as(x)
    block.local.weight.data = torch.tensor([1.0, 2.0, -1.0]).expand(16, 3)
    block.local.bias.data.fill_(1.0)
    block.instant.weight.data.fill_(3.0)
    block.instant.bias.data.fill_(-1.0)
    x = torch.tensor([1.0, 2.0, 4.0]).expand(1, 16, 3)
    # Conv(x) = 1, 2, 11; local = ReLU(whole) Conv(x) = 2, 0, 33; FC(x) = 2, 5, 11;
    # instant = ReLU(local) FC(x) = 4, 0, 363. Their sum with whole:
    expected = torch.tensor([8.0, -1.0, 399.0])
    assert torch.equal(block._granularities(x, Padding.of(x, None)), expected.expand(1, 16, 3))


def test_a_negative_local_feature_closes_the_instant_gate() -> None:
    block = GMGBlock(16, hidden=8, kernel_size=1, drop_path=0.0, layer_scale=1.0)
    block.whole.forward = lambda x, padding: torch.ones_like(x)
    block.local.weight.data.fill_(-1.0)
    block.instant.bias.data.fill_(100.0)
    x = torch.ones(1, 16, 2)
    assert torch.equal(block._granularities(x, Padding.of(x, None)), torch.zeros(1, 16, 2))


def test_a_block_adds_its_scaled_branches_and_then_its_scaled_network(randomised: Randomised) -> None:
    block = randomised(GMGBlock(32, hidden=8, kernel_size=3, drop_path=0.5, layer_scale=0.7))
    x = torch.randn(2, 32, 9)
    padding = Padding.of(x, None)
    normal = F.layer_norm(x.transpose(1, 2), (32,), block.norm.weight, block.norm.bias)
    middle = x + block.mix_path.scale[:, None] * block._granularities(normal.transpose(1, 2), padding)
    grouped = F.group_norm(middle, 16, block.group_norm.weight, block.group_norm.bias)
    expected = middle + block.feed_forward_path.scale[:, None] * block.feed_forward(grouped)
    assert_close(block(x, padding), expected)


@pytest.mark.parametrize("levels", [1, 4])
def test_every_level_has_half_the_steps_of_the_one_below_rounded_up(levels: int) -> None:
    encoder = GMGEncoder(16, levels, stem_blocks=1, hidden=8).eval()
    for steps in (1, 2, 3, 6, 17, 40, 63):
        pyramid = encoder(torch.zeros(1, 16, steps))
        expected = [math.ceil(steps / 2**level) for level in range(levels)]
        assert [level.shape[-1] for level in pyramid.levels] == expected
        assert [padding.lengths for padding in pyramid.paddings] == [(length,) for length in expected]


def test_every_level_sees_the_whole_sequence(randomised: Randomised) -> None:
    encoder = randomised(GMGEncoder(16, 3, stem_blocks=1, hidden=8))
    x = torch.randn(1, 16, 64, requires_grad=True)
    for level in encoder(x).levels:
        (gradient,) = torch.autograd.grad(level[0, :, -1].square().sum(), x, retain_graph=True)
        assert (gradient[0].abs().sum(0) > 0).all()


def test_channels_that_are_no_multiple_of_16_are_refused() -> None:
    with pytest.raises(ValueError, match="24 channels do not divide into 16 groups"):
        GMGEncoder(24)


GRANULARITIES = [
    {"instant", "local", "whole"},
    {"instant", "local"},
    {"instant", "whole"},
    {"local", "whole"},
    {"instant"},
    {"local"},
    {"whole"},
]


def with_branches(branches: set[str], *, gated: bool = True) -> GMGBlock:
    """A block with some of the branches."""
    return GMGBlock(
        16,
        hidden=8,
        kernel_size=3,
        instant="instant" in branches,
        local="local" in branches,
        whole=SpectralFilter if "whole" in branches else None,
        gated=gated,
        drop_path=0.0,
        layer_scale=1.0,
    )


@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("branches", GRANULARITIES, ids=lambda branches: "+".join(sorted(branches)))
def test_a_granularity_is_gated_by_the_next_larger_one_that_there_is(
    branches: set[str], gated: bool, randomised: Randomised
) -> None:
    block = randomised(with_branches(branches, gated=gated), size=1.0)
    x = torch.randn(2, 16, 9)
    padding = Padding.of(x, None)
    total, larger = torch.zeros_like(x), None
    for name in ("whole", "local", "instant"):
        if name in branches:
            found = block.whole(x, padding) if name == "whole" else getattr(block, name)(x)
            larger = found if larger is None or not gated else torch.relu(larger) * found
            total = total + larger
    assert_close(block._granularities(x, padding), total)
    assert {name for name in ("instant", "local", "whole") if getattr(block, name) is not None} == branches


def test_a_block_without_branches_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one of its three branches"):
        with_branches(set())


def test_the_standard_deviation_of_the_first_weights_can_be_set() -> None:
    torch.manual_seed(0)
    encoder = GMGEncoder(512, 2, stem_blocks=1, hidden=8, kernel_size=5, initial_std=0.3)
    for block in (*encoder.stem, *encoder.branch):
        assert block.local.weight.std().item() == pytest.approx(0.3, rel=0.05)
        assert block.instant.weight.std().item() == pytest.approx(0.3, rel=0.1)
        assert not block.local.bias.any()
    still = GMGEncoder(16, 2, stem_blocks=1, hidden=8, initial_std=0.0)
    assert not still.stem[0].local.weight.any()
    assert not still.branch[0].instant.weight.any()
