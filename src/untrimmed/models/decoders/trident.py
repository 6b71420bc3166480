"""The Trident-head: boundaries as expectations over the steps around a point (TriDet, Shi et al. 2023, Eq. 5-9).

Shape letters: B sequences, C and H channels, K classes, L levels, M places, N points, R rows of the
table.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.decoders.heads import ClassHead, OutputLayer, Strip
from untrimmed.models.predictions import Places, Points
from untrimmed.models.rows import Trunk


@dataclass(frozen=True)
class TridentRegression:
    """Distances as expected bins.

    The start of an action of class k at point t is j steps before t with a probability that grows with how
    much step t - j looks like a start of class k and with what t itself says of the bin j; likewise the end.

    Attributes:
        points: the N points.
        start_logits, end_logits: (B, K, N), how much like a start (end) of each class each point looks.
        start_bins, end_bins: (B, bins + 1, N), what each point says of the distances 0, 1 ... bins.
    """

    points: Points
    start_logits: Tensor
    end_logits: Tensor
    start_bins: Tensor
    end_bins: Tensor

    def distances(self, places: Places) -> Tensor:
        """See `Regression`: (M, 2) in [0, bins]."""
        reach = torch.arange(self.start_bins.shape[1], device=places.point.device)
        start = self._neighbours(self.start_logits, places, -reach) + _at(self.start_bins, places)
        end = self._neighbours(self.end_logits, places, reach) + _at(self.end_bins, places)
        return torch.stack([(torch.softmax(x.float(), dim=1) * reach).sum(1) for x in (start, end)], dim=1)

    def _neighbours(self, logits: Tensor, places: Places, offsets: Tensor) -> Tensor:
        """(M, bins + 1): the logits `offsets` away from each place, 0 beyond its level and its sequence."""
        points = self.points
        level = points.level[places.point]
        first = points.first_of_level[level]
        last = first + self._lengths[level, places.sequence]
        neighbours = places.point[:, None] + offsets
        inside = (neighbours >= first[:, None]) & (neighbours < last[:, None])
        row = places.sequence * logits.shape[1] + places.label
        flat = row[:, None] * logits.shape[2] + torch.where(inside, neighbours, places.point[:, None])
        return logits.flatten()[flat] * inside

    @cached_property
    def _lengths(self) -> Tensor:
        """(L, B), the valid length of each level of each sequence."""
        lengths = [padding.lengths for padding in self.points.paddings]
        return torch.tensor(lengths, device=self.start_logits.device)


def _at(bins: Tensor, places: Places) -> Tensor:
    """(M, bins + 1): what the points of the places say of each bin."""
    return bins[places.sequence, :, places.point]


class TridentHead(nn.Module):
    """Two heads that look for boundaries, and one that says how far to look from each point.

    Args:
        inputs: C.
        classes: K.
        levels: L.
        channels: H.
        bins: B of the paper, the farthest boundary in strides of a level.
        kernel_size: odd.
        boundary_kernel_size: the same of the two heads that look for boundaries; None: as `kernel_size`.
        layers: convolutions of each head.
        prior: the probability of a start and of an end of every class at the start of training.
    """

    def __init__(
        self,
        inputs: int,
        classes: int,
        levels: int,
        *,
        channels: int,
        bins: int = 16,
        kernel_size: int = 3,
        boundary_kernel_size: int | None = None,
        layers: int = 3,
        prior: float = 0.01,
    ) -> None:
        super().__init__()
        of_boundary = kernel_size if boundary_kernel_size is None else boundary_kernel_size

        def boundary_head() -> ClassHead:
            return ClassHead(
                inputs, classes, channels=channels, kernel_size=of_boundary, layers=layers, prior=prior
            )

        self.start = boundary_head()
        self.end = boundary_head()
        self.trunk = Trunk(inputs, channels, kernel_size, layers - 1)
        self.bins = OutputLayer(channels, 2 * (bins + 1), kernel_size)
        self.level_scale = nn.Parameter(torch.ones(levels))

    def forward(self, x: Tensor, strip: Strip, for_boundaries: Tensor | None = None) -> TridentRegression:
        """Tables (R, C) to the distances of N points.

        Args:
            x: what the bins are told from.
            strip: how the tables are laid.
            for_boundaries: what starts and ends are looked for in; None: also x.
        """
        for_boundaries = x if for_boundaries is None else for_boundaries
        bins = self.bins(self.trunk(x, strip.rows), strip)
        bins = F.relu(bins * self.level_scale[strip.points.level])
        start_bins, end_bins = bins.chunk(2, dim=1)
        start, end = self.start(for_boundaries, strip), self.end(for_boundaries, strip)
        return TridentRegression(strip.points, start, end, start_bins, end_bins)
