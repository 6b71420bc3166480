"""Where a package of a user's own adds its encoders and decoders (docs/add-a-model.md).

A recipe names such a package in `plugins`; it calls one of these functions when it is imported. It is apart from
`recipes.plugins`, which imports it, so that what reads recipes needs no torch.
"""

from collections.abc import Callable
from typing import Any, get_args

from torch import nn

from untrimmed.config.decoders import DECODER_SECTIONS, DecoderSection
from untrimmed.config.encoders import ENCODER_SECTIONS, EncoderSection
from untrimmed.config.kinds import KindSection
from untrimmed.config.model import ModelSection
from untrimmed.models.build import DECODERS, ENCODERS


def add_encoder(section: type[EncoderSection], build: Callable[[Any, ModelSection], nn.Module]) -> None:
    """Let recipes name an encoder of one's own.

    Args:
        section: its keys; `kind: Literal["its_name"] = "its_name"` is one of them.
        build: from its own section and that of the whole model to the module.

    Raises:
        ValueError: the section says no kind, or one that another section has.
    """
    _add(section, build, EncoderSection, ENCODER_SECTIONS, ENCODERS)


def add_decoder(section: type[DecoderSection], build: Callable[[Any, ModelSection, int], nn.Module]) -> None:
    """The same of a decoder, whose `build` is also given the number of classes."""
    _add(section, build, DecoderSection, DECODER_SECTIONS, DECODERS)


def _add(
    section: type[KindSection],
    build: Callable[..., nn.Module],
    base: type[KindSection],
    sections: dict[str, type[KindSection]],
    builds: dict[str, Callable[..., nn.Module]],
) -> None:
    if not (isinstance(section, type) and issubclass(section, base)):
        raise ValueError(f"{section!r} must be a class derived from {base.__name__}")
    kind = _kind(section)
    there = sections.get(kind)
    if there is not None and _name(there) != _name(section):
        raise ValueError(f"the kind {kind} of {_name(section)} is taken by {_name(there)}; choose another name")
    sections[kind], builds[kind] = section, build


def _kind(section: type[KindSection]) -> str:
    field = section.model_fields["kind"]
    kinds = get_args(field.annotation)
    if len(kinds) != 1 or field.default != kinds[0]:
        raise ValueError(f'{_name(section)} must say its kind as kind: Literal["its_name"] = "its_name"')
    return str(kinds[0])


def _name(section: type[KindSection]) -> str:
    """What a section is called, which stays when its module is imported anew."""
    return f"{section.__module__}.{section.__qualname__}"
