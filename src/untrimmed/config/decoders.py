"""The sections of the decoders."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from untrimmed.config.kinds import KindSection, OneOf, refuse_beside_release
from untrimmed.config.values import Count, OddCount

Layers: TypeAlias = Annotated[int, Field(ge=2)]
Neighbours: TypeAlias = Literal["none", "above", "below", "both"]
Fuse: TypeAlias = Literal["attention", "addition", "concatenation"]

HEAD_CHANNELS = "width inside the heads"
BINS = "B of the Trident-head: the farthest boundary, in strides of a level"
KERNEL_SIZE = "steps that each convolution of a head sees"
BOUNDARY_KERNEL_SIZE = "the same, of the heads that look for starts and ends; null: as kernel_size"
LAYERS = "convolutions of a head, the last one included"


class DecoderSection(KindSection):
    """What makes predictions of a pyramid."""


class ConvolutionalSection(DecoderSection):
    """The two heads of ActionFormer, TemporalMaxer and ActionMamba: one for classes, one for distances."""

    kind: Literal["convolutional"] = Field("convolutional", description="which decoder")
    head_channels: Count = Field(512, description=HEAD_CHANNELS)
    kernel_size: OddCount = Field(3, description=KERNEL_SIZE)
    layers: Layers = Field(3, description=LAYERS)


class TridentSection(DecoderSection):
    """The decoder of TriDet: a head for classes, and the Trident-head for boundaries."""

    kind: Literal["trident"] = Field("trident", description="which decoder")
    head_channels: Count = Field(512, description=HEAD_CHANNELS)
    bins: Count = Field(16, description=BINS)
    kernel_size: OddCount = Field(3, description=KERNEL_SIZE)
    boundary_kernel_size: OddCount | None = Field(None, description=BOUNDARY_KERNEL_SIZE)
    layers: Layers = Field(3, description=LAYERS)
    detached_boundaries: bool = Field(
        False,
        description="keep the heads that look for starts and ends from teaching the encoder, as in TriDet",
    )


class CLTDRSection(DecoderSection):
    """The Cross-Layer Task Decoupling and Refinement decoder of CLTDR-GMG."""

    kind: Literal["cltdr"] = Field("cltdr", description="which decoder")
    variant: Literal["paper", "release"] = Field(
        "paper", description="whose reading: the equations of the paper, or what the authors' code computes"
    )
    head_channels: Count = Field(512, description=HEAD_CHANNELS)
    bins: Count = Field(16, description=BINS)
    kernel_size: OddCount = Field(3, description=KERNEL_SIZE)
    boundary_kernel_size: OddCount | None = Field(None, description=BOUNDARY_KERNEL_SIZE)
    layers: Layers = Field(3, description=LAYERS)
    classification_neighbours: Neighbours = Field(
        "above", description="levels that a level is joined with to tell classes (Table 9)"
    )
    regression_neighbours: Neighbours = Field(
        "below", description="levels that a level is joined with to tell boundaries (Table 9)"
    )
    refine: Literal["none", "classification", "regression", "both"] = Field(
        "both", description="what is refined (Table 10)"
    )
    fuse: Fuse = Field("attention", description="how a level is joined with its neighbours (Table 11)")

    @model_validator(mode="after")
    def _release_is_whole(self) -> "CLTDRSection":
        refuse_beside_release(
            self, ("classification_neighbours", "regression_neighbours", "refine", "fuse"), self.variant
        )
        return self


#: The sections of the decoders by kind.
DECODER_SECTIONS: dict[str, type[KindSection]] = {
    "convolutional": ConvolutionalSection,
    "trident": TridentSection,
    "cltdr": CLTDRSection,
}
AnyDecoder: TypeAlias = Annotated[DecoderSection, OneOf(DECODER_SECTIONS, "cltdr")]
