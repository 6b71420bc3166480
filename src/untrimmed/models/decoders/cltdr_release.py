"""The Cross-Layer Task Decoupling and Refinement decoder as its authors' code computes it, for their weights.

It differs from the equations of the paper (`cltdr`): levels are joined by dense convolutions, the heads that look
for starts and ends see the plain levels and do not teach the encoder, the two classifications meet as a product
of logits (with which two confident rejections become a detection), and each class moves its boundaries on its
own, by steps of level 0.

Shape letters: B sequences, C and H channels, K classes, L levels, M places, N points, R rows of the table of all
levels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from untrimmed.models.decoders.cross_layer_release import DenseAttention, DenseSum, downsampling, upsampling
from untrimmed.models.decoders.heads import ClassHead, OutputLayer, Strip
from untrimmed.models.decoders.trident import TridentHead
from untrimmed.models.predictions import Places, Points, Predictions, Regression
from untrimmed.models.pyramid_norms import LayerNorms
from untrimmed.models.rows import Trunk
from untrimmed.models.sequences import Pyramid

#: Steps that the last convolutions of the offsets see.
OFFSET_KERNEL_SIZE = 7


class CLTDRReleaseDecoder(nn.Module):
    """The release's decoder; the arguments are those of `cltdr.CLTDRDecoder`."""

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
        self.gap = max(kernel_size, boundary_kernel_size or 1, OFFSET_KERNEL_SIZE) // 2
        self.norms = LayerNorms(channels, levels) if norms is None else norms
        self.classification_features = DenseAttention(channels, upsampling(channels))
        self.regression_features = DenseAttention(channels, downsampling(channels))
        self.refinement_features = DenseSum(channels)
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
        self.refine_head = ReleaseRefineHead(
            channels, classes, channels=head_channels, kernel_size=kernel_size, layers=layers
        )

    def forward(self, pyramid: Pyramid) -> Predictions:
        """Refined predictions of every point, with the coarse ones that they came from."""
        paddings = pyramid.paddings
        levels = self.norms(pyramid)
        below, above = [None, *levels[:-1]], [*levels[1:], None]
        strip = Strip(Points(paddings), self.gap)
        for_classes = strip.lay(self.classification_features(levels, above, paddings))
        for_bins = strip.lay(self.regression_features(levels, below, paddings))
        for_both = strip.lay(self.refinement_features(below, levels, above, paddings))
        plain = strip.lay([level.detach() for level in levels])

        coarse = Predictions(
            strip.points, self.class_head(for_classes, strip), self.trident_head(for_bins, strip, plain)
        )
        start_offsets, end_offsets, class_logits = self.refine_head(for_both, strip)
        return Predictions(
            points=strip.points,
            class_logits=coarse.class_logits.float() * class_logits.float(),
            regression=StepwiseRegression(strip.points, coarse.regression, start_offsets, end_offsets),
            coarse=coarse,
        )


class ReleaseRefineHead(nn.Module):
    """One trunk and three outputs: offsets of start and end, and a second logit of each class.

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
        self.start_output = OutputLayer(channels, classes, OFFSET_KERNEL_SIZE)
        self.end_output = OutputLayer(channels, classes, OFFSET_KERNEL_SIZE)
        self.class_output = OutputLayer(channels, classes, kernel_size)

    def forward(self, x: Tensor, strip: Strip) -> tuple[Tensor, Tensor, Tensor]:
        """(R, C) to offsets of start and end in steps of level 0, and logits, (B, K, N) each."""
        hidden = self.trunk(x, strip.rows)
        return (
            self.start_output(hidden, strip),
            self.end_output(hidden, strip),
            self.class_output(hidden, strip),
        )


@dataclass(frozen=True)
class StepwiseRegression:
    """Coarse distances and an offset of each boundary of each class; a positive one moves it later.

    Attributes:
        points: the N points.
        coarse: the distances before refinement.
        start_offsets, end_offsets: (B, K, N), in steps of level 0.
    """

    points: Points
    coarse: Regression
    start_offsets: Tensor
    end_offsets: Tensor

    def distances(self, places: Places) -> Tensor:
        """See `Regression`; a distance below zero becomes zero, without a gradient."""
        stride = self.points.stride[places.point].float()
        position = self.points.position_steps[places.point].float()
        start_offset, end_offset = (
            offsets[places.sequence, places.label, places.point].float()
            for offsets in (self.start_offsets, self.end_offsets)
        )
        coarse = self.coarse.distances(places) * stride[:, None]
        # By way of the boundaries' positions, as the release does, so that what is rounded is the same.
        start = (position - coarse[:, 0]) + start_offset
        end = (position + coarse[:, 1]) + end_offset
        return (torch.stack((position - start, end - position), dim=1) / stride[:, None]).clamp(min=0)
