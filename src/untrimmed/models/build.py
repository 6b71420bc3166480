"""The one place that turns a recipe's model section into modules."""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from untrimmed.config.decoders import CLTDRSection, ConvolutionalSection, Fuse, Neighbours, TridentSection
from untrimmed.config.encoders import (
    GMGSection,
    MambaSection,
    MaxPoolingSection,
    SGPSection,
    SSDSection,
    TransformerSection,
)
from untrimmed.config.model import ModelSection
from untrimmed.errors import InputError
from untrimmed.models.decoders.cltdr import CLTDRDecoder
from untrimmed.models.decoders.cltdr_release import CLTDRReleaseDecoder
from untrimmed.models.decoders.convolutional import ConvolutionalDecoder
from untrimmed.models.decoders.cross_layer import (
    AttentionToBoth,
    CrossLayerAttention,
    CrossLayerConcatenation,
    CrossLayerSum,
    Downsampling,
    OwnLevel,
    Upsampling,
)
from untrimmed.models.decoders.trident_decoder import TridentDecoder
from untrimmed.models.detector import ActionDetector
from untrimmed.models.embedding import Embedding
from untrimmed.models.encoders.attention import SelfAttention
from untrimmed.models.encoders.gmg import GMGEncoder
from untrimmed.models.encoders.gmg_release import GMGReleaseEncoder
from untrimmed.models.encoders.mamba import MambaEncoder
from untrimmed.models.encoders.max_pooling import MaxPoolingEncoder
from untrimmed.models.encoders.sgp import SGPEncoder
from untrimmed.models.encoders.spectral import SpectralFilter
from untrimmed.models.encoders.ssd import SSDEncoder
from untrimmed.models.encoders.transformer import TransformerEncoder
from untrimmed.models.pyramid_norms import GroupNorms, LayerNorms, SharedLayerNorm
from untrimmed.models.sequences import ReleaseLengths


def build_detector(model: ModelSection, *, input_dim: int, classes: int) -> ActionDetector:
    """The network of a recipe, with random weights.

    Args:
        model: the section.
        input_dim: D, the dimension of a feature vector.
        classes: K.

    Raises:
        InputError: values of the section do not fit each other.
    """
    release = model.release_padding
    return ActionDetector(
        embedding=Embedding(
            input_dim,
            model.channels,
            kernel_size=model.embedding.kernel_size,
            layers=model.embedding.layers,
            positions=model.embedding.positions,
        ),
        encoder=_built("encoder", lambda: ENCODERS[model.encoder.kind](model.encoder, model)),
        decoder=_built("decoder", lambda: DECODERS[model.decoder.kind](model.decoder, model, classes)),
        release_lengths=ReleaseLengths(release.length, release.multiple) if model.padding == "release" else None,
    )


def _built(part: str, build: Callable[[], nn.Module]) -> nn.Module:
    """A part of the network; what its constructor finds wrong is told with the part's place in the recipe."""
    try:
        return build()
    except ValueError as error:
        raise InputError(f"model.{part}: {error}") from error


def build_norms(model: ModelSection) -> nn.Module:
    """What normalises the levels of the pyramid, for a decoder."""
    if model.norm == "group":
        return GroupNorms()
    return LayerNorms(model.channels, model.levels) if model.norm == "layer" else SharedLayerNorm(model.channels)


def _gmg(section: GMGSection, model: ModelSection) -> nn.Module:
    common: dict[str, Any] = {
        "stem_blocks": section.stem_blocks,
        "hidden": section.hidden,
        "kernel_size": section.kernel_size,
        "initial_std": section.initial_std,
        "drop_path": section.drop_path,
        "layer_scale": section.layer_scale,
    }
    if section.variant == "release":
        return GMGReleaseEncoder(model.channels, model.levels, **common)
    whole = SpectralFilter if section.global_branch == "fft" else partial(SelfAttention, heads=section.heads)
    return GMGEncoder(
        model.channels,
        model.levels,
        instant="instant" in section.branches,
        local="local" in section.branches,
        whole=whole if "global" in section.branches else None,
        gated=section.gated,
        **common,
    )


