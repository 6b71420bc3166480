"""The decoder of TriDet (Shi et al. 2023): one head tells classes, the Trident-head where they begin and end.

Shape letters: B sequences, C and H channels, K classes, L levels, N points.
"""

from torch import nn

from untrimmed.models.decoders.heads import ClassHead, Strip
from untrimmed.models.decoders.trident import TridentHead
from untrimmed.models.predictions import Points, Predictions
from untrimmed.models.pyramid_norms import LayerNorms
from untrimmed.models.sequences import Pyramid


class TridentDecoder(nn.Module):
    """A class head and a Trident-head, both run over every level.

    Args:
        channels: C.
        classes: K.
        levels: L.
        head_channels: H.
        bins: B of the Trident-head, the farthest boundary in strides of a level.
        kernel_size: steps that each convolution of a head sees; odd.
        boundary_kernel_size: the same of the heads that look for starts and ends; None: as `kernel_size`.
        layers: convolutions of a head.
        prior: the probability of every class, and of its start and its end, at the start of training, in (0, 1).
        detached_boundaries: whether the heads that look for starts and ends learn without teaching what is below
            them, as in TriDet's release.
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
        detached_boundaries: bool = False,
        norms: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.gap = max(kernel_size, boundary_kernel_size or 1) // 2
        self.detached_boundaries = detached_boundaries
        self.norms = LayerNorms(channels, levels) if norms is None else norms
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
            prior=prior,
        )

    def forward(self, pyramid: Pyramid) -> Predictions:
        """Predictions of every point."""
        strip = Strip(Points(pyramid.paddings), self.gap)
        table = strip.lay(self.norms(pyramid))
        for_boundaries = table.detach() if self.detached_boundaries else table
        return Predictions(
            points=strip.points,
            class_logits=self.class_head(table, strip),
            regression=self.trident_head(table, strip, for_boundaries),
        )
