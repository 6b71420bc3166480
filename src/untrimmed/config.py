"""The schema of a recipe: every key, its meaning, what it may be, and what it is when nothing is said.

A recipe is a YAML file with the sections `data`, `model`, `training`, `detection` and `evaluation`; keys that it
leaves out have the values given here, or those of the recipe that it names as its `base`. Lengths of segments and
sequences are in steps of the feature grid.
docs/recipe-keys.md and the messages of a wrong recipe are made from this schema.
"""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from untrimmed.errors import InputError
from untrimmed.evaluation.protocols import PROTOCOLS
from untrimmed.evaluation.thresholds import DEFAULT_TIOU, parse_tiou


def require_odd(number: int) -> int:
    """The number; ValueError where it is even."""
    if number % 2 == 0:
        raise ValueError(f"must be odd, but is {number}")
    return number


Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]
PositiveFraction: TypeAlias = Annotated[float, Field(gt=0, le=1)]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
NotNegative: TypeAlias = Annotated[float, Field(ge=0)]
Count: TypeAlias = Annotated[int, Field(ge=1)]
OddCount: TypeAlias = Annotated[int, Field(ge=1), AfterValidator(require_odd)]
#: A shell leaves the ~ of data.features=~/features to whoever reads it.
Place: TypeAlias = Annotated[Path, AfterValidator(Path.expanduser)]


class Section(BaseModel):
    """A part of a recipe: unknown keys are errors and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


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


class EmbeddingSection(Section):
    """From features to the width of the network."""

    kernel_size: OddCount = Field(3, description="steps that each convolution sees")
    layers: Count = Field(2, description="number of convolutions")
    positions: bool = Field(False, description="add a sinusoidal code of each step's position")


class GMGSection(Section):
    """The Gated Multi-Granularity encoder."""

    kind: Literal["gmg"] = Field("gmg", description="which encoder")
    stem_blocks: Count = Field(2, description="blocks at full length, below the first halving")
    hidden: Count = Field(768, description="width inside the feed-forward networks")
    kernel_size: OddCount = Field(3, description="steps that the local branch sees")
    drop_path: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1, description="probability that training leaves out a branch of a block"
    )
    layer_scale: Positive = Field(1.0, description="factor of each branch of a block at the start of training")


class CLTDRSection(Section):
    """The Cross-Layer Task Decoupling and Refinement decoder."""

    kind: Literal["cltdr"] = Field("cltdr", description="which decoder")
    head_channels: Count = Field(512, description="width inside the heads")
    bins: Count = Field(16, description="B of the Trident-head: the farthest boundary, in strides of a level")
    kernel_size: OddCount = Field(3, description="steps that each convolution of a head sees")
    boundary_kernel_size: OddCount | None = Field(
        None, description="the same, of the heads that look for starts and ends; null: as kernel_size"
    )
    layers: Annotated[int, Field(ge=2)] = Field(3, description="convolutions of a head, the last one included")


class ModelSection(Section):
    """The network: embedding, encoder, decoder."""

    channels: Annotated[int, Field(ge=1, multiple_of=16)] = Field(512, description="width of the network")
    levels: Count = Field(6, description="L, levels of the pyramid")
    embedding: EmbeddingSection = EmbeddingSection()
    encoder: GMGSection = GMGSection()
    decoder: CLTDRSection = CLTDRSection()


class LossSection(Section):
    """What training lowers."""

    classification: Literal["varifocal", "focal"] = Field("varifocal", description="loss of the class scores")
    quality_power: NotNegative = Field(
        0.2, description="positive points count by the tIoU of their segment to this power; 0: all the same"
    )
    regression: Literal["diou", "giou", "iou"] = Field("diou", description="loss of the boundaries")
    regression_weight: Positive = Field(1.0, description="weight of the boundaries against the classes")
    coarse_weight: Fraction = Field(
        0.3, description="share of the loss of the predictions before refinement in the whole"
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="share of each target that is spread evenly over all classes"
    )
    normalizer: Literal["running", "counts"] = Field(
        "running",
        description="sums are divided by a running mean of the number of positive points, or (paper, Eq. 13) "
        "those of positive and of negative points each by its own number",
    )
    initial_normalizer: Positive = Field(100.0, description="where the running mean starts")


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


class Recipe(Section):
    """Everything that makes a run what it is."""

    name: str | None = Field(None, description="what it is called in tables; without it, its file's name")
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
