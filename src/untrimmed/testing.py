"""What a network must keep to, as a check for the tests of whoever adds an encoder or a decoder.

Shape letters: B sequences, T steps, D input dimension, K classes, N points, M places.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy

import torch
from torch import Tensor

from untrimmed.models.detector import ActionDetector
from untrimmed.models.predictions import Places, Predictions

#: How far parameters are moved first: a bias that begins at zero does not show where it leaks.
MOVED_BY = 0.1
#: Steps of noise behind the longest sequence.
BEHIND = 7


def check_detector(
    detector: ActionDetector,
    input_dim: int,
    *,
    lengths: Sequence[int] = (41, 18, 1),
    tolerance: float = 1e-3,
    seed: int = 0,
) -> None:
    """See whether predictions belong to their own sequence, and whether every parameter learns.

    Args:
        detector: the network, which stays as it is.
        input_dim: D.
        lengths: steps of the sequences of a batch.
        tolerance: what rounding may change, as a share of 1 and of a value; 1e-4 is enough from 64 channels on.
        seed: of the sequences, and of how the parameters are moved.

    Raises:
        AssertionError: they do not.
    """
    generator = torch.Generator().manual_seed(seed)
    moved = deepcopy(detector).eval()
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter.add_(MOVED_BY * torch.randn(parameter.shape, generator=generator))
    features = torch.randn(len(lengths), max(lengths) + BEHIND, input_dim, generator=generator)
    _check_own_results(moved, features, lengths, tolerance)
    _check_gradients(moved, features, lengths)


@torch.no_grad()
def _check_own_results(
    detector: ActionDetector, features: Tensor, lengths: Sequence[int], tolerance: float
) -> None:
    together = detector(features, lengths)
    for row, length in enumerate(lengths):
        alone = detector(features[row : row + 1, :length])
        for given, expected in zip(_outputs(together, row), _outputs(alone, 0), strict=True):
            difference = (given - expected).abs() / (1 + expected.abs())
            # Not the other way round: what is not a number differs too.
            if not bool((difference <= tolerance).all()):
                raise AssertionError(
                    f"the predictions for a sequence of {length} steps change by {difference.max():.2g} when it "
                    f"is padded and batched with others: something looks behind its end"
                )


def _check_gradients(detector: ActionDetector, features: Tensor, lengths: Sequence[int]) -> None:
    predictions = detector(features, lengths)
    sums = [one.tanh().square().sum() for row in range(len(lengths)) for one in _outputs(predictions, row)]
    torch.autograd.backward(torch.stack(sums).sum())
    for name, parameter in detector.named_parameters():
        if not parameter.requires_grad:
            continue
        if parameter.grad is None or not parameter.grad.any():
            raise AssertionError(f"the parameter {name} changes no prediction, so that it learns nothing")
        if not parameter.grad.isfinite().all():
            raise AssertionError(f"the gradient of the parameter {name} is not finite")


def _outputs(predictions: Predictions, row: int) -> Iterator[Tensor]:
    """All that is said of one sequence: logits (K, n), distances (M, 2) of its n points, refined and coarse."""
    part: Predictions | None = predictions
    while part is not None:
        points = torch.nonzero(part.points.valid[row])[:, 0]
        classes = part.class_logits.shape[1]
        label = torch.arange(classes, device=points.device).repeat(len(points))
        point = points.repeat_interleave(classes)
        yield part.class_logits[row][:, points]
        yield part.regression.distances(Places(torch.full_like(point, row), point, label))
        part = part.coarse
