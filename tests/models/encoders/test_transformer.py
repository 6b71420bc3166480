import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.encoders.transformer import Projection, TransformerBlock, TransformerEncoder
from untrimmed.models.sequences import Padding, ReleasePadding

Randomised = Callable[..., nn.Module]
Padded = Callable[..., Tensor]

CHANNELS = 12


def block_of(stride: int, window: int | None = 5, dropout: float = 0.0) -> TransformerBlock:
    return TransformerBlock(
        CHANNELS,
        stride=stride,
        heads=3,
        window=window,
        expansion=2,
        dropout=dropout,
        drop_path=0.1,
        layer_scale=1.0,
    )


def encoder_of(
    levels: int, window: int | list[int | None] | None = 5, stem_blocks: int = 1
) -> TransformerEncoder:
    return TransformerEncoder(CHANNELS, levels, stem_blocks=stem_blocks, heads=3, window=window, expansion=2)


def normal(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    """Each column of (C, T) less its mean, over its standard deviation."""
    centred = x - x.mean(0)
    deviation = (centred.square().mean(0) + 1e-5).sqrt()
    return centred / deviation * norm.weight[:, None] + norm.bias[:, None]


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    return layer.weight @ x + layer.bias[:, None]


def projected(layer: Projection, x: Tensor, stride: int) -> Tensor:
    """Every `stride`-th step of the convolution of x (C, T), normalised and projected."""
    before, at, after = layer.weight.t()
    columns = []
    for t in range(0, x.shape[1], stride):
        column = at * x[:, t]
        column = column + before * x[:, t - 1] if t > 0 else column
        columns.append(column + after * x[:, t + 1] if t + 1 < x.shape[1] else column)
    return linear(layer.linear, normal(layer.norm, torch.stack(columns, dim=1)))


def slow_block(block: TransformerBlock, x: Tensor, stride: int, window: int | None, mask: Tensor) -> Tensor:
    """The block of the release for one padded sequence (C, T), with its mask (T,) wherever the release has it."""
    kept = mask[::stride]
    u = normal(block.norm, x)
    attention = block.attention
    q, k, v = (projected(part, u, stride) for part in (attention.query, attention.key, attention.value))
    width = CHANNELS // 3
    found = torch.zeros_like(q)
    for head in range(3):
        own = slice(head * width, (head + 1) * width)
        for t in range(q.shape[1]):
            keys = [s for s in range(q.shape[1]) if kept[s] and (window is None or abs(s - t) <= window // 2)]
            if kept[t]:
                weights = torch.softmax(q[own, t] @ k[own, keys] / math.sqrt(width), dim=0)
                found[own, t] = v[own, keys] @ weights
    o = linear(attention.output, found) * kept
    steps = range(0, x.shape[1], stride)
    pooled = x if stride == 1 else torch.stack([x[:, max(t - 1, 0) : t + 2].amax(1) for t in steps], dim=1)
    y = pooled * kept + block.attention_path.scale[:, None] * o
    network = block.feed_forward
    hidden = linear(network.widen, normal(block.feed_forward_norm, y))
    hidden = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
    return y + block.feed_forward_path.scale[:, None] * kept * linear(network.narrow, hidden)


@pytest.mark.parametrize("window", [1, 3, 9, None])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("steps", [1, 2, 7, 40])
@torch.no_grad()
def test_a_block_is_the_formulas_of_the_release(
    steps: int, stride: int, window: int | None, randomised: Randomised, in_float64: None
) -> None:
    block = randomised(block_of(stride, window), size=0.5).double()
    x = torch.randn(2, CHANNELS, steps, dtype=torch.float64)
    for row, given_row in zip(block(x, Padding.of(x, None)), x, strict=True):
        expected = slow_block(block, given_row, stride, window, torch.ones(steps))
        assert_close(row, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("window", [5, None])
@pytest.mark.parametrize("stride", [1, 2])
@torch.no_grad()
def test_with_the_padding_of_the_release_what_is_behind_an_end_is_seen_where_it_does_not_mask(
    stride: int, window: int | None, randomised: Randomised, in_float64: None
) -> None:
    block = randomised(block_of(stride, window), size=0.5).double()
    # Of the embedding of a release something stands behind the ends.
    x = torch.randn(2, CHANNELS, 40, dtype=torch.float64)
    padding = ReleasePadding((40, 23), 40, x.device)
    for row, given_row, length in zip(block(x, padding), x, padding.lengths, strict=True):
        expected = slow_block(block, given_row, stride, window, torch.arange(40) < length)
        assert_close(row, expected, rtol=0, atol=1e-10)
    alone = block(x[1:, :, :23], Padding.of(x[1:, :, :23], None))
    assert not torch.allclose(alone[0], block(x, padding)[1, :, : alone.shape[-1]])


@settings(deadline=None, max_examples=25)
@given(
    lengths=st.lists(st.integers(1, 120), min_size=1, max_size=4),
    more=st.integers(0, 40),
    which=st.integers(0, 2),
    seed=st.integers(0, 99),
)
@torch.no_grad()
def test_levels_of_a_sequence_are_those_it_has_alone_with_zeros_behind(
    lengths: list[int],
    more: int,
    which: int,
    seed: int,
    encoders: list[nn.Module],
    padded: Padded,
    in_float64: None,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    sequences = [torch.randn(CHANNELS, length, generator=generator, dtype=torch.float64) for length in lengths]
    pyramid = encoders[which](padded(sequences, max(lengths) + more), lengths)
    for row, sequence in enumerate(sequences):
        alone = encoders[which](sequence[None])
        for level, padding, expected in zip(pyramid.levels, pyramid.paddings, alone.levels, strict=True):
            length = padding.lengths[row]
            assert_close(level[row, :, :length], expected[0], rtol=0, atol=1e-9)
            assert not level[row, :, length:].any()


@pytest.fixture(scope="module")
def encoders(randomised: Randomised) -> list[nn.Module]:
    """Windows, none, and of each kind."""
    return [
        randomised(encoder).double()
        for encoder in (encoder_of(5, 5, 2), encoder_of(3, None), encoder_of(4, [19, 1, 3, None], 0))
    ]


@torch.no_grad()
def test_the_levels_are_the_blocks_one_after_another(randomised: Randomised) -> None:
    encoder = randomised(encoder_of(3, stem_blocks=2))
    x = torch.randn(1, CHANNELS, 11)
    level = x
    for block in encoder.stem:
        level = block(level, Padding.of(level, None))
    expected = [level]
    for block in encoder.branch:
        expected.append(block(expected[-1], Padding.of(expected[-1], None)))
    pyramid = encoder(x)
    assert [level.shape[-1] for level in pyramid.levels] == [11, 6, 3]
    for given_level, one in zip(pyramid.levels, expected, strict=True):
        assert_close(given_level, one)


def test_each_level_has_its_window() -> None:
    encoder = encoder_of(3, [19, None, 3], stem_blocks=2)
    assert [block.attention.window for block in (*encoder.stem, *encoder.branch)] == [19, 19, None, 3]


@pytest.mark.parametrize(("window", "reach"), [(5, 3), (1, 1), (None, 39)])
def test_a_step_of_level_0_sees_its_window_and_one_more_on_each_side_for_the_convolutions(
    window: int | None, reach: int, randomised: Randomised
) -> None:
    encoder = randomised(encoder_of(1, window))
    x = torch.randn(1, CHANNELS, 40, requires_grad=True)
    encoder(x).levels[0][0, :, 10].square().sum().backward()
    seen = torch.nonzero(x.grad[0].any(dim=0))[:, 0].tolist()
    assert seen == list(range(max(10 - reach, 0), min(10 + reach, 39) + 1))


@pytest.mark.parametrize("stride", [1, 2])
def test_a_block_has_the_right_gradient(stride: int, check_gradients: Callable[..., None]) -> None:
    torch.manual_seed(stride)
    block = TransformerBlock(
        4, stride=stride, heads=2, window=3, expansion=1, dropout=0.0, drop_path=0.0, layer_scale=1.0
    )
    x = torch.randn(2, 4, 5)
    x[1, :, 3:] = 0
    check_gradients(block, [x], Padding.of(x, [5, 3]))


def test_every_parameter_gets_a_gradient_that_can_have_one(randomised: Randomised, in_float64: None) -> None:
    encoder = randomised(encoder_of(3, [9, None, 3])).double()
    pyramid = encoder(torch.randn(4, CHANNELS, 30, dtype=torch.float64), [30, 17, 4, 9])
    sum(level.square().sum() for level in pyramid.levels).backward()
    without = {name for name, p in encoder.named_parameters() if (p.grad.abs() < 1e-10).all()}
    # What is added to all keys alike changes no weight of a mean.
    expected = {n for n, _ in encoder.named_parameters() if n.endswith(("key.norm.bias", "key.linear.bias"))}
    assert without == expected


@torch.no_grad()
def test_in_bfloat16_levels_are_nearly_those_of_float32(randomised: Randomised) -> None:
    encoder = randomised(encoder_of(3, [9, 9, None]))
    x = torch.randn(2, CHANNELS, 70)
    with torch.autocast("cpu", torch.bfloat16):
        lower = encoder(x, [70, 33])
    for level, expected in zip(lower.levels, encoder(x, [70, 33]).levels, strict=True):
        assert level.dtype == torch.float32
        assert (level - expected).abs().max() < 0.03 * expected.abs().max()


def test_dropout_leaves_out_values_of_both_branches_and_of_the_hidden_layer() -> None:
    block = block_of(1, dropout=0.5).train()
    seen = {}
    for name, module in block.named_modules():
        if name.endswith("dropout"):
            module.register_forward_hook(lambda _, x, y, name=name: seen.update({name: (y == 0).float().mean()}))
    x = torch.randn(2, CHANNELS, 50)
    block(x, Padding.of(x, None))
    assert set(seen) == {"attention_dropout", "feed_forward.hidden_dropout", "feed_forward.output_dropout"}
    assert all(abs(share - 0.5) < 0.06 for share in seen.values())


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: TransformerEncoder(12, 2, heads=5), "12 channels do not divide into 5 heads"),
        (lambda: TransformerEncoder(12, 2, window=4), "odd number of steps, not 4"),
        (lambda: TransformerEncoder(12, 2, window=[3, 3, 3]), "3 windows were given for 2 levels"),
    ],
)
def test_what_does_not_fit_is_refused(build: Callable[[], nn.Module], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build()
