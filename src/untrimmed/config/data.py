"""The data section: which videos there are, what is true of them, what a detector sees of them."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from untrimmed.config.values import Count, NotNegative, Place, Positive, Section


class HoldOut(Section):
    """Part of the training subset that is kept for validation."""

    folds: Annotated[int, Field(ge=2)] = Field(5, description="into how many equal parts the videos are divided")
    fold: Annotated[int, Field(ge=0)] = Field(0, description="which part is held out, from 0")
    group: str | None = Field(
        None,
        description="regular expression; videos whose ids match it in the same text stay together "
        "(a person, a kitchen)",
    )


class DataSection(Section):
    """Which videos there are, what is true of them, and what the detector sees of them."""

    annotations: Place = Field(
        description="file of annotations: ActivityNet JSON, or CSV; or a benchmark's own files or folder"
    )
    features: Place | list[Place] = Field(
        description="folder of feature files (or one .h5 file); several are concatenated"
    )
    pattern: str | list[str] = Field(
        "{video}", description="name of a feature file without its extension; a list: one for each place"
    )
    key: str | list[str | None] | None = Field(
        None, description="name of the array in files that hold several; a list: one for each place"
    )
    layout: Literal["time_first", "channels_first"] = Field(
        "time_first", description="whether the arrays are (T, D) or (D, T)"
    )
    fps: Positive | None = Field(
        None, description="frames (samples) per second; without it the manifest's, or each video's own"
    )
    stride: Positive | None = Field(
        None, description="frames from one feature vector to the next; without it the manifest's"
    )
    window: NotNegative | None = Field(
        None, description="frames that one feature vector sees; without it the manifest's"
    )
    dimension: Count | None = Field(
        None, description="length of a feature vector; a file that differs is an error"
    )
    raw: bool = Field(False, description="whether the files hold samples, to be folded by window and stride")
    resample_to: Count | None = Field(None, description="fixed length to which every sequence is stretched")
    check_values: bool = Field(
        True,
        description="read every file whole before training, so that a broken one is found then; false: only its "
        "header, for hundreds of gigabytes",
    )
    videos: Place | None = Field(
        None, description="another file, that says the durations and frame rates that the annotations lack"
    )
    label: Literal["verb", "noun", "action"] | None = Field(
        None, description="which label of a segment counts, in annotations that give several (EPIC-KITCHENS-100)"
    )
    class_agnostic: bool = Field(
        False,
        description="learn only where an action is, not which; detection.video_scores then says which",
    )
    training_subset: str = Field("training", description="subset to learn from")
    validation_subset: str | None = Field(None, description="subset to validate on while training")
    hold_out: HoldOut | None = Field(
        None, description="validate on a part of the training subset instead of a subset of its own"
    )

    @model_validator(mode="after")
    def _one_validation(self) -> "DataSection":
        if self.hold_out is not None and self.validation_subset is not None:
            raise ValueError("give either validation_subset or hold_out, not both")
        return self
