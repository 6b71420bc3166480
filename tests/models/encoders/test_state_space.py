from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.encoders.mamba import MambaEncoder
from untrimmed.models.encoders.ssd import SSDEncoder
from untrimmed.models.encoders.state_space import BothWays, CausalConvolution, reverse
from untrimmed.models.sequences import Padding, ReleasePadding

Randomised = Callable[..., nn.Module]
Padded = Callable[..., Tensor]
Kinds = dict[str, nn.Module]

CHANNELS = 16
CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("in_float64")
kinds = pytest.mark.parametrize("kind", ["mamba", "ssd"])


@pytest.fixture(scope="module")
def encoders(randomised: Randomised) -> Kinds:
    """In doubles, in which only a leak can be seen."""
    torch.manual_seed(0)
    mamba = MambaEncoder(CHANNELS, 4, stem_blocks=1, states=3)
    ssd = SSDEncoder(CHANNELS, 4, stem_blocks=1, states=5, head_channels=8)
    return {name: randomised(encoder).double() for name, encoder in (("mamba", mamba), ("ssd", ssd))}


def test_reversal_is_within_each_sequence() -> None:
    x = torch.arange(1.0, 13).view(3, 4, 1)
    turned = reverse(x, Padding((4, 2, 1), 4, CPU))
    assert turned[..., 0].tolist() == [[4, 3, 2, 1], [6, 5, 0, 0], [9, 0, 0, 0]]


def test_with_padding_as_released_whole_rows_are_reversed() -> None:
    x = torch.arange(1.0, 9).view(2, 4, 1)
    turned = reverse(x, ReleasePadding((4, 2), 4, CPU))
    assert turned[..., 0].tolist() == [[4, 3, 2, 1], [8, 7, 6, 5]]


@pytest.mark.parametrize("window", [1, 2, 4])
@pytest.mark.parametrize("steps", [1, 3, 6])
def test_the_convolution_sees_a_step_and_those_before_it(window: int, steps: int) -> None:
    layer = CausalConvolution(2, window)
    nn.init.normal_(layer.bias)
    x = torch.randn(2, steps, 2)
    y = layer(x)
    for t in range(steps):
        expected = layer.bias.clone()
        for back in range(min(window, t + 1)):
            expected = expected + layer.weight[:, window - 1 - back] * x[:, t - back]
        assert_close(y[:, t], expected)


def test_both_ways_of_a_sequence_turned_around_are_its_ways_exchanged(randomised: Randomised) -> None:
    mixer = randomised(BothWays(4, nn.Identity(), 3), size=0.5).double()
    x = torch.randn(2, 7, 4).double()
    padding = Padding((7, 7), 7, CPU)
    expected = mixer(x, padding)
    with torch.no_grad():
        mixer.project_in.weight.copy_(mixer.project_in.weight.roll(8, 0))
        mixer.project_out.weight.copy_(mixer.project_out.weight.roll(4, 1))
    assert_close(mixer(x.flip(1), padding).flip(1), expected)


@kinds
@pytest.mark.parametrize("steps", [1, 2, 21])
def test_every_level_has_half_the_steps_of_the_one_below(kind: str, steps: int, encoders: Kinds) -> None:
    pyramid = encoders[kind](torch.randn(2, CHANNELS, steps).double())
    sizes = [steps]
    for _ in range(3):
        sizes.append((sizes[-1] + 1) // 2)
    assert [tuple(level.shape) for level in pyramid.levels] == [(2, CHANNELS, size) for size in sizes]


@kinds
@settings(max_examples=10)
@given(
    lengths=st.lists(st.integers(1, 90), min_size=1, max_size=4),
    behind=st.integers(0, 20),
    seed=st.integers(0, 99),
)
@torch.no_grad()
def test_levels_of_a_sequence_are_those_it_has_alone(
    kind: str, lengths: list[int], behind: int, seed: int, encoders: Kinds, padded: Padded
) -> None:
    generator = torch.Generator().manual_seed(seed)
    sequences = [torch.randn(CHANNELS, n, generator=generator).double() for n in lengths]
    pyramid = encoders[kind](padded(sequences, max(lengths) + behind), lengths)
    for row, sequence in enumerate(sequences):
        alone = encoders[kind](sequence[None])
        for level, padding, expected in zip(pyramid.levels, pyramid.paddings, alone.levels, strict=True):
            length = padding.lengths[row]
            assert_close(level[row, :, :length], expected[0], atol=1e-9, rtol=0)
            assert not level[row, :, length:].any()


@kinds
def test_gradients_of_a_batch_are_the_sum_of_those_of_its_sequences(
    kind: str, encoders: Kinds, padded: Padded
) -> None:
    encoder, lengths = encoders[kind], [23, 9, 1]
    sequences = [torch.randn(CHANNELS, n).double() for n in lengths]

    def gradients(batches: list[tuple[Tensor, list[int]]]) -> dict[str, Tensor | None]:
        encoder.zero_grad()
        for x, of in batches:
            sum(level.tanh().square().sum() for level in encoder(x, of).levels).backward()
        return {name: parameter.grad for name, parameter in encoder.named_parameters()}

    together = gradients([(padded(sequences, 30), lengths)])
    assert all(gradient is not None and gradient.any() for gradient in together.values())
    assert_close(together, gradients([(x[None], [x.shape[1]]) for x in sequences]), atol=1e-11, rtol=1e-8)


@kinds
@torch.no_grad()
def test_the_first_and_the_last_step_see_each_other(kind: str, encoders: Kinds) -> None:
    x = torch.randn(1, CHANNELS, 60).double()
    before = encoders[kind](x).levels[0]
    for changed, seen in ((0, 59), (59, 0)):
        other = x.clone()
        other[0, 0, changed] += 1
        assert (encoders[kind](other).levels[0] - before)[..., seen].abs().max() > 1e-9


@kinds
@torch.no_grad()
def test_padding_as_released_takes_part(kind: str, encoders: Kinds) -> None:
    x = torch.randn(1, CHANNELS, 20).double()
    x[..., 13:] = 0
    own, released = (
        encoders[kind](x, padding) for padding in (Padding((13,), 20, CPU), ReleasePadding((13,), 20, CPU))
    )
    assert (own.levels[0] - released.levels[0])[..., :13].abs().max() > 1e-6
    for level, padding in zip(released.levels[1:], released.paddings[1:], strict=True):
        assert not level[..., padding.lengths[0] :].any()


@kinds
def test_half_precision_trains(kind: str, encoders: Kinds) -> None:
    encoder = MambaEncoder(CHANNELS, 3) if kind == "mamba" else SSDEncoder(CHANNELS, 3)
    x = torch.randn(2, CHANNELS, 30)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        levels = encoder(x, [30, 11]).levels
    sum(level.square().sum() for level in levels).backward()
    assert all(level.dtype == torch.float32 for level in levels)
    assert all(parameter.grad.isfinite().all() for parameter in encoder.parameters())
