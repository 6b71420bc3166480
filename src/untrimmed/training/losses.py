"""Losses on class logits and on distances to a start and an end.

Class losses return one value an entry; distance losses one a pair. Nothing is averaged here. Targets of class
losses may be smoothed, which takes them to be (B, K, N).
Distances are (M, 2): how far before a point an action starts, how far after it ends, in one common unit.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def smoothed(targets: Tensor, share: float) -> Tensor:
    """Targets (B, K, N) of which a share is spread evenly over the K classes and the background.

    y (1 - share) + share / (K + 1), as in the ActionFormer family (Szegedy et al. 2016, section 7).
    """
    return targets if share == 0 else targets * (1 - share) + share / (targets.shape[1] + 1)


def focal_loss(
    logits: Tensor, targets: Tensor, *, alpha: float = 0.25, gamma: float = 2.0, smoothing: float = 0.0
) -> Tensor:
    """Focal loss (Lin et al. 2017, Eq. 5), targets in [0, 1], of which a share may be `smoothed`."""
    targets = smoothed(targets, smoothing)
    probability = torch.sigmoid(logits)
    cross_entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    agreement = probability * targets + (1 - probability) * (1 - targets)
    balance = alpha * targets + (1 - alpha) * (1 - targets)
    return balance * (1 - agreement) ** gamma * cross_entropy


def varifocal_loss(
    logits: Tensor, targets: Tensor, *, alpha: float = 0.75, gamma: float = 2.0, smoothing: float = 0.0
) -> Tensor:
    """Varifocal loss (Zhang et al. 2021, Eq. 2): targets are qualities in [0, 1], and 0 for what is absent.

    Present entries count by their quality; absent ones are weighted down by how well they are known already.
    What is present is told by the targets before they are `smoothed`: afterwards none is 0, and every absent
    entry would count by its share of the smoothing alone, as in the released CLTDR-GMG.
    """
    cross_entropy = F.binary_cross_entropy_with_logits(logits, smoothed(targets, smoothing), reduction="none")
    absent = alpha * torch.sigmoid(logits).detach() ** gamma
    return torch.where(targets > 0, targets, absent) * cross_entropy


def released_varifocal_loss(
    logits: Tensor, targets: Tensor, *, alpha: float = 0.25, gamma: float = 2.0, smoothing: float = 0.0
) -> Tensor:
    """What the authors' release of CLTDR-GMG takes for the varifocal loss.

    The weight of an absent entry has a gradient too; and what is present is told by the targets after they are
    `smoothed`, so that with any smoothing every absent entry counts by its share of it alone.
    """
    targets = smoothed(targets, smoothing)
    cross_entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    absent = alpha * (torch.sigmoid(logits) - targets).abs() ** gamma
    return torch.where(targets > 0, targets, absent) * cross_entropy


def tiou(predicted: Tensor, target: Tensor) -> Tensor:
    """Temporal IoU of segments around common points, (M,), in [0, 1].

    Predicted distances may be negative (a refined segment may lie beside its point); a segment that ends
    before it starts has tIoU 0.
    """
    intersection, union, _ = _overlap(predicted, target)
    return intersection.clamp(min=0) / union.clamp(min=1e-8)


def iou_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """1 - tIoU, (M,)."""
    return 1 - tiou(predicted, target)


def giou_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """1 - generalised IoU (Rezatofighi et al. 2019), (M,): also tells how far apart disjoint segments are."""
    intersection, union, hull = _overlap(predicted, target)
    hull = hull.clamp(min=1e-8)
    return 1 - intersection.clamp(min=0) / union.clamp(min=1e-8) + (hull - union) / hull


def diou_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """1 - distance IoU (Zheng et al. 2020), (M,): adds the squared distance of the middles over the hull's."""
    intersection, union, hull = _overlap(predicted, target)
    shift = 0.5 * ((predicted[:, 1] - predicted[:, 0]) - (target[:, 1] - target[:, 0]))
    return 1 - intersection.clamp(min=0) / union.clamp(min=1e-8) + (shift / hull.clamp(min=1e-8)) ** 2


def _overlap(predicted: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Lengths of intersection, union and hull; the intersection of disjoint segments is minus their gap."""
    intersection = torch.minimum(predicted, target).sum(-1)
    hull = torch.maximum(predicted, target).sum(-1)
    lengths = predicted.sum(-1).clamp(min=0) + target.sum(-1)
    return intersection, lengths - intersection.clamp(min=0), hull
