"""Two convolutional heads (ActionFormer, Zhang et al. 2022, section 3.2; also TemporalMaxer and ActionMamba).

Shape letters: B sequences, C and H channels, K classes, L levels, N points, R rows of the table of all levels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.decoders.heads import ClassHead, OutputLayer, Strip
from untrimmed.models.predictions import DirectRegression, Points, Predictions
from untrimmed.models.pyramid_norms import LayerNorms
from untrimmed.models.rows import Trunk
from untrimmed.models.sequences import Pyramid


class ConvolutionalDecoder(nn.Module):
    """A head that tells classes and one that tells distances, both run over every level.

    Args:
        channels: C.
        classes: K.
        levels: L.
        head_channels: H.
        kernel_size: steps that each convolution of a head sees; odd.
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
        kernel_size: int = 3,
        layers: int = 3,
        prior: float = 0.01,
        norms: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.gap = kernel_size // 2
        self.norms = LayerNorms(channels, levels) if norms is None else norms
        self.class_head = ClassHead(
            channels, classes, channels=head_channels, kernel_size=kernel_size, layers=layers, prior=prior
        )
        self.distance_head = DistanceHead(
            channels, levels, channels=head_channels, kernel_size=kernel_size, layers=layers
        )

    def forward(self, pyramid: Pyramid) -> Predictions:
        """Predictions of every point."""
        strip = Strip(Points(pyramid.paddings), self.gap)
        table = strip.lay(self.norms(pyramid))
        return Predictions(
            points=strip.points,
            class_logits=self.class_head(table, strip),
            regression=DirectRegression(self.distance_head(table, strip)),
        )


class DistanceHead(nn.Module):
    """Two distances a point, at least 0, scaled by a factor that each level learns.

    Args:
        inputs: C.
        levels: L.
        channels: H.
        kernel_size: odd.
        layers: number of convolutions, the last one included.
    """

    def __init__(self, inputs: int, levels: int, *, channels: int, kernel_size: int = 3, layers: int = 3) -> None:
        super().__init__()
        self.trunk = Trunk(inputs, channels, kernel_size, layers - 1)
        self.output = OutputLayer(channels, 2, kernel_size)
        self.level_scale = nn.Parameter(torch.ones(levels))

    def forward(self, x: Tensor, strip: Strip) -> Tensor:
        """(R, C) to (B, 2, N), in units of the stride of each point's level."""
        distances: Tensor = self.output(self.trunk(x, strip.rows), strip)
        return F.relu(distances * self.level_scale[strip.points.level])
