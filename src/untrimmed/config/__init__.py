"""The schema of a recipe: every key, its meaning, what it may be, and what it is when nothing is said.

A recipe is a YAML file with the sections `data`, `model`, `training`, `detection` and `evaluation`; keys that it
leaves out have the values given here, or those of the recipe that it names as its `base`. Lengths of segments and
sequences are in steps of the feature grid.
docs/recipe-keys.md and the messages of a wrong recipe are made from this schema.
"""

from pydantic import Field, model_validator

from untrimmed.config.data import DataSection, HoldOut
from untrimmed.config.detection import DetectionSection, EvaluationSection
from untrimmed.config.model import ModelSection
from untrimmed.config.training import LossSection, TrainingSection
from untrimmed.config.values import Section

__all__ = [
    "DataSection",
    "DetectionSection",
    "EvaluationSection",
    "HoldOut",
    "LossSection",
    "ModelSection",
    "Recipe",
    "TrainingSection",
]


class Recipe(Section):
    """Everything that makes a run what it is."""

    name: str | None = Field(None, description="what it is called in tables; without it, its file's name")
    plugins: list[str] = Field(
        [],
        description="Python modules to import first, which add encoders or decoders (docs/add-a-model.md), "
        "beside those of the base",
    )
    data: DataSection
    model: ModelSection = ModelSection()
    training: TrainingSection = TrainingSection()
    detection: DetectionSection = DetectionSection()
    evaluation: EvaluationSection = EvaluationSection()

    @model_validator(mode="after")
    def _fits_together(self) -> "Recipe":
        if self.detection.video_scores is not None and not self.data.class_agnostic:
            raise ValueError(
                "detection.video_scores says which class an action is: set data.class_agnostic to true, or leave "
                "the scores out"
            )
        if self.training.random_phase and not self.data.raw:
            raise ValueError("training.random_phase needs raw signals: set data.raw to true, or leave it out")
        ranges = self.training.regression_ranges
        if ranges is not None and len(ranges) != self.model.levels:
            raise ValueError(
                f"training.regression_ranges has {len(ranges)} ranges, but model.levels is {self.model.levels}"
            )
        return self
