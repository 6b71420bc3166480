"""The Cross-Layer Task Decoupling and Refinement decoder (paper, "Decoder with CLTDR", Eq. 5-12).

Every module that looks at neighbouring steps is given levels that are padded with one step of zeros at each end.

Shape letters: B sequences, C and H channels, K classes, L levels, M places, N points, R rows of the
table of all levels.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.decoders.heads import ClassHead, OutputLayer, Strip
from untrimmed.models.decoders.trident import TridentHead
from untrimmed.models.predictions import Places, Points, Predictions, Regression
from untrimmed.models.pyramid_norms import LayerNorms, zero
from untrimmed.models.rows import Trunk
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
        boundary_kernel_size: the same of the heads that look for starts and ends; None: as `kernel_size`.
        layers: convolutions of a head.
        prior: the probability of every class at the start of training, in (0, 1).
        norms: a Pyramid to its L normalised levels (B, T_l, C); None: LayerNorms.
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
        boundary_kernel_size: int | None = None,
        layers: int = 3,
        prior: float = 0.01,
        norms: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.gap = max(kernel_size, boundary_kernel_size or 1) // 2
        self.norms = LayerNorms(channels, levels) if norms is None else norms
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
            boundary_kernel_size=boundary_kernel_size,
            layers=layers,
        )
        self.refine_head = RefineHead(
            channels, classes, channels=head_channels, kernel_size=kernel_size, layers=layers
        )

    def forward(self, pyramid: Pyramid) -> Predictions:
        """Refined predictions of every point, with the coarse ones that they came from."""
        paddings = pyramid.paddings
        levels = [F.pad(x, (0, 0, 1, 1)) for x in self.norms(pyramid)]
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

    Computed as its two phases: an even step meets the middle weight, an odd one the outer two.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = _depthwise_weights(channels)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """Padded (B, T_{l+1} + 2, C) to (B, T_l, C), with the padding of the level below."""
        at, after = x[:, 1:-1], x[:, 2:]
        even = torch.addcmul(self.bias, at, self.weight[1])
        odd = torch.addcmul(self.bias, at, self.weight[2]).addcmul_(after, self.weight[0])
        return zero(torch.stack((even, odd), dim=2).flatten(1, 2)[:, : padding.steps], padding)


class Downsampling(nn.Module):
    """Depth-wise convolution that halves the steps of the level below (kernel 3, stride 2).

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = _depthwise_weights(channels)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """Padded (B, T_{l-1} + 2, C) to (B, T_l, C), with the padding of the level above."""
        steps = padding.steps
        before, at, after = x[:, : 2 * steps : 2], x[:, 1 : 2 * steps : 2], x[:, 2 : 2 * steps + 1 : 2]
        return zero(_three_steps(self.bias, before, at, after, self.weight), padding)


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
        self.weight, self.bias = _depthwise_weights(channels)
        # PyTorch's initial weights of a depth-wise convolution of kernel 1.
        self.attention_weight = nn.Parameter(torch.empty(channels).uniform_(-1, 1))
        self.attention_bias = nn.Parameter(torch.zeros(channels))

    def forward(self, level: Tensor, neighbour: Tensor | None, padding: Padding) -> Tensor:
        """P^l (B, T_l + 2, C) and its neighbour, both padded, to f_cls^l or f_reg^l (B, T_l, C)."""
        at = level[:, 1:-1]
        if neighbour is None:
            return at
        neighbour = self.resampling(neighbour, padding)
        both = _three_steps(neighbour, level[:, :-2], at, level[:, 2:], self.weight).add_(self.bias)
        pooled = _mean(zero(F.relu_(both), padding), padding)
        weights = torch.sigmoid(torch.addcmul(self.attention_bias, pooled, self.attention_weight))
        return torch.addcmul(at, neighbour, weights)


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
        """P^l, P^{l-1} and P^{l+1}, where these exist, all padded, to f_c^l (B, T_l, C)."""
        total = level[:, 1:-1]
        if below is not None:
            total = total + self.down(below, padding)
        if above is not None:
            total = total + self.up(above, padding)
        return total


def _depthwise_weights(channels: int) -> tuple[nn.Parameter, nn.Parameter]:
    """Weight (3, C) and bias (C) of a depth-wise convolution, as PyTorch starts them but for a bias of zero."""
    weight = torch.empty(3, channels).uniform_(-(3**-0.5), 3**-0.5)
    return nn.Parameter(weight), nn.Parameter(torch.zeros(channels))


def _three_steps(start: Tensor, before: Tensor, at: Tensor, after: Tensor, weight: Tensor) -> Tensor:
    """start + the sum of three (B, T, C) with the weights (3, C) of a depth-wise convolution."""
    return torch.addcmul(start, before, weight[0]).addcmul_(at, weight[1]).addcmul_(after, weight[2])


def _mean(x: Tensor, padding: Padding) -> Tensor:
    """The mean of each sequence over time, (B, 1, C); x (B, T, C) is zero behind the sequences."""
    counts = torch.tensor(padding.spans, device=x.device, dtype=x.dtype)
    return x.sum(1, keepdim=True) / counts[:, None, None]


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
        """(R, C) to logits (B, K, N) and offsets (B, 2, N) of start and end, in units of the stride."""
        hidden = self.trunk(x, strip.rows)
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
