"""The Cross-Layer Task Decoupling and Refinement decoder (paper, "Decoder with CLTDR", Eq. 5-12).

Shape letters: B sequences, C and H channels, K classes, L levels, N points, R rows of the table of all
levels.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.decoders.cross_layer import (
    CrossLayerAttention,
    CrossLayerSum,
    Downsampling,
    Upsampling,
)
from untrimmed.models.decoders.heads import ClassHead, Strip
from untrimmed.models.decoders.refinement import RefineHead, refined
from untrimmed.models.decoders.trident import TridentHead
from untrimmed.models.predictions import Points, Predictions
from untrimmed.models.pyramid_norms import LayerNorms
from untrimmed.models.sequences import Pyramid


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
        classification_features: joins a level with its neighbours for the classes (`cross_layer`); None: DCM.
        regression_features: the same for the boundaries; None: DRM.
        refine_classification, refine_regression: what is refined. Where nothing is, the predictions are the
            coarse ones, and have no `coarse` of their own.
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
        classification_features: nn.Module | None = None,
        regression_features: nn.Module | None = None,
        refine_classification: bool = True,
        refine_regression: bool = True,
    ) -> None:
        super().__init__()
        self.gap = max(kernel_size, boundary_kernel_size or 1) // 2
        self.norms = LayerNorms(channels, levels) if norms is None else norms
        self.classification_features = classification_features or CrossLayerAttention(
            channels, Upsampling(channels)
        )
        self.regression_features = regression_features or CrossLayerAttention(channels, Downsampling(channels))
        refines = refine_classification or refine_regression
        # Not built where they are not used: some trainers demand a gradient of every parameter.
        self.refinement_features = CrossLayerSum(channels) if refines else None
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
        self.refine_head = (
            RefineHead(
                channels,
                classes,
                channels=head_channels,
                kernel_size=kernel_size,
                layers=layers,
                classification=refine_classification,
                regression=refine_regression,
            )
            if refines
            else None
        )

    def forward(self, pyramid: Pyramid) -> Predictions:
        """Predictions of every point; refined ones with the coarse ones that they came from."""
        levels = [F.pad(x, (0, 0, 1, 1)) for x in self.norms(pyramid)]
        strip = Strip(Points(pyramid.paddings), self.gap)

        def joined(join: nn.Module) -> Tensor:
            """(R, C): each level with its neighbours."""
            below, above = [None, *levels[:-1]], [*levels[1:], None]
            return strip.lay(list(map(join, below, levels, above, pyramid.paddings)))

        for_classes = joined(self.classification_features)
        for_boundaries = joined(self.regression_features)
        for_both = None if self.refinement_features is None else joined(self.refinement_features)
        coarse = Predictions(
            strip.points, self.class_head(for_classes, strip), self.trident_head(for_boundaries, strip)
        )
        if self.refine_head is None or for_both is None:
            return coarse
        return refined(coarse, *self.refine_head(for_both, strip))
