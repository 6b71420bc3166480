"""Normalisation of the levels of a pyramid, before they are decoded.

Shape letters: B sequences, C channels, T steps, L levels.
"""

import torch
from torch import Tensor, nn

from untrimmed.models.sequences import Padding, Pyramid


class LayerNorms(nn.ModuleList):
    """Layer normalisation over channels, with weights of its own for each level.

    Args:
        channels: C.
        levels: L.
    """

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__(nn.LayerNorm(channels) for _ in range(levels))

    def forward(self, pyramid: Pyramid) -> list[Tensor]:
        """L levels (B, T_l, C), zero behind each sequence."""
        return [
            zero(norm(x.mT), padding)
            for norm, x, padding in zip(self, pyramid.levels, pyramid.paddings, strict=True)
        ]


class SharedLayerNorm(nn.LayerNorm):
    """The same with one set of weights for all levels (TemporalMaxer on MultiTHUMOS and EPIC-KITCHENS-100).

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)

    def forward(self, pyramid: Pyramid) -> list[Tensor]:  # type: ignore[override]
        """L levels (B, T_l, C), zero behind each sequence."""
        normal = super().forward
        return [zero(normal(x.mT), padding) for x, padding in zip(pyramid.levels, pyramid.paddings, strict=True)]


class GroupNorms(nn.Module):
    """Group normalisation of each level, without weights (TemporalMaxer on THUMOS14).

    The statistics are those of a group's channels over all steps of one sequence at one level.

    Args:
        groups: into which the channels are divided.
        eps: added to the variance.

    Raises:
        ValueError: there is no group; in `forward`, the channels do not divide into the groups.
    """

    def __init__(self, groups: int = 4, eps: float = 1e-5) -> None:
        super().__init__()
        if groups < 1:
            raise ValueError(f"group normalisation needs at least one group, not {groups}")
        self.groups = groups
        self.eps = eps

    def forward(self, pyramid: Pyramid) -> list[Tensor]:
        """L levels (B, T_l, C), zero behind each sequence; in float32 at least."""
        channels = pyramid.levels[0].shape[1]
        if channels % self.groups:
            raise ValueError(f"{channels} channels do not divide into {self.groups} groups")
        return [
            padding.each(x.float(), self._normal).mT
            for x, padding in zip(pyramid.levels, pyramid.paddings, strict=True)
        ]

    def _normal(self, x: Tensor) -> Tensor:
        """(b, C, t), sequences that fill their rows, to the same."""
        # Not that of torch.nn.functional, which refuses a group of a single value.
        return torch.group_norm(x, self.groups, eps=self.eps)


def zero(x: Tensor, padding: Padding) -> Tensor:
    """x (B, T, C) with zeros behind each sequence."""
    return padding.zero(x.mT).mT
