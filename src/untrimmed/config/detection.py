"""The sections detection and evaluation: what is made of predictions, and how that is judged."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from untrimmed.config.values import Count, Fraction, NotNegative, Place, Positive, PositiveFraction, Section
from untrimmed.errors import InputError
from untrimmed.evaluation.protocols import PROTOCOLS
from untrimmed.evaluation.thresholds import DEFAULT_TIOU, parse_tiou


class SuppressionSection(Section):
    """Non-maximum suppression: which of several overlapping detections stay."""

    method: Literal["soft", "hard", "none"] = Field("soft", description="soft lowers scores, hard removes")
    per_class: bool = Field(True, description="whether only detections of one class compete")
    sigma: Positive = Field(0.5, description="soft: how gently overlap lowers a score; larger is gentler")
    tiou: PositiveFraction = Field(0.1, description="hard: overlap from which the lower one is removed")
    min_score: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.001, description="detections whose score falls below are dropped"
    )
    max_detections: Count = Field(2000, description="the most that stay of one video; the best do")
    voting_tiou: PositiveFraction | None = Field(
        None,
        description="class-agnostic only: each kept segment becomes the score-weighted mean of all candidates "
        "that overlap it by this much; null: it stays",
    )
    voting_weight: Literal["score", "score_tiou"] = Field(
        "score", description="of a candidate in that mean; score_tiou: score times overlap, as in ActionFormer"
    )

    @model_validator(mode="after")
    def _votes_over_all_classes(self) -> "SuppressionSection":
        if self.per_class and self.voting_tiou is not None:
            raise ValueError(
                "voting averages candidates of all classes: set per_class to false, or leave voting_tiou out"
            )
        return self


class DetectionSection(Section):
    """From dense predictions to timed labels."""

    threshold: Fraction = Field(0.001, description="points must score higher to become candidates")
    candidates_per_level: Count = Field(2000, description="the most that one level of the pyramid may give")
    min_steps: NotNegative = Field(0.05, description="candidates must be longer, in steps of the feature grid")
    min_seconds: NotNegative = Field(0.0, description="detections must be longer, after clipping to the video")
    suppression: SuppressionSection = SuppressionSection()
    video_scores: Place | None = Field(
        None, description="file of scores of whole videos, one a class, with which detections are labelled"
    )
    video_classes: Count = Field(2, description="how many of the best classes of a video its detections get")
    fused_detections: Count = Field(200, description="how many of the best detections of a video get them")


class EvaluationSection(Section):
    """How detections are judged."""

    protocol: Literal["thumos14", "multithumos", "epic-kitchens-100", "activitynet13", "hacs"] | None = Field(
        None, description="that of a benchmark: its test subset, thresholds, and ground truth as it is written"
    )
    tiou: str | None = Field(
        None,
        description="thresholds, first:last:step, or a list with commas; null: the protocol's, or 0.3:0.7:0.1",
    )

    @property
    def test_subset(self) -> str | None:
        """The subset that the protocol judges on, None without one."""
        return None if self.protocol is None else PROTOCOLS[self.protocol].subset

    @property
    def thresholds(self) -> str:
        """The thresholds, whoever says them."""
        if self.tiou is not None:
            return self.tiou
        return DEFAULT_TIOU if self.protocol is None else PROTOCOLS[self.protocol].tiou

    @field_validator("tiou", mode="before")
    @classmethod
    def _one_number_is_text(cls, given: object) -> object:
        return str(given) if type(given) is float else given

    @field_validator("tiou")
    @classmethod
    def _is_readable(cls, text: str | None) -> str | None:
        try:
            parse_tiou(DEFAULT_TIOU if text is None else text)
        except InputError as error:
            raise ValueError(str(error)) from error
        return text
