"""The one place that turns a recipe's model section into modules."""

from collections.abc import Callable

from torch import nn

from untrimmed.config import CLTDRSection, GMGSection, ModelSection
from untrimmed.models.decoders.cltdr import CLTDRDecoder
from untrimmed.models.detector import ActionDetector
from untrimmed.models.embedding import Embedding
from untrimmed.models.encoders.gmg import GMGEncoder


def build_detector(model: ModelSection, *, input_dim: int, classes: int) -> ActionDetector:
    """The network of a recipe, with random weights.

    Args:
        model: the section.
        input_dim: D, the dimension of a feature vector.
        classes: K.
    """
    return ActionDetector(
        embedding=Embedding(
            input_dim,
            model.channels,
            kernel_size=model.embedding.kernel_size,
            layers=model.embedding.layers,
            positions=model.embedding.positions,
        ),
        encoder=ENCODERS[model.encoder.kind](model.encoder, model),
        decoder=DECODERS[model.decoder.kind](model.decoder, model, classes),
    )


def _gmg(section: GMGSection, model: ModelSection) -> nn.Module:
    return GMGEncoder(
        model.channels,
        model.levels,
        stem_blocks=section.stem_blocks,
        hidden=section.hidden,
        kernel_size=section.kernel_size,
        drop_path=section.drop_path,
        layer_scale=section.layer_scale,
    )


def _cltdr(section: CLTDRSection, model: ModelSection, classes: int) -> nn.Module:
    return CLTDRDecoder(
        model.channels,
        classes,
        model.levels,
        head_channels=section.head_channels,
        bins=section.bins,
        kernel_size=section.kernel_size,
        boundary_kernel_size=section.boundary_kernel_size,
        layers=section.layers,
    )


ENCODERS: dict[str, Callable[[GMGSection, ModelSection], nn.Module]] = {"gmg": _gmg}
DECODERS: dict[str, Callable[[CLTDRSection, ModelSection, int], nn.Module]] = {"cltdr": _cltdr}
