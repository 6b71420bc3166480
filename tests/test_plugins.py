"""Encoders and decoders that a user's own module adds: how they get in, and what they may not do."""

from typing import Any, Literal

import pytest
from pydantic import create_model
from torch import nn

from untrimmed.config.decoders import DecoderSection
from untrimmed.config.encoders import ENCODER_SECTIONS, EncoderSection, GMGSection
from untrimmed.config.model import ModelSection
from untrimmed.errors import InputError
from untrimmed.models.build import ENCODERS, build_detector
from untrimmed.plugins import add_decoder, add_encoder

pytestmark = pytest.mark.usefixtures("no_new_kinds")


def section(base: type, kind: str = "mine", name: str = "MineSection") -> Any:
    return create_model(name, __base__=base, __module__="my_models", kind=(Literal[kind], kind), width=(int, 3))


def model(**parts: Any) -> ModelSection:
    return ModelSection.model_validate({"channels": 16, **parts})


def not_built(*_: object) -> nn.Module:
    raise AssertionError


def test_an_encoder_is_built_of_its_own_section_and_that_of_the_whole_model() -> None:
    seen = []

    def build(own: Any, whole: ModelSection) -> nn.Module:
        seen.append((own.width, whole.channels))
        return nn.Identity()

    add_encoder(section(EncoderSection), build)
    detector = build_detector(model(encoder={"kind": "mine", "width": 7}), input_dim=4, classes=2)
    assert isinstance(detector.encoder, nn.Identity)
    assert seen == [(7, 16)]


def test_a_decoder_is_told_the_number_of_classes_too() -> None:
    seen = []

    def build(own: Any, whole: ModelSection, classes: int) -> nn.Module:
        seen.append((own.width, whole.channels, classes))
        return nn.Identity()

    add_decoder(section(DecoderSection), build)
    detector = build_detector(model(decoder={"kind": "mine"}), input_dim=4, classes=2)
    assert isinstance(detector.decoder, nn.Identity)
    assert seen == [(3, 16, 2)]


def test_what_a_constructor_finds_wrong_is_told_with_its_place_in_the_recipe() -> None:
    def build(own: Any, whole: ModelSection) -> nn.Module:
        raise ValueError("16 channels do not divide into 3 heads")

    add_encoder(section(EncoderSection), build)
    with pytest.raises(InputError, match=r"^model\.encoder: 16 channels do not divide into 3 heads$"):
        build_detector(model(encoder={"kind": "mine"}), input_dim=4, classes=2)


@pytest.mark.parametrize("taken", ["gmg", "mine"])
def test_a_kind_that_another_section_has_is_refused_and_stays_what_it_was(taken: str) -> None:
    add_encoder(section(EncoderSection), not_built)
    before = ENCODER_SECTIONS[taken], ENCODERS[taken]
    with pytest.raises(
        ValueError, match=rf"the kind {taken} of my_models\.Other is taken by .*; choose another name"
    ):
        add_encoder(section(EncoderSection, taken, "Other"), lambda *_: nn.Identity())
    assert (ENCODER_SECTIONS[taken], ENCODERS[taken]) == before


def test_a_module_that_is_imported_anew_replaces_what_it_added() -> None:
    add_encoder(section(EncoderSection), not_built)
    again = section(EncoderSection)
    add_encoder(again, lambda *_: nn.Identity())
    assert ENCODER_SECTIONS["mine"] is again
    assert isinstance(
        build_detector(model(encoder={"kind": "mine"}), input_dim=4, classes=2).encoder, nn.Identity
    )


def test_an_encoder_and_a_decoder_may_have_the_same_name() -> None:
    add_encoder(section(EncoderSection), not_built)
    add_decoder(section(DecoderSection), not_built)


@pytest.mark.parametrize("wrong", [section(DecoderSection), GMGSection(), int])
def test_a_section_of_something_else_is_no_encoders(wrong: Any) -> None:
    with pytest.raises(ValueError, match="must be a class derived from EncoderSection"):
        add_encoder(wrong, not_built)


@pytest.mark.parametrize("kind", [(str, "mine"), (Literal["mine"], ...), (Literal["mine", "yours"], "mine")])
def test_a_section_must_say_its_one_kind(kind: Any) -> None:
    unclear = create_model("Unclear", __base__=EncoderSection, __module__="my_models", kind=kind)
    with pytest.raises(ValueError, match=r"^my_models\.Unclear must say its kind as kind: Literal"):
        add_encoder(unclear, not_built)
