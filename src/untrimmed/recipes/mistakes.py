"""What is wrong with a recipe, a sentence for each key: what was given, what is allowed, what may be meant."""

import difflib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from untrimmed.config import Recipe
from untrimmed.recipes.keys import Key, find_key, keys, kinds_of

#: Longer values are cut in messages.
SHOWN_CHARACTERS = 60


def mistakes(error: ValidationError, values: Any) -> list[str]:
    """One sentence for each key that is wrong, in the order of the schema's sections.

    Args:
        error: what validation found.
        values: the nested dicts that it looked at.
    """
    found = [sentence for one in error.errors() for sentence in _sentences(dict(one), values)]
    return list(dict.fromkeys(found))  # a key that may be of two types is wrong in two ways


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """'; did you mean X?' where something known is close, otherwise nothing."""
    close = difflib.get_close_matches(given, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _sentences(error: dict[str, Any], values: Any) -> list[str]:
    place: tuple[Any, ...] = error["loc"]
    if error["type"] == "extra_forbidden":
        return [_unknown(place, values)]
    key = find_key(place, values)
    if error["type"] == "missing" and key is not None and len(key.path) == len(place):
        return [f"{needed} is not set; give it in the file or as {needed}=VALUE" for needed in _needed(key)]
    # What lies deeper than its key is an entry of a list or one of several types, each wrong in a way of its own.
    if error["type"] == "value_error" and (key is None or len(key.path) == len(place)):
        said = str(error["ctx"]["error"])
        return [said if key is None else f"{key.name}: {said}"]
    if error["type"] == "unknown_kind" and key is not None:
        return [_unknown_kind(key, values)]
    if key is None:
        return ["a recipe must hold sections such as data and model"]
    given = _at(values, key.path)
    hint = did_you_mean(str(given), key.choices) if len(key.choices) > 1 else ""
    if "text" in key.allowed and isinstance(given, int | float | dict):
        hint = "; put it in quotes to make it text"
    return [f"{key.name} is {_shown(given)}, but must be {key.allowed}{hint}"]


def _unknown_kind(key: Key, values: Any) -> str:
    """That a section is of a kind that does not exist."""
    kinds = kinds_of(key.field)
    assert kinds is not None
    given = _at(values, key.path)["kind"]
    hint = did_you_mean(str(given), kinds.sections) or "; a module that adds another one belongs into plugins"
    return f"{key.name}.kind is {_shown(given)}, but must be one of {', '.join(kinds.sections)}{hint}"


def _unknown(place: Sequence[Any], values: Any) -> str:
    """That a key does not exist, and which may be meant: one of this name elsewhere, or one like it beside."""
    *above, last = map(str, place)
    name = ".".join((*above, last))
    elsewhere = list(dict.fromkeys(key.name for key in keys() if key.path[-1] == last and key.name != name))
    beside = {part: ".".join((*above, part)) for part in _parts(above, values)}
    close = difflib.get_close_matches(last, list(beside), n=1)
    meant = elsewhere or [beside[part] for part in close]
    if meant:
        return f"{name} is not a key of a recipe; did you mean {' or '.join(meant)}?"
    section = ".".join(above) + _kind(above, values)
    listed = f"{section} has the keys {', '.join(beside)}" if section else f"it has {', '.join(beside)}"
    return f"{name} is not a key of a recipe; {listed}"


def _parts(above: Sequence[str], values: Any) -> list[str]:
    """The names of the keys of the section at a place."""
    key = find_key(above, values)
    section = Recipe if key is None else key.section
    return [] if section is None else list(section.model_fields)


def _kind(above: Sequence[str], values: Any) -> str:
    """Of which kind the section at a place is; nothing where it has none."""
    key = find_key(above, values)
    field = None if key is None or key.section is None else key.section.model_fields.get("kind")
    return "" if field is None else f" of kind {field.default}"


def _needed(key: Key) -> list[str]:
    """The keys to set where this one is missing: it, or what a section that is wholly missing needs."""
    if key.section is None:
        return [key.name]
    return [one.name for one in keys(key.section, key.path) if one.field.is_required()]


def _at(values: Any, path: Sequence[str]) -> Any:
    for part in path:
        values = values[part]
    return values


def _shown(value: Any) -> str:
    """A value as a recipe file has it, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
