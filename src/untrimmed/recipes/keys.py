"""The keys of a recipe, read off the schema: what each may be, in words, what it is if left out, its meaning."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MultipleOf
from pydantic import AfterValidator, BaseModel
from pydantic.fields import FieldInfo

from untrimmed.config import Recipe
from untrimmed.config.kinds import OneOf
from untrimmed.config.values import require_odd

PLAIN = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}


@dataclass(frozen=True)
class Key:
    """One key of a recipe.

    Attributes:
        path: with its sections, as in ("training", "loss", "normalizer").
        field: what the schema says of it.
        kind: of a section that is of several kinds, the one that is meant.
    """

    path: tuple[str, ...]
    field: FieldInfo
    kind: str | None = None

    @property
    def name(self) -> str:
        """As it is written on the command line."""
        return ".".join(self.path)

    @property
    def section(self) -> type[BaseModel] | None:
        """What is below it, None where it holds a value."""
        if self.kind is not None and (kinds := kinds_of(self.field)) is not None:
            return kinds.sections[self.kind]
        return _section(self.field.annotation)

    @property
    def allowed(self) -> str:
        """What it may be, in words."""
        return in_words(self.field.annotation, self.field.metadata)

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that it is one of, none where it is something else."""
        return tuple(map(str, get_args(self.field.annotation))) if _is_choice(self.field.annotation) else ()

    @property
    def default(self) -> str:
        """What it is if left out, as a recipe file would say it; "" where it must be given."""
        if self.field.is_required():
            return ""
        return written(self.field.get_default(call_default_factory=True))


def keys(section: type[BaseModel] = Recipe, above: tuple[str, ...] = ()) -> Iterator[Key]:
    """All keys of a section and of the sections in it, in the order of the schema."""
    for name, field in section.model_fields.items():
        kinds = kinds_of(field)
        for kind in [None] if kinds is None else kinds.sections:
            key = Key((*above, name), field, kind)
            yield key
            if key.section is not None:
                yield from keys(key.section, key.path)


def find_key(place: Sequence[Any], values: Any = None) -> Key | None:
    """The key at a place in a recipe, or the one whose value the place lies in; None where there is none.

    Args:
        place: names, and numbers of list entries, from the top on.
        values: the nested dicts of the recipe, which say of what kind its sections are.
    """
    found: Key | None = None
    section: type[BaseModel] | None = Recipe
    for part in place:
        if section is None or part not in section.model_fields:
            break
        field = section.model_fields[part]
        values = values.get(part) if isinstance(values, dict) else None
        kinds = kinds_of(field)
        kind = None if kinds is None else kinds.kind_of(values) or kinds.default
        found = Key((*(found.path if found else ()), part), field, kind)
        section = found.section
    return found


def kinds_of(field: FieldInfo) -> OneOf | None:
    """The kinds that a section may be of, None where it is not of several."""
    return next((one for one in field.metadata if isinstance(one, OneOf)), None)


def in_words(kind: Any, limits: Sequence[Any] = ()) -> str:
    """What a value of a type, within limits, may be."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return in_words(parts[0], [limit for part in parts[1:] for limit in _limits(part)])
    if origin in (Union, UnionType):
        return " or ".join(in_words(part) for part in parts)
    if kind is NoneType:
        return "null"
    if origin is Literal:
        return parts[0] if len(parts) == 1 else f"one of {', '.join(parts)}"
    if origin is list:
        return f"[{in_words(parts[0])}, ...]"
    if origin is tuple:
        return f"[{', '.join(map(in_words, parts))}]"
    if kind not in PLAIN:
        return f"a section with keys such as {', '.join(list(kind.model_fields)[:3])}"
    return " ".join([PLAIN[kind], *_limits_in_words(limits)])


def written(value: Any) -> str:
    """A value as it may stand in a recipe file."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return value if isinstance(value, str) and value.isidentifier() else json.dumps(value, default=str)


def _section(kind: Any) -> type[BaseModel] | None:
    """The section among what a value may be."""
    candidates = (kind, *get_args(kind))
    return next((one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _is_choice(kind: Any) -> bool:
    return get_origin(kind) is Literal


def _limits(part: Any) -> list[Any]:
    return part.metadata if isinstance(part, FieldInfo) else [part]


def _limits_in_words(limits: Sequence[Any]) -> list[str]:
    """Such as "at least 1"; nothing for what is no limit, like the validator of a path."""
    said = []
    for limit in limits:
        match limit:
            case Ge(least):
                said.append(f"at least {least}")
            case Gt(least):
                said.append(f"above {least}")
            case Le(most):
                said.append(f"at most {most}")
            case Lt(most):
                said.append(f"below {most}")
            case MultipleOf(factor):
                said.append(f"divisible by {factor}")
            case AfterValidator(func=validator) if validator is require_odd:
                said.append("odd")
    words = " and ".join(said)
    return [re.sub(r"at least (\S+) and at most (\S+)", r"from \1 to \2", words)] if said else []
