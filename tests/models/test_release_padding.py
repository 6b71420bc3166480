"""What padding that takes part changes, with the same weights."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from untrimmed.config.model import ModelSection
from untrimmed.models.build import build_detector

STEPS, LENGTH, DIMENSION, CLASSES = 128, 90, 24, 3
DECODER = {"head_channels": 32}
SYSTEMS: dict[str, dict[str, Any]] = {
    "actionformer": {"encoder": {"kind": "transformer", "window": 9}, "decoder": {"kind": "convolutional"}},
    "temporalmaxer": {"encoder": {"kind": "max_pooling"}, "decoder": {"kind": "convolutional"}, "norm": "group"},
    "tridet": {"encoder": {"kind": "sgp", "hidden": 48}, "decoder": {"kind": "trident"}},
    "actionmamba": {"encoder": {"kind": "mamba"}, "decoder": {"kind": "convolutional"}},
    "cltdr": {
        "encoder": {"kind": "gmg", "variant": "release", "hidden": 48},
        "decoder": {"kind": "cltdr", "variant": "release"},
    },
}


@pytest.fixture(scope="module", params=SYSTEMS)
def logits(request: pytest.FixtureRequest, randomised: Callable[..., nn.Module]) -> Callable[..., Tensor]:
    """logits(padding, length): of the first points of a system, at level 0, (K, length)."""
    model = SYSTEMS[request.param]
    model |= {"channels": 32, "levels": 3, "release_padding": {"length": STEPS, "multiple": 32}}
    model["decoder"] = DECODER | model["decoder"]
    features = torch.randn(1, STEPS, DIMENSION, generator=torch.Generator().manual_seed(1))

    @torch.no_grad()
    def of(padding: str, length: int) -> Tensor:
        section = ModelSection.model_validate(model | {"padding": padding})
        torch.manual_seed(0)
        detector = randomised(build_detector(section, input_dim=DIMENSION, classes=CLASSES))
        found: Tensor = detector(features[:, :length], [length]).class_logits[0, :, :length]
        return found

    of.system = request.param  # type: ignore[attr-defined]
    return of


def test_a_sequence_of_the_padded_length_has_one_result(logits: Callable[..., Tensor]) -> None:
    torch.testing.assert_close(logits("own", STEPS), logits("release", STEPS), atol=1e-6, rtol=0)


def test_a_shorter_one_differs_at_its_end_and_where_padding_reaches_further_everywhere(
    logits: Callable[..., Tensor],
) -> None:
    difference = (logits("own", LENGTH) - logits("release", LENGTH)).abs().amax(0)
    assert difference[-4:].max() > 1e-3
    far_from_the_end = difference[: LENGTH // 2].max()
    if logits.system == "actionformer":  # type: ignore[attr-defined]
        assert far_from_the_end < 1e-4
    else:
        assert far_from_the_end > 1e-3
