"""Coarse predictions and what makes their classes and boundaries agree (paper, Eq. 10-12, Table 10).

Shape letters: B sequences, C and H channels, K classes, M places, N points, R rows of the table of all levels.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.decoders.heads import OutputLayer, Strip
from untrimmed.models.predictions import Places, Predictions, Regression
from untrimmed.models.rows import Trunk


class RefineHead(nn.Module):
    """R_co of Eq. 10, R_so and R_eo of Eq. 11-12.

    Args:
        inputs: C.
        classes: K.
        channels: H.
        kernel_size: odd.
        layers: convolutions, the last one included.
        classification, regression: what is refined.
    """

    def __init__(
        self,
        inputs: int,
        classes: int,
        *,
        channels: int,
        kernel_size: int,
        layers: int,
        classification: bool = True,
        regression: bool = True,
    ) -> None:
        super().__init__()
        self.trunk = Trunk(inputs, channels, kernel_size, layers - 1)
        self.class_output = OutputLayer(channels, classes, kernel_size) if classification else None
        self.offset_output = OutputLayer(channels, 2, kernel_size) if regression else None

    def forward(self, x: Tensor, strip: Strip) -> tuple[Tensor | None, Tensor | None]:
        """(R, C) to logits (B, K, N) and offsets (B, 2, N) of start and end, in units of the stride.

        None for what is not refined.
        """
        hidden = self.trunk(x, strip.rows)
        return (
            None if self.class_output is None else self.class_output(hidden, strip),
            None if self.offset_output is None else self.offset_output(hidden, strip),
        )


def refined(coarse: Predictions, class_logits: Tensor | None, offsets: Tensor | None) -> Predictions:
    """Predictions refined by what a RefineHead returns."""
    regression = coarse.regression
    return Predictions(
        points=coarse.points,
        class_logits=coarse.class_logits
        if class_logits is None
        else geometric_mean_logits(coarse.class_logits, class_logits),
        regression=regression if offsets is None else RefinedRegression(regression, offsets),
        coarse=coarse,
    )


def geometric_mean_logits(first: Tensor, second: Tensor) -> Tensor:
    """The logit of sqrt(p q), where p and q are the sigmoids of two logits (Eq. 10).

    Safe for logits of any size: with a = sqrt(p q), log a is the mean of two log-sigmoids, and
    1 - a = (1 - p q) / (1 + a), where 1 - p q = (1 - p) + p (1 - q) is a sum of positive terms.
    """
    first, second = first.float(), second.float()
    log_p = F.logsigmoid(first)
    log_mean = 0.5 * (log_p + F.logsigmoid(second))
    log_not_both = torch.logaddexp(F.logsigmoid(-first), log_p + F.logsigmoid(-second))
    return log_mean - log_not_both + torch.log1p(log_mean.exp())


@dataclass(frozen=True)
class RefinedRegression:
    """Coarse distances and an offset of each boundary (Eq. 11-12): a positive one moves it later.

    Attributes:
        coarse: the distances before refinement.
        offsets: (B, 2, N), of start and end, in units of the stride, for all classes alike.
    """

    coarse: Regression
    offsets: Tensor

    def distances(self, places: Places) -> Tensor:
        """See `Regression`; a distance below zero means that the point lies outside its segment."""
        start, end = self.offsets[places.sequence, :, places.point].float().unbind(1)
        return self.coarse.distances(places) + torch.stack((-start, end), dim=1)
