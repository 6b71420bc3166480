import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.encoders.gmg import ComplexConvolution, GMGBlock, GMGEncoder, SpectralFilter
from untrimmed.models.sequences import Padding

Randomised = Callable[..., nn.Module]
Padded = Callable[..., Tensor]

LENGTHS = [1, 2, 3, 4, 5, 8, 13, 16, 31, 48, 97]


def as_complex(parts: Tensor) -> NDArray[np.complex128]:
    """(2, ...) real and imaginary part to complex numbers."""
    real, imaginary = parts.detach().double().numpy()
    return real + 1j * imaginary


def slow_convolution(spectrum: NDArray, layer: ComplexConvolution) -> NDArray[np.complex128]:
    """(C, U) to (C, U): sums of products of complex numbers, zeros beyond both ends."""
    weight, bias = as_complex(layer.weight), as_complex(layer.bias)
    channels, width = weight.shape
    reach = width // 2
    out = np.zeros_like(spectrum)
    for channel in range(channels):
        for u in range(spectrum.shape[1]):
            out[channel, u] = bias[channel]
            for j in range(-reach, reach + 1):
                if 0 <= u + j < spectrum.shape[1]:
                    out[channel, u] += weight[channel, j + reach] * spectrum[channel, u + j]
    return out


def slow_filter(x: NDArray, layer: SpectralFilter) -> NDArray[np.float64]:
    """Eq. 1-3 for one sequence (C, T), by the sums that define the transform and its inverse."""
    steps = x.shape[1]
    t = np.arange(steps)
    kept = steps // 2 + 1
    spectrum = x @ np.exp(-2j * np.pi * np.outer(t, np.arange(kept)) / steps) / math.sqrt(steps)
    hidden = slow_convolution(spectrum, layer.first)
    hidden = np.maximum(hidden.real, 0) + 1j * np.maximum(hidden.imag, 0)
    product = spectrum * slow_convolution(hidden, layer.second)
    # The spectrum of a real signal: frequency T - u holds the conjugate of frequency u.
    full = np.zeros((x.shape[0], steps), dtype=complex)
    for u in range(kept):
        is_own_mirror = (steps - u) % steps == u
        full[:, u] = product[:, u].real if is_own_mirror else product[:, u]
        if not is_own_mirror:
            full[:, steps - u] = product[:, u].conj()
    out = full @ np.exp(2j * np.pi * np.outer(t, t) / steps) / math.sqrt(steps)
    assert np.abs(out.imag).max() < 1e-9
    return out.real


def test_complex_convolution_multiplies_complex_numbers_by_hand() -> None:
    layer = ComplexConvolution(1, 3)
    # Weights 1, i, 2 - i and bias 10 + 20i; inputs 1 + i, 3, -2i.
    layer.weight.data = torch.tensor([[[1.0, 0.0, 2.0]], [[0.0, 1.0, -1.0]]])
    layer.bias.data = torch.tensor([[10.0], [20.0]])
    real, imaginary = layer(torch.tensor([[[1.0, 3.0, 0.0]]]), torch.tensor([[[1.0, 0.0, -2.0]]]))
    # i(1+i) + (2-i)3 = 5 - 2i; (1+i) + 3i + (2-i)(-2i) = -1; 3 + i(-2i) = 5.
    assert real.tolist() == [[[15, 9, 15]]]
    assert imaginary.tolist() == [[[18, 20, 20]]]


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("frequencies", [1, 2, 7])
def test_complex_convolution_is_the_sum_of_complex_products(
    kernel_size: int, frequencies: int, randomised: Randomised
) -> None:
    layer = randomised(ComplexConvolution(4, kernel_size), size=1.0)
    real, imaginary = torch.randn(2, 3, 4, frequencies)
    out = torch.complex(*layer(real, imaginary)).detach().numpy()
    for row, spectrum in zip(out, torch.complex(real, imaginary).numpy(), strict=True):
        np.testing.assert_allclose(row, slow_convolution(spectrum.astype(complex), layer), atol=1e-5)


@pytest.mark.parametrize("steps", LENGTHS)
def test_the_filter_is_that_of_the_paper_in_complex_numbers(steps: int, randomised: Randomised) -> None:
    layer = randomised(SpectralFilter(3), size=0.5)
    x = torch.randn(2, 3, steps)
    out = layer(x, Padding.of(x, None)).detach().numpy()
    for row, sequence in zip(out, x.double().numpy(), strict=True):
        np.testing.assert_allclose(row, slow_filter(sequence, layer), atol=2e-5)


