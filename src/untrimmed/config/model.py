"""The model section: embedding, encoder, decoder."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from untrimmed.config.decoders import AnyDecoder, CLTDRSection
from untrimmed.config.encoders import AnyEncoder, EncoderSection, GMGSection, TransformerSection
from untrimmed.config.values import Count, OddCount, Section


class EmbeddingSection(Section):
    """From features to the width of the network."""

    kernel_size: OddCount = Field(3, description="steps that each convolution sees")
    layers: Count = Field(2, description="number of convolutions")
    positions: bool = Field(False, description="add a sinusoidal code of each step's position")


class ReleasePaddingSection(Section):
    """To what lengths sequences are padded with `padding: release`."""

    length: Count = Field(2304, description="steps; shorter sequences are padded to it")
    multiple: Count = Field(32, description="longer ones are padded to a multiple of this")


class ModelSection(Section):
    """The network: embedding, encoder, decoder."""

    channels: Annotated[int, Field(ge=1, multiple_of=16)] = Field(512, description="width of the network")
    levels: Count = Field(6, description="L, levels of the pyramid")
    padding: Literal["own", "release"] = Field(
        "own",
        description="own: what is found in a sequence does not depend on padding; release: as in the authors' "
        "releases, whose statistics take in the padding, for weights that were trained so",
    )
    release_padding: ReleasePaddingSection = ReleasePaddingSection()
    embedding: EmbeddingSection = EmbeddingSection()
    norm: Literal["layer", "shared_layer", "group"] = Field(
        "layer",
        description="of the levels of the pyramid: layer normalisation, one a level or one for all, or group "
        "normalisation without weights (TemporalMaxer)",
    )
    encoder: AnyEncoder = GMGSection()
    decoder: AnyDecoder = CLTDRSection()

    @model_validator(mode="after")
    def _encoder_fits(self) -> "ModelSection":
        encoder = self.encoder
        windows = encoder.window if isinstance(encoder, TransformerSection) else None
        if isinstance(windows, list) and len(windows) != self.levels:
            raise ValueError(
                f"encoder.window has {len(windows)} entries, but levels is {self.levels}; give one "
                "for each level, or one number for all"
            )
        heads = _heads(encoder)
        if self.channels % heads:
            raise ValueError(f"encoder.heads is {heads}, but must divide channels, which is {self.channels}")
        return self


def _heads(encoder: EncoderSection) -> int:
    """Into how many heads the attention of an encoder divides the channels; 1 without attention."""
    if isinstance(encoder, TransformerSection):
        return encoder.heads
    return encoder.heads if isinstance(encoder, GMGSection) and encoder.global_branch == "attention" else 1
