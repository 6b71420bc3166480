from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from untrimmed.models.decoders.refinement import RefinedRegression
from untrimmed.models.detector import ActionDetector
from untrimmed.models.predictions import Places, Predictions

SmallDetector = Callable[..., ActionDetector]
EveryPlace = Callable[..., Places]

LENGTHS = [37, 12, 1]


def features(seed: int = 0) -> Tensor:
    return torch.randn(len(LENGTHS), 40, 24, generator=torch.Generator().manual_seed(seed))


def loss_of(predictions: Predictions, every_place: EveryPlace, seed: int) -> Tensor:
    """A random combination of all valid logits and distances, as smooth as a loss."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(())
    for row in range(len(predictions.class_logits)):
        values = [
            predictions.class_logits[row][:, predictions.points.valid[row]],
            predictions.regression.distances(every_place(predictions.points, row, classes=3)),
        ]
        total = total + sum((x * torch.randn(x.shape, generator=generator)).sum() for x in values)
    return total


def test_training_and_evaluation_give_the_same_predictions_where_nothing_is_dropped(
    small_detector: SmallDetector, every_place: EveryPlace
) -> None:
    detector = small_detector(drop_path=0.0)
    evaluated, trained = (
        mode(features(), LENGTHS)
        for mode in (lambda *batch: detector.eval()(*batch), lambda *batch: detector.train()(*batch))
    )
    assert_close(trained.class_logits, evaluated.class_logits)
    places = every_place(evaluated.points, 0, classes=3)
    assert_close(trained.regression.distances(places), evaluated.regression.distances(places))


@pytest.mark.parametrize("training", [True, False])
def test_predictions_are_of_one_type_with_refined_and_coarse_parts(
    training: bool, small_detector: SmallDetector
) -> None:
    predictions = small_detector(levels=4).train(training)(features(), LENGTHS)
    assert type(predictions) is Predictions
    assert type(predictions.coarse) is Predictions
    assert isinstance(predictions.regression, RefinedRegression)
    assert predictions.points.sizes == (40, 20, 10, 5)
    assert predictions.class_logits.shape == predictions.coarse.class_logits.shape == (3, 3, 75)


def test_what_is_dropped_in_training_changes_from_one_pass_to_the_next(small_detector: SmallDetector) -> None:
    detector = small_detector(drop_path=0.5).train()
    torch.manual_seed(0)
    first, second = (detector(features(), LENGTHS).class_logits for _ in range(2))
    assert not torch.allclose(first, second)


def test_every_parameter_learns(small_detector: SmallDetector, every_place: EveryPlace) -> None:
    detector = small_detector(levels=4).train()
    largest = {name: 0.0 for name, _ in detector.named_parameters()}
    torch.manual_seed(0)
    for seed in range(3):
        detector.zero_grad()
        loss_of(detector(features(seed), LENGTHS), every_place, seed).backward()
        for name, parameter in detector.named_parameters():
            # A parameter without gradient, even of zero, would stop training on several processes.
            assert parameter.grad is not None, name
            largest[name] = max(largest[name], parameter.grad.abs().max().item())
    assert [name for name, gradient in largest.items() if gradient == 0] == []


def test_every_parameter_has_a_gradient_where_no_point_is_positive(small_detector: SmallDetector) -> None:
    detector = small_detector().train()
    predictions = detector(features(), LENGTHS)
    none = torch.zeros(0, dtype=torch.long)
    distances = predictions.regression.distances(Places(none, none, none))
    (predictions.class_logits.sum() + distances.sum()).backward()
    assert [name for name, parameter in detector.named_parameters() if parameter.grad is None] == []


def test_a_pyramid_of_one_level_is_decoded_without_neighbours(small_detector: SmallDetector) -> None:
    predictions = small_detector(levels=1)(features(), LENGTHS)
    assert predictions.points.sizes == (40,)
    assert predictions.class_logits.isfinite().all()


def test_one_precision_lower_gives_nearly_the_same(small_detector: SmallDetector) -> None:
    detector = small_detector()
    full = detector(features(), LENGTHS)
    with torch.autocast("cpu", torch.bfloat16):
        low = detector(features(), LENGTHS)
    valid = full.points.valid[:, None].expand_as(full.class_logits)
    assert low.class_logits.dtype == torch.float32
    # bfloat16 keeps 8 bits: two to three decimals.
    assert (low.class_logits - full.class_logits)[valid].abs().max() < 0.1


def test_wrong_lengths_are_refused(small_detector: SmallDetector) -> None:
    with pytest.raises(ValueError, match="2 lengths were given for a batch of 3 sequences"):
        small_detector()(features(), [3, 4])
    with pytest.raises(ValueError, match=r"must lie in 1\.\.40"):
        small_detector()(features(), [41, 3, 4])
