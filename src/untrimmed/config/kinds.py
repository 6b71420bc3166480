"""Sections that are of several kinds, such as an encoder: `kind` says which, and with it which keys there are."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from untrimmed.config.values import Section


class KindSection(Section):
    """A section whose `kind` says which keys it has."""

    kind: str


def refuse_beside_release(section: KindSection, names: Iterable[str], variant: str) -> None:
    """See to it that a section that is what the authors' code computes chooses nothing that their code lacks.

    Raises:
        ValueError: where one of these keys is not what it is by default.
    """
    fields = type(section).model_fields
    chosen = [name for name in names if getattr(section, name) != fields[name].default]
    if variant == "release" and chosen:
        keys = " and ".join(chosen)
        raise ValueError(f"the authors' code has no {keys} to choose: set variant to paper, or leave {keys} out")


@dataclass(frozen=True)
class OneOf:
    """Makes a key take whichever of some sections its `kind` names.

    Attributes:
        sections: by kind; `plugins.add_encoder` and `add_decoder` add to them.
        default: the kind of a section that does not say.
    """

    sections: Mapping[str, type[KindSection]]
    default: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._chosen, serialization=core_schema.plain_serializer_function_ser_schema(_dumped, info_arg=True)
        )

    def kind_of(self, values: object) -> str | None:
        """The kind that a section in a recipe names, None where there is no such kind."""
        kind = values.get("kind", self.default) if isinstance(values, Mapping) else self.default
        return kind if isinstance(kind, str) and kind in self.sections else None

    def _chosen(self, given: object) -> KindSection:
        if isinstance(given, KindSection):
            return given
        if not isinstance(given, dict):
            raise PydanticCustomError("no_section", "must be a section")
        kind = self.kind_of(given)
        if kind is None:
            raise PydanticCustomError("unknown_kind", "must be a known kind")
        # Through JSON, in which a list may be a pair and text a path, as the recipe as a whole.
        return self.sections[kind].model_validate_json(json.dumps(given, default=str), strict=True)


def _dumped(section: KindSection, info: Any) -> dict[str, Any]:
    return section.model_dump(mode=info.mode)
