"""The sections of the encoders."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from untrimmed.config.kinds import KindSection, OneOf, refuse_beside_release
from untrimmed.config.values import Count, NotNegative, OddCount, Positive

Branch: TypeAlias = Literal["instant", "local", "global"]
DropPath: TypeAlias = Annotated[float, Field(ge=0, lt=1)]

BRANCHES: tuple[Branch, ...] = ("instant", "local", "global")
STEM_BLOCKS = "blocks at full length, below the first halving"
DROP_PATH = "probability that training leaves out a branch of a block"
LAYER_SCALE = "factor of each branch of a block at the start of training"
HIDDEN = "width inside the feed-forward networks"
INITIAL_STD = "standard deviation of the weights of the convolutions over time at the start; null: PyTorch's own"


class EncoderSection(KindSection):
    """What makes a pyramid of embedded features."""


class GMGSection(EncoderSection):
    """The Gated Multi-Granularity encoder of CLTDR-GMG."""

    kind: Literal["gmg"] = Field("gmg", description="which encoder")
    variant: Literal["paper", "release"] = Field(
        "paper", description="whose reading: the equations of the paper, or what the authors' code computes"
    )
    stem_blocks: Count = Field(2, description=STEM_BLOCKS)
    hidden: Count = Field(768, description=HIDDEN)
    kernel_size: OddCount = Field(3, description="steps that the local branch sees")
    branches: Annotated[list[Branch], Field(min_length=1)] = Field(
        list(BRANCHES), description="which granularities there are (Table 6)"
    )
    gated: bool = Field(
        True, description="whether each granularity lets through what the next larger one has found (Table 7)"
    )
    global_branch: Literal["fft", "attention"] = Field(
        "fft", description="what sees the whole sequence: a filter of its spectrum, or self-attention (Table 8)"
    )
    heads: Count = Field(4, description="of that self-attention")
    initial_std: NotNegative | None = Field(None, description=INITIAL_STD)
    drop_path: DropPath = Field(0.1, description=DROP_PATH)
    layer_scale: Positive = Field(1.0, description=LAYER_SCALE)

    @field_validator("branches")
    @classmethod
    def _names_each_once(cls, branches: list[Branch]) -> list[Branch]:
        twice = [branch for branch in dict.fromkeys(branches) if branches.count(branch) > 1]
        if twice:
            raise ValueError(f"names {' and '.join(twice)} more than once; name each branch once")
        # In one order, since in which they are named means nothing.
        return [branch for branch in BRANCHES if branch in branches]

    @model_validator(mode="after")
    def _release_is_whole(self) -> "GMGSection":
        refuse_beside_release(self, ("branches", "gated", "global_branch"), self.variant)
        return self


class TransformerSection(EncoderSection):
    """The encoder of ActionFormer: self-attention within windows."""

    kind: Literal["transformer"] = Field("transformer", description="which encoder")
    stem_blocks: Count = Field(2, description=STEM_BLOCKS)
    heads: Count = Field(4, description="of the attention")
    window: OddCount | list[OddCount | None] | None = Field(
        19,
        description="steps that each attends to, itself in the middle; null: all; a list: one for each level",
    )
    expansion: Count = Field(4, description=f"{HIDDEN}, as a multiple of the channels")
    dropout: DropPath = Field(0.0, description="of the outputs of attention and feed-forward networks")
    drop_path: DropPath = Field(0.1, description=DROP_PATH)
    layer_scale: Positive = Field(1.0, description=LAYER_SCALE)


class MaxPoolingSection(EncoderSection):
    """The encoder of TemporalMaxer: max pooling, and nothing that is learned."""

    kind: Literal["max_pooling"] = Field("max_pooling", description="which encoder")


class SGPSection(EncoderSection):
    """The Scalable-Granularity Perception encoder of TriDet."""

    kind: Literal["sgp"] = Field("sgp", description="which encoder")
    stem_blocks: Count = Field(2, description=STEM_BLOCKS)
    hidden: Count = Field(768, description=HIDDEN)
    kernel_size: OddCount = Field(1, description="w, steps that the narrow window sees; in the stem it is 1")
    window_factor: Positive = Field(
        5.0, description="k: the wide window sees (w + 1) k steps, rounded, and one more where that is even"
    )
    initial_std: NotNegative | None = Field(
        None, description=f"{INITIAL_STD}; 0, TriDet's own for THUMOS14, leaves them without a gradient for ever"
    )
    drop_path: DropPath = Field(0.1, description=DROP_PATH)
    layer_scale: Positive = Field(1.0, description=LAYER_SCALE)


class MambaSection(EncoderSection):
    """The encoder of ActionMamba: selective state spaces in both directions."""

    kind: Literal["mamba"] = Field("mamba", description="which encoder")
    stem_blocks: Count = Field(2, description=STEM_BLOCKS)
    states: Count = Field(16, description="of each channel")
    window: Count = Field(4, description="steps up to its own that the convolution before the scan sees")
    drop_path: DropPath = Field(0.3, description=DROP_PATH)
    layer_scale: Positive = Field(1.0, description=LAYER_SCALE)


class SSDSection(EncoderSection):
    """As mamba, with the scalar decay of Mamba-2, which is computed as products of matrices."""

    kind: Literal["ssd"] = Field("ssd", description="which encoder")
    stem_blocks: Count = Field(2, description=STEM_BLOCKS)
    states: Count = Field(64, description="of each channel")
    head_channels: Count = Field(64, description="channels that share one decay; all where there are fewer")
    window: Count = Field(4, description="steps up to its own that the convolution before the scan sees")
    drop_path: DropPath = Field(0.3, description=DROP_PATH)
    layer_scale: Positive = Field(1.0, description=LAYER_SCALE)


#: The sections of the encoders by kind.
ENCODER_SECTIONS: dict[str, type[KindSection]] = {
    "gmg": GMGSection,
    "transformer": TransformerSection,
    "max_pooling": MaxPoolingSection,
    "sgp": SGPSection,
    "mamba": MambaSection,
    "ssd": SSDSection,
}
AnyEncoder: TypeAlias = Annotated[EncoderSection, OneOf(ENCODER_SECTIONS, "gmg")]
