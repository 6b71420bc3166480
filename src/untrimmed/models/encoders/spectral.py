"""The global branch of the Gated Multi-Granularity encoder: a filter of a sequence's spectrum (paper, Eq. 1-3).

Shape letters: B sequences, C channels, T steps, U frequencies (T // 2 + 1).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.layers import convolve_depthwise
from untrimmed.models.sequences import Padding


class SpectralFilter(nn.Module):
    """The spectrum of a sequence, times a filter that is computed from it.

    Each sequence is transformed over its own length. The transform is orthonormal, so that the filter is given
    values of the same size whatever that length is.

    Args:
        channels: C.
        kernel_size: frequencies that each of the filter's two convolutions sees; odd.
        threshold: real and imaginary parts of the filter move towards 0 by this much (soft shrinkage).
    """

    def __init__(self, channels: int, kernel_size: int = 3, threshold: float = 0.0) -> None:
        super().__init__()
        self.first = ComplexConvolution(channels, kernel_size)
        self.second = ComplexConvolution(channels, kernel_size)
        self.threshold = threshold

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, C, T) to the same."""
        return padding.each(x, self._filtered)

    def _filtered(self, x: Tensor) -> Tensor:
        """As `forward`, of sequences that all fill their rows."""
        spectrum = torch.fft.rfft(x.float(), norm="ortho")
        # Eq. 2: W = Conv(ReLU(Conv(X))).
        real, imaginary = self.first(spectrum.real.contiguous(), spectrum.imag.contiguous())
        real, imaginary = self.second(F.relu_(real), F.relu_(imaginary))
        if self.threshold > 0:
            real, imaginary = F.softshrink(real, self.threshold), F.softshrink(imaginary, self.threshold)
        # Eq. 3: the Hadamard product, and back.
        product = spectrum * torch.complex(real.float(), imaginary.float() * _is_complex(x))
        filtered: Tensor = torch.fft.irfft(product, n=x.shape[-1], norm="ortho")
        return filtered.to(x.dtype)


def _is_complex(x: Tensor) -> Tensor:
    """(U,), 0 for the frequencies of a real x with no imaginary part: the first, and the last of an even T.

    Libraries differ in what they make of one that is there nevertheless.
    """
    steps = x.shape[-1]
    frequencies = torch.arange(steps // 2 + 1, device=x.device)
    return ((frequencies > 0) & (2 * frequencies < steps)).float()


class ComplexConvolution(nn.Module):
    """Depth-wise convolution along the frequencies of a complex spectrum.

    Weight and bias are complex numbers that are kept, as the spectrum that they meet, in two real parts, since
    networks are exported with real numbers only.

    Args:
        channels: C.
        kernel_size: frequencies that it sees; odd.
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        # Real part first. Small, so that the branch starts as a small correction, as in the release.
        self.weight = nn.Parameter(0.02 * torch.randn(2, channels, kernel_size))
        self.bias = nn.Parameter(0.02 * torch.randn(2, channels))

    def forward(self, real: Tensor, imaginary: Tensor) -> tuple[Tensor, Tensor]:
        """Real and imaginary part, (B, C, U) each, to the same."""
        by_real, by_imaginary = self.weight
        bias_real, bias_imaginary = self.bias
        # (a + bi)(x + yi) = (ax - by) + (bx + ay)i
        return (
            convolve_depthwise([(real, by_real), (imaginary, -by_imaginary)], bias_real),
            convolve_depthwise([(real, by_imaginary), (imaginary, by_real)], bias_imaginary),
        )
