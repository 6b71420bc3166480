"""The keys of a recipe as the schema has them, in words."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from untrimmed.config.training import TrainingSection
from untrimmed.config.values import OddCount
from untrimmed.recipes.keys import find_key, in_words, keys, written


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (bool, "true or false"),
        (str | None, "text or null"),
        (Annotated[int, Field(ge=2)], "a whole number at least 2"),
        (Annotated[float, Field(gt=0, le=1)], "a number above 0 and at most 1"),
        (Annotated[float, Field(ge=0, le=1)] | None, "a number from 0 to 1 or null"),
        (OddCount, "a whole number at least 1 and odd"),
        (Literal["a", "b"], "one of a, b"),
        (Literal["a"], "a"),
        (list[str | None] | str, "[text or null, ...] or text"),
        (tuple[int, Annotated[float, Field(lt=3)]], "[a whole number, a number below 3]"),
        (TrainingSection, "a section with keys such as epochs, warmup_epochs, batch_size"),
    ],
)
def test_what_a_value_may_be_is_said_in_words(kind: object, words: str) -> None:
    assert in_words(kind) == words


def test_every_key_says_what_it_means() -> None:
    assert [key.name for key in keys() if key.section is None and not key.field.description] == []
    assert [key.name for key in keys() if key.section is not None and not key.section.__doc__] == []


def test_keys_are_found_by_their_place_or_by_the_place_of_something_in_them() -> None:
    assert find_key(["training", "loss", "normalizer"]).name == "training.loss.normalizer"  # type: ignore[union-attr]
    assert find_key(["data", "hold_out", "fold"]).name == "data.hold_out.fold"  # type: ignore[union-attr]
    assert find_key(["training", "crop_ratio", 1]).name == "training.crop_ratio"  # type: ignore[union-attr]
    assert find_key(["nowhere"]) is None


def test_defaults_are_written_as_in_a_recipe_file() -> None:
    defaults = {key.name: key.default for key in keys()}
    assert defaults["data.annotations"] == ""
    assert defaults["data.pattern"] == '"{video}"'
    assert defaults["training.crop_ratio"] == "[0.9, 1.0]"
    assert defaults["training.loss.normalizer"] == "running"
    assert defaults["data.raw"] == "false"
    assert defaults["data.hold_out"] == "null"
    assert written("a b") == '"a b"'
