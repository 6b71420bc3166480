"""Nested dicts of recipes on top of each other."""

from typing import Any

from untrimmed.recipes.keys import Key, find_key, kinds_of


def merge(values: Any, changes: Any, place: tuple[Any, ...] = ()) -> Any:
    """Nested dicts with changes on top: dicts are merged, plugins are joined, everything else is replaced.

    A section that becomes one of another kind loses the keys that were said of its old kind and that the new one
    does not have. What the changes say stays, to be found wrong if it is.

    Args:
        values: as they are.
        changes: what is said on top.
        place: where in the recipe they are.
    """
    if place == ("plugins",) and isinstance(values, list) and isinstance(changes, list):
        return [*values, *(name for name in changes if name not in values)]
    if not (isinstance(values, dict) and isinstance(changes, dict)):
        return changes
    key = find_key(place)
    if "kind" in changes and key is not None and key.path == place:
        values = _of_kind(values, changes["kind"], key)
    return values | {key: merge(values.get(key), part, (*place, key)) for key, part in changes.items()}


def laid_over(values: Any, changes: Any) -> Any:
    """Changes of the command line on top of earlier ones, of which none is lost."""
    if not (isinstance(values, dict) and isinstance(changes, dict)):
        return changes
    return values | {key: laid_over(values.get(key), part) for key, part in changes.items()}


def _of_kind(values: dict[Any, Any], kind: Any, key: Key) -> dict[Any, Any]:
    """What stays of a section when it becomes one of this kind."""
    kinds = kinds_of(key.field)
    if kinds is None or kind == values.get("kind", kinds.default) or kinds.kind_of({"kind": kind}) is None:
        return values
    before = kinds.kind_of(values)
    old = values if before is None else kinds.sections[before].model_fields
    new = kinds.sections[kind].model_fields
    return {name: value for name, value in values.items() if name in new or name not in old}
