from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.decoders.cltdr import CLTDRDecoder
from untrimmed.models.decoders.heads import Strip
from untrimmed.models.decoders.refinement import geometric_mean_logits
from untrimmed.models.predictions import Places, Predictions
from untrimmed.models.sequences import Padding, Pyramid

Randomised = Callable[..., nn.Module]


def whole(steps: int, batch: int = 1) -> Padding:
    return Padding((steps,) * batch, steps, torch.device("cpu"))


LEVELS = 4


@pytest.fixture(scope="module", params=[1, 3, 5])
def decoded(request: pytest.FixtureRequest, randomised: Randomised) -> tuple[list[Tensor], Predictions]:
    """The levels of a pyramid, ready to be differentiated for, and what is decoded from them."""
    torch.manual_seed(0)
    decoder = randomised(CLTDRDecoder(8, 2, LEVELS, head_channels=8, bins=3, kernel_size=request.param))
    paddings = [whole(16)]
    while len(paddings) < LEVELS:
        paddings.append(paddings[-1].halved())
    levels = [torch.randn(1, 8, padding.steps, requires_grad=True) for padding in paddings]
    return levels, decoder(Pyramid(tuple(levels), tuple(paddings)))


def seen_levels(decoded: tuple[list[Tensor], Predictions], part: str, level: int) -> set[int]:
    """The levels of the pyramid that a part of the predictions of a level depends on."""
    levels, predictions = decoded
    assert predictions.coarse is not None
    points = torch.nonzero(predictions.points.level == level)[:, 0]
    places = Places(torch.zeros_like(points), points, torch.zeros_like(points))
    values = {
        "coarse classes": lambda: predictions.coarse.class_logits[..., points],
        "coarse boundaries": lambda: predictions.coarse.regression.distances(places),
        "refinement": lambda: predictions.regression.offsets[..., points],
        "refined classes": lambda: predictions.class_logits[..., points],
        "refined boundaries": lambda: predictions.regression.distances(places),
    }[part]()
    gradients = torch.autograd.grad(
        (values * torch.linspace(1, 2, values.numel()).view_as(values)).sum(),
        levels,
        retain_graph=True,
        allow_unused=True,
    )
    return {i for i, gradient in enumerate(gradients) if gradient is not None and gradient.abs().max() > 0}


@pytest.mark.parametrize("level", range(LEVELS))
@pytest.mark.parametrize(
    ("part", "reach"),
    [
        ("coarse classes", (0, 1)),
        ("coarse boundaries", (-1, 0)),
        ("refinement", (-1, 0, 1)),
        ("refined classes", (-1, 0, 1)),
        ("refined boundaries", (-1, 0, 1)),
    ],
)
def test_classes_look_up_boundaries_look_down_and_refinement_both_ways(
    decoded: tuple[list[Tensor], Predictions], part: str, reach: tuple[int, ...], level: int
) -> None:
    expected = {level + step for step in reach} & set(range(LEVELS))
    assert seen_levels(decoded, part, level) == expected


def test_refined_logits_are_the_geometric_mean_of_two_heads(randomised: Randomised) -> None:
    decoder = randomised(CLTDRDecoder(8, 2, 1, head_channels=8, bins=3))
    x = torch.randn(1, 8, 7)
    predictions = decoder(Pyramid((x,), (whole(7),)))
    strip = Strip(predictions.points, 1)
    normal = decoder.norms[0](x[0].t())
    # A pyramid of one level has no neighbours, so that every head is given the level itself.
    coarse = decoder.class_head(normal, strip)
    other, offsets = decoder.refine_head(normal, strip)
    assert_close(predictions.coarse.class_logits, coarse)
    assert_close(predictions.class_logits, geometric_mean_logits(coarse, other))
    assert_close(predictions.regression.offsets, offsets)