def test_each_sequence_is_filtered_over_its_own_length(randomised: Randomised, padded: Padded) -> None:
    layer = randomised(SpectralFilter(3), size=0.5)
    lengths = [4, 1, 13, 4, 2]
    sequences = [torch.randn(3, length) for length in lengths]
    batch = padded(sequences, 16)
    out = layer(batch, Padding.of(batch, lengths)).detach().numpy()
    for row, x in zip(out, sequences, strict=True):
        np.testing.assert_allclose(row[:, : x.shape[1]], slow_filter(x.double().numpy(), layer), atol=2e-5)
        assert not row[:, x.shape[1] :].any()


@pytest.mark.parametrize("steps", [1, 2, 5, 6])
def test_the_filter_has_the_right_gradient(steps: int, check_gradients: Callable[..., None]) -> None:
    torch.manual_seed(steps)
    layer = SpectralFilter(2)
    layer.first.bias.data += 0.5  # well inside the linear part of the ReLU, or well outside
    x = torch.randn(2, 2, steps)
    check_gradients(layer, [x], Padding.of(x, None))


def test_the_filter_has_the_right_gradient_for_unequal_lengths(check_gradients: Callable[..., None]) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 2, 6)
    check_gradients(SpectralFilter(2), [x], Padding.of(x, [4, 6, 4]))


@pytest.mark.parametrize(
    ("steps", "frequency", "changes"),
    [(1, 0, False), (2, 1, False), (8, 0, False), (8, 4, False), (8, 3, True), (9, 0, False), (9, 4, True)],
)
def test_an_imaginary_filter_moves_only_frequencies_that_have_an_imaginary_part(
    steps: int, frequency: int, changes: bool
) -> None:
    layer = SpectralFilter(1)
    x = torch.cos(2 * torch.pi * frequency * torch.arange(steps) / steps)[None, None]
    before = layer(x, Padding.of(x, None))
    layer.second.bias.data[1] += 1.0
    after = layer(x, Padding.of(x, None))
    assert ((after - before).abs().max() > 0.5) == changes
    if not changes:
        assert_close(after, before, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("steps", "without"), [(1, [0]), (2, [0, 1]), (6, [0, 3]), (7, [0])])
def test_the_inverse_transform_is_given_no_imaginary_part_that_it_might_use(
    steps: int, without: list[int], randomised: Randomised, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []
    inverse = torch.fft.irfft

    def spy(product: Tensor, **options: object) -> Tensor:
        given.append(product)
        return inverse(product, **options)

    monkeypatch.setattr(torch.fft, "irfft", spy)
    layer = randomised(SpectralFilter(2), size=0.5)
    x = torch.randn(1, 2, steps)
    layer(x, Padding.of(x, None))
    zero = (given[0].imag == 0).all(dim=1)[0]
    assert torch.nonzero(zero)[:, 0].tolist() == without


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


def test_the_levels_are_the_blocks_one_after_another_with_pooling_between(randomised: Randomised) -> None:
    encoder = randomised(GMGEncoder(16, 3, stem_blocks=2, hidden=8))
    x = torch.randn(1, 16, 11)
    assert len(encoder.stem) == 2
    assert len(encoder.branch) == 2
    level = x
    for block in encoder.stem:
        level = block(level, Padding.of(level, None))
    expected = [level]
    for block in encoder.branch:
        level = F.max_pool1d(level, 3, stride=2, padding=1)
        level = block(level, Padding.of(level, None))
        expected.append(level)
    for given, one in zip(encoder(x).levels, expected, strict=True):
        assert_close(given, one)


def test_every_level_sees_the_whole_sequence(randomised: Randomised) -> None:
    encoder = randomised(GMGEncoder(16, 3, stem_blocks=1, hidden=8))
    x = torch.randn(1, 16, 64, requires_grad=True)
    for level in encoder(x).levels:
        (gradient,) = torch.autograd.grad(level[0, :, -1].square().sum(), x, retain_graph=True)
        assert (gradient[0].abs().sum(0) > 0).all()


def test_channels_that_are_no_multiple_of_16_are_refused() -> None:
    with pytest.raises(ValueError, match="24 channels do not divide into 16 groups"):
        GMGEncoder(24)
