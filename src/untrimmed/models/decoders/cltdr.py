"""The Cross-Layer Task Decoupling and Refinement decoder (paper, "Decoder with CLTDR", Eq. 5-12).

Shape letters: B sequences, C and H channels, K classes, L levels, M places, N points, P steps of the strip.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.decoders.heads import ClassHead, OutputLayer, Strip, Trunk
from untrimmed.models.decoders.trident import TridentHead
from untrimmed.models.layers import ChannelAffine, ChannelNorm, Convolution
from untrimmed.models.predictions import Places, Points, Predictions, Regression
from untrimmed.models.sequences import Padding, Pyramid


class CLTDRDecoder(nn.Module):
    """What an action is, is told with the level above; where it ends, with the level below; both refine both.

    Every level is decoded by the same modules (Fig. 2). The paper decodes the inner levels only; here the ends
    of the pyramid are decoded too, with the neighbours that they have, as in the authors' release.

    Args:
        channels: C.
        classes: K.
        levels: L.
        head_channels: H.
        bins: B of the Trident-head, the farthest boundary in strides of a level.
        kernel_size: steps that each convolution of a head sees; odd.
        layers: convolutions of a head.
        prior: the probability of every class at the start of training, in (0, 1).
    """

    def __init__(
        self,
        channels: int = 512,
        classes: int = 20,
        levels: int = 6,
        *,
        head_channels: int = 512,
        bins: int = 16,
        kernel_size: int = 3,
        layers: int = 3,
        prior: float = 0.01,
    ) -> None:
        super().__init__()
        self.gap = kernel_size // 2
        self.norms = nn.ModuleList(ChannelNorm(channels) for _ in range(levels))
        self.classification_features = CrossLayerAttention(channels, Upsampling(channels))
        self.regression_features = CrossLayerAttention(channels, Downsampling(channels))
        self.refinement_features = CrossLayerSum(channels)
        self.class_head = ClassHead(
            channels, classes, channels=head_channels, kernel_size=kernel_size, layers=layers, prior=prior
        )
        self.trident_head = TridentHead(
            channels,
            classes,
            levels,
            channels=head_channels,
            bins=bins,
            kernel_size=kernel_size,
            layers=layers,
        )
        self.refine_head = RefineHead(
            channels, classes, channels=head_channels, kernel_size=kernel_size, layers=layers
        )

    def forward(self, pyramid: Pyramid) -> Predictions:
        """Refined predictions of every point, with the coarse ones that they came from."""
        paddings = pyramid.paddings
        levels = [
            padding.zero(norm(x)) for norm, x, padding in zip(self.norms, pyramid.levels, paddings, strict=True)
        ]
        above = [*levels[1:], None]
        below = [None, *levels[:-1]]
        strip = Strip(Points(paddings), self.gap)
        for_classes = strip.lay(list(map(self.classification_features, levels, above, paddings)))
        for_boundaries = strip.lay(list(map(self.regression_features, levels, below, paddings)))
        for_both = strip.lay(list(map(self.refinement_features, levels, below, above, paddings)))

        coarse = Predictions(
            strip.points, self.class_head(for_classes, strip), self.trident_head(for_boundaries, strip)
        )
        class_logits, offsets = self.refine_head(for_both, strip)
        return Predictions(
            points=strip.points,
            class_logits=geometric_mean_logits(coarse.class_logits, class_logits),
            regression=RefinedRegression(coarse.regression, offsets),
            coarse=coarse,
        )


class Upsampling(nn.Module):
    """Depth-wise transposed convolution that doubles the steps of the level above (kernel 3, stride 2).

    Computed as its two phases, since PyTorch's transposed convolution is several times slower depth-wise: an
    even step meets the middle weight, an odd one the outer two.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose1d(
            channels, channels, 3, stride=2, padding=1, output_padding=1, groups=channels
        )

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, C, T_{l+1}) to (B, C, T_l), with the padding of the level below."""
        assert self.conv.bias is not None
        left, middle, right = self.conv.weight.unbind(-1)
        bias = self.conv.bias[:, None]
        even = torch.addcmul(bias, x, middle)
        odd = torch.addcmul(torch.addcmul(bias, x, right), F.pad(x[..., 1:], (0, 1)), left)
        return padding.zero(torch.stack((even, odd), dim=-1).flatten(2)[..., : padding.steps])


class Downsampling(nn.Module):
    """Depth-wise convolution that halves the steps of the level below (kernel 3, stride 2).

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, (1, 3), stride=(1, 2), padding=(0, 1), groups=channels)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """(B, C, T_{l-1}) to (B, C, T_l), with the padding of the level above."""
        halved: Tensor = self.conv(x.unsqueeze(2)).squeeze(2)
        return padding.zero(halved)


