import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.encoders.spectral import ComplexConvolution, SpectralFilter
from untrimmed.models.sequences import Padding, ReleasePadding

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


def shrunk(values: NDArray, threshold: float) -> NDArray[np.float64]:
    """Values closer to 0 by a threshold, or 0."""
    return np.sign(values) * np.maximum(np.abs(values) - threshold, 0)


def slow_filter(x: NDArray, layer: SpectralFilter) -> NDArray[np.float64]:
    """Eq. 1-3 for one sequence (C, T), by the sums that define the transform and its inverse."""
    steps = x.shape[1]
    t = np.arange(steps)
    kept = steps // 2 + 1
    spectrum = x @ np.exp(-2j * np.pi * np.outer(t, np.arange(kept)) / steps) / math.sqrt(steps)
    hidden = slow_convolution(spectrum, layer.first)
    hidden = np.maximum(hidden.real, 0) + 1j * np.maximum(hidden.imag, 0)
    kernel = slow_convolution(hidden, layer.second)
    product = spectrum * (shrunk(kernel.real, layer.threshold) + 1j * shrunk(kernel.imag, layer.threshold))
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


@pytest.mark.parametrize("steps", [1, 2, 7, 12])
def test_a_threshold_takes_small_parts_of_the_filter_away(steps: int, randomised: Randomised) -> None:
    layer = randomised(SpectralFilter(3, 1, threshold=0.3), size=0.5)
    x = torch.randn(2, 3, steps)
    out = layer(x, Padding.of(x, None)).detach().numpy()
    for row, sequence in zip(out, x.double().numpy(), strict=True):
        np.testing.assert_allclose(row, slow_filter(sequence, layer), atol=2e-5)


def test_a_filter_below_its_threshold_lets_nothing_through() -> None:
    layer = SpectralFilter(3, 1, threshold=100.0)
    x = torch.randn(2, 3, 8)
    assert not layer(x, Padding.of(x, None)).any()


def test_padding_that_takes_part_is_transformed_too(randomised: Randomised) -> None:
    layer = randomised(SpectralFilter(3), size=0.5)
    x = torch.randn(2, 3, 8)
    padding = ReleasePadding((5, 3), 8, torch.device("cpu"))
    assert_close(layer(x, padding), layer(x, Padding.of(x, None)))
