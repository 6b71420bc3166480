"""The check that is offered to whoever adds an encoder or a decoder finds what it is there for."""

from collections.abc import Callable, Sequence
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from untrimmed.config.model import ModelSection
from untrimmed.models.build import build_detector
from untrimmed.models.detector import ActionDetector
from untrimmed.models.encoders.climbing import climb
from untrimmed.models.layers import MaxPool
from untrimmed.models.sequences import Padding, Pyramid
from untrimmed.testing import check_detector

SECTION = ModelSection.model_validate(
    {"channels": 32, "levels": 3, "encoder": {"hidden": 16}, "decoder": {"head_channels": 16, "bins": 4}}
)


class Encoder(nn.Module):
    """Adds to each step something of its whole sequence, and climbs."""

    def __init__(self, whole: Callable[[Tensor, Padding], Tensor]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(32, 1))
        self.whole = whole
        self.pool = MaxPool()

    def forward(self, x: Tensor, lengths: Padding | Sequence[int] | None = None) -> Pyramid:
        padding = Padding.of(x, lengths)
        x = padding.zero(x + self.weight * self.whole(x, padding))
        return climb(x, padding, [self.pool, self.pool])


def mean(x: Tensor) -> Tensor:
    return x.mean(-1, keepdim=True).expand_as(x)


def detector(encoder: nn.Module | None = None) -> ActionDetector:
    torch.manual_seed(0)
    built = build_detector(SECTION, input_dim=6, classes=3)
    if encoder is not None:
        built.encoder = encoder
    return built


def test_the_network_of_the_paper_passes_and_stays_as_it_is() -> None:
    net = detector()
    before = deepcopy(net.state_dict())
    check_detector(net, 6)
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_an_encoder_that_asks_where_sequences_end_passes() -> None:
    check_detector(detector(Encoder(lambda x, padding: padding.each(x, mean))), 6)


@pytest.mark.parametrize(
    "whole",
    [lambda x, padding: mean(x), lambda x, padding: x.roll(1, -1), lambda x, padding: x - x.mean(0)],
    ids=["a mean over the padding", "what comes around the end", "a mean over the batch"],
)
def test_an_encoder_that_looks_behind_the_end_is_found(whole: Callable[[Tensor, Padding], Tensor]) -> None:
    with pytest.raises(AssertionError, match=r"^the predictions for a sequence of \d+ steps change by "):
        check_detector(detector(Encoder(whole)), 6)


def test_what_is_not_a_number_is_a_difference() -> None:
    with pytest.raises(AssertionError, match="change by nan"):
        check_detector(detector(Encoder(lambda x, padding: x.log())), 6)


def test_a_parameter_without_effect_is_found() -> None:
    with pytest.raises(AssertionError, match=r"^the parameter encoder\.weight changes no prediction"):
        check_detector(detector(Encoder(lambda x, padding: 0 * x)), 6)


def test_a_parameter_that_nothing_uses_is_found() -> None:
    net = detector()
    net.left_over = nn.Parameter(torch.ones(2))
    with pytest.raises(AssertionError, match=r"^the parameter left_over changes no prediction"):
        check_detector(net, 6)


def test_a_parameter_that_is_not_to_learn_need_not() -> None:
    encoder = Encoder(lambda x, padding: 0 * x)
    encoder.weight.requires_grad_(False)
    check_detector(detector(encoder), 6)