class CrossLayerAttention(nn.Module):
    """A level with what is worth taking from a neighbouring one.

    With the level above this is the decoupled classification module (DCM, Eq. 5-6), with the level below the
    decoupled regression module (DRM, Eq. 7-8). A level without that neighbour stays as it is.

    Args:
        channels: C.
        resampling: brings the neighbour to the length of the level.
    """

    def __init__(self, channels: int, resampling: nn.Module) -> None:
        super().__init__()
        self.resampling = resampling
        self.refine = Convolution(channels, channels, 3, groups=channels)
        self.attention = ChannelAffine(channels)

    def forward(self, level: Tensor, neighbour: Tensor | None, padding: Padding) -> Tensor:
        """P^l (B, C, T_l) and its neighbour to f_cls^l or f_reg^l (B, C, T_l)."""
        if neighbour is None:
            return level
        neighbour = self.resampling(neighbour, padding)
        both = padding.zero(F.relu(neighbour + self.refine(level)))
        weights = torch.sigmoid(self.attention(padding.mean(both)))
        return level + neighbour * weights


class CrossLayerSum(nn.Module):
    """A level with both its neighbours (CLFF, Eq. 9).

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down = Downsampling(channels)
        self.up = Upsampling(channels)

    def forward(self, level: Tensor, below: Tensor | None, above: Tensor | None, padding: Padding) -> Tensor:
        """P^l, P^{l-1} and P^{l+1}, where these exist, to f_c^l (B, C, T_l)."""
        if below is not None:
            level = level + self.down(below, padding)
        if above is not None:
            level = level + self.up(above, padding)
        return level


class RefineHead(nn.Module):
    """What makes the coarse classes and boundaries agree: R_co of Eq. 10, R_so and R_eo of Eq. 11-12.

    Args:
        inputs: C.
        classes: K.
        channels: H.
        kernel_size: odd.
        layers: convolutions, the last one included.
    """

    def __init__(self, inputs: int, classes: int, *, channels: int, kernel_size: int, layers: int) -> None:
        super().__init__()
        self.trunk = Trunk(inputs, channels, kernel_size, layers - 1)
        self.class_output = OutputLayer(channels, classes, kernel_size)
        self.offset_output = OutputLayer(channels, 2, kernel_size)

    def forward(self, x: Tensor, strip: Strip) -> tuple[Tensor, Tensor]:
        """(B, C, P) to logits (B, K, N) and offsets (B, 2, N) of start and end, in units of the stride."""
        hidden = self.trunk(x, strip)
        return self.class_output(hidden, strip), self.offset_output(hidden, strip)


def geometric_mean_logits(first: Tensor, second: Tensor) -> Tensor:
    """The logit of sqrt(p q), where p and q are the sigmoids of two logits (Eq. 10).

    Safe for logits of any size: with a = sqrt(p q), log a is the mean of two log-sigmoids, and
    1 - a = (1 - p q) / (1 + a), where 1 - p q = (1 - p) + p (1 - q) is a sum of positive terms.
    """
    first, second = first.float(), second.float()
    log_p = F.logsigmoid(first)
    log_mean = 0.5 * (log_p + F.logsigmoid(second))
    log_not_both = torch.logaddexp(F.logsigmoid(-first), log_p + F.logsigmoid(-second))
    return log_mean - log_not_both + torch.log1p(log_mean.exp())


@dataclass(frozen=True)
class RefinedRegression:
    """Coarse distances and an offset of each boundary (Eq. 11-12): a positive one moves it later.

    Attributes:
        coarse: the distances before refinement.
        offsets: (B, 2, N), of start and end, in units of the stride, for all classes alike.
    """

    coarse: Regression
    offsets: Tensor

    def distances(self, places: Places) -> Tensor:
        """See `Regression`; a distance below zero means that the point lies outside its segment."""
        start, end = self.offsets[places.sequence, :, places.point].float().unbind(1)
        return self.coarse.distances(places) + torch.stack((-start, end), dim=1)
