"""The training section: how the network learns."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from untrimmed.config.values import Count, Fraction, NotNegative, Positive, Section


class LossSection(Section):
    """What training lowers."""

    classification: Literal["varifocal", "focal", "released_varifocal"] = Field(
        "varifocal",
        description="loss of the class scores; released_varifocal: as the code of CLTDR-GMG computes it",
    )
    quality_power: NotNegative = Field(
        0.2, description="positive points count by the tIoU of their segment to this power; 0: all the same"
    )
    regression: Literal["diou", "giou", "iou"] = Field("diou", description="loss of the boundaries")
    regression_weight: Positive = Field(1.0, description="weight of the boundaries against the classes")
    coarse_weight: Fraction = Field(
        0.3, description="share of the loss of the predictions before refinement in the whole"
    )
    quality_gradient: bool = Field(
        False,
        description="let that weight teach the boundaries too, as the releases of TriDet and CLTDR-GMG do",
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="share of each target that is spread evenly over all classes"
    )
    normalizer: Literal["running", "running_twice", "counts"] = Field(
        "running",
        description="sums are divided by a running mean of the number of positive points (running_twice: which "
        "moves on again before the coarse losses, as in the release of CLTDR-GMG), or (counts; paper, Eq. 13) "
        "those of positive and of negative points each by its own number",
    )
    initial_normalizer: Positive = Field(100.0, description="where the running mean starts")


class SimOTASection(Section):
    """What a point learns with `assignment: simota`, by what it predicts (TemporalMaxer)."""

    class_weight: NotNegative = Field(1.0, description="of the class loss in the cost of a point")
    tiou_weight: NotNegative = Field(2.0, description="of the boundary loss in the cost of a point")
    keep: Fraction = Field(
        1.0, description="share of the points inside an action, the cheapest, that learn it in full"
    )
    other_weight: Fraction = Field(0.0, description="weight of the losses of the others")


class TrainingSection(Section):
    """How the network learns."""

    epochs: Count = Field(40, description="passes over the training videos, warm-up included")
    warmup_epochs: NotNegative = Field(20, description="of these, those in which the learning rate grows")
    batch_size: Count = Field(2, description="sequences of a step, over all processes together")
    learning_rate: Positive = Field(1e-4, description="the highest")
    final_learning_rate: NotNegative = Field(1e-8, description="the last; in between it falls along a cosine")
    weight_decay: NotNegative = Field(0.035, description="of AdamW; biases and norms are left free")
    clip_norm: Positive | None = Field(1.0, description="gradients longer than this are cut to it")
    average_decay: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.999,
        description="of the moving average of the weights, which is what is kept; 0 keeps the last ones",
    )
    max_length: Count = Field(2304, description="the most steps of a training sequence; longer ones are cut")
    crop_ratio: tuple[Fraction, Fraction] | None = Field(
        (0.9, 1.0),
        description="a shorter sequence keeps a random share of its steps between these; null: all",
    )
    truncation_threshold: Fraction = Field(
        0.5, description="an action that is cut is still learned if this share of it is left"
    )
    input_noise: NotNegative = Field(0.0, description="standard deviation of noise added to the features")
    random_phase: bool = Field(
        False, description="raw signals: windows begin at a random sample of their stride, anew for each sample"
    )
    center_radius: Positive = Field(
        1.5, description="points this close to the middle of an action learn it, in strides of their level"
    )
    assignment: Literal["center", "simota"] = Field(
        "center",
        description="center: points near the middle of an action learn it; simota: these, and of several "
        "actions the one that costs least by what is predicted",
    )
    simota: SimOTASection = SimOTASection()
    regression_ranges: list[tuple[NotNegative, Positive | None]] | None = Field(
        None,
        description="least and most distance that each level learns, in steps of level 0, null for no most; "
        "without this [0, 4], [4, 8], [8, 16] ... and the last without a most",
    )
    loss: LossSection = LossSection()
    precision: Literal["float32", "bfloat16"] = Field("float32", description="of the network's arithmetic")
    seed: Annotated[int, Field(ge=0)] = Field(0, description="of everything random")
    workers: Annotated[int, Field(ge=0)] = Field(0, description="processes that read features beside training")
    accelerator: Literal["auto", "cpu", "cuda"] = Field("auto", description="what computes")
    devices: Count = Field(1, description="processes, each with its own device, on this machine")
    nodes: Count = Field(1, description="machines; start the same command on each with torchrun or SLURM")
    validate_every: Count = Field(1, description="epochs from one validation to the next")

    @model_validator(mode="after")
    def _fits_together(self) -> "TrainingSection":
        if self.warmup_epochs > self.epochs:
            raise ValueError(f"warmup_epochs is {self.warmup_epochs:g}, but must be at most {self.epochs} epochs")
        if self.batch_size % (self.devices * self.nodes):
            raise ValueError(
                f"batch_size {self.batch_size} does not divide over {self.devices * self.nodes} processes"
            )
        if self.crop_ratio is not None and self.crop_ratio[0] > self.crop_ratio[1]:
            raise ValueError(f"crop_ratio is {list(self.crop_ratio)}, but must rise")
        for least, most in self.regression_ranges or []:
            if most is not None and least >= most:
                raise ValueError(f"a range of regression_ranges is [{least:g}, {most:g}], but must rise")
        return self