def _sgp(section: SGPSection, model: ModelSection) -> nn.Module:
    return SGPEncoder(
        model.channels,
        model.levels,
        stem_blocks=section.stem_blocks,
        hidden=section.hidden,
        kernel_size=section.kernel_size,
        window_factor=section.window_factor,
        initial_std=section.initial_std,
        drop_path=section.drop_path,
        layer_scale=section.layer_scale,
    )


def _max_pooling(section: MaxPoolingSection, model: ModelSection) -> nn.Module:
    return MaxPoolingEncoder(model.levels)


def _transformer(section: TransformerSection, model: ModelSection) -> nn.Module:
    return TransformerEncoder(
        model.channels,
        model.levels,
        stem_blocks=section.stem_blocks,
        heads=section.heads,
        window=section.window,
        expansion=section.expansion,
        dropout=section.dropout,
        drop_path=section.drop_path,
        layer_scale=section.layer_scale,
    )


def _mamba(section: MambaSection, model: ModelSection) -> nn.Module:
    return MambaEncoder(
        model.channels,
        model.levels,
        stem_blocks=section.stem_blocks,
        states=section.states,
        window=section.window,
        drop_path=section.drop_path,
        layer_scale=section.layer_scale,
    )


def _ssd(section: SSDSection, model: ModelSection) -> nn.Module:
    return SSDEncoder(
        model.channels,
        model.levels,
        stem_blocks=section.stem_blocks,
        states=section.states,
        head_channels=section.head_channels,
        window=section.window,
        drop_path=section.drop_path,
        layer_scale=section.layer_scale,
    )


def _cltdr(section: CLTDRSection, model: ModelSection, classes: int) -> nn.Module:
    common: dict[str, Any] = {
        "head_channels": section.head_channels,
        "bins": section.bins,
        "kernel_size": section.kernel_size,
        "boundary_kernel_size": section.boundary_kernel_size,
        "layers": section.layers,
        "norms": build_norms(model),
    }
    if section.variant == "release":
        return CLTDRReleaseDecoder(model.channels, classes, model.levels, **common)
    return CLTDRDecoder(
        model.channels,
        classes,
        model.levels,
        classification_features=_joining(section.fuse, section.classification_neighbours, model.channels),
        regression_features=_joining(section.fuse, section.regression_neighbours, model.channels),
        refine_classification=section.refine in ("classification", "both"),
        refine_regression=section.refine in ("regression", "both"),
        **common,
    )


def _joining(fuse: Fuse, neighbours: Neighbours, channels: int) -> nn.Module:
    """What joins a level with its neighbours."""
    if neighbours == "none":
        return OwnLevel()
    below, above = neighbours in ("below", "both"), neighbours in ("above", "both")
    if fuse == "addition":
        return CrossLayerSum(channels, below=below, above=above)
    if fuse == "concatenation":
        return CrossLayerConcatenation(channels, below=below, above=above)
    if neighbours == "both":
        return AttentionToBoth(channels)
    return CrossLayerAttention(channels, Upsampling(channels) if above else Downsampling(channels))


def _convolutional(section: ConvolutionalSection, model: ModelSection, classes: int) -> nn.Module:
    return ConvolutionalDecoder(
        model.channels,
        classes,
        model.levels,
        head_channels=section.head_channels,
        kernel_size=section.kernel_size,
        layers=section.layers,
        norms=build_norms(model),
    )


def _trident(section: TridentSection, model: ModelSection, classes: int) -> nn.Module:
    return TridentDecoder(
        model.channels,
        classes,
        model.levels,
        head_channels=section.head_channels,
        bins=section.bins,
        kernel_size=section.kernel_size,
        boundary_kernel_size=section.boundary_kernel_size,
        layers=section.layers,
        detached_boundaries=section.detached_boundaries,
        norms=build_norms(model),
    )


#: From an encoder's own section and that of the whole model to its module; a package of a user's may add its own.
ENCODERS: dict[str, Callable[[Any, ModelSection], nn.Module]] = {
    "gmg": _gmg,
    "transformer": _transformer,
    "max_pooling": _max_pooling,
    "sgp": _sgp,
    "mamba": _mamba,
    "ssd": _ssd,
}
#: From a decoder's own section, that of the whole model and the number of classes to its module.
DECODERS: dict[str, Callable[[Any, ModelSection, int], nn.Module]] = {
    "cltdr": _cltdr,
    "convolutional": _convolutional,
    "trident": _trident,
}
