"""A grid of recipes as its file says it: axes, and on each the rows with what they change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, get_args

from untrimmed.errors import InputError
from untrimmed.recipes.keys import keys, written
from untrimmed.recipes.loading import told
from untrimmed.recipes.mistakes import did_you_mean
from untrimmed.runs import MACHINE_KEYS, flat

Measure = Literal["accuracy", "cost"]
#: What may be measured of each cell.
MEASURES: tuple[Measure, ...] = get_args(Measure)


@dataclass(frozen=True)
class Row:
    """One value of an axis.

    Attributes:
        label: in its column.
        changes: nested dicts, what it says on top of the recipe.
    """

    label: str
    changes: dict[str, Any]


@dataclass(frozen=True)
class Axis:
    """A column of the table. There is at least one row."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Grid:
    """All combinations of the rows of its axes, of which there is at least one.

    Attributes:
        axes: in the order of the file; the last one varies fastest.
        measure: of each cell.
    """

    axes: tuple[Axis, ...]
    measure: Measure = "accuracy"

    def cells(self) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        """The labels of each cell, one an axis, and what all of them change; two axes set no key in common."""
        for rows in product(*(axis.rows for axis in self.axes)):
            changes: dict[str, Any] = {}
            for row in rows:
                changes = joined(changes, row.changes)
            yield tuple(row.label for row in rows), changes


def read_grid(values: Mapping[Any, Any], where: str) -> Grid:
    """The grid of a file.

    Args:
        values: the nested dicts of the whole file.
        where: they come from, for errors.

    Raises:
        InputError: that lists everything that is wrong with `grid` and `measure`.
    """
    found: list[str] = []
    measure = values.get("measure", "accuracy")
    if measure not in MEASURES:
        hint = did_you_mean(str(measure), MEASURES)
        found.append(f"measure is {written(measure)}, but must be one of {', '.join(MEASURES)}{hint}")
    axes = _axes(values.get("grid"), found)
    if not found:
        found += _set_by_two(axes)
    if found:
        raise InputError(told(found, where))
    return Grid(axes, measure)


def nested(changes: Mapping[Any, Any]) -> dict[str, Any]:
    """Nested dicts of changes whose keys may be dotted; ValueError with the key where one stands twice."""
    values: dict[str, Any] = {}
    for key, value in changes.items():
        part = nested(value) if isinstance(value, Mapping) else value
        for name in reversed(str(key).split(".")):
            part = {name: part}
        values = joined(values, part)
    return values


def joined(one: Mapping[str, Any], other: Mapping[str, Any], above: tuple[str, ...] = ()) -> dict[str, Any]:
    """Two nested dicts that say different things as one; ValueError with the key where both say the same."""
    both = dict(one)
    for key, part in other.items():
        if key not in both:
            both[key] = part
        elif isinstance(both[key], dict) and isinstance(part, dict):
            both[key] = joined(both[key], part, (*above, key))
        else:
            raise ValueError(".".join((*above, key)))
    return both


def _axes(given: Any, found: list[str]) -> tuple[Axis, ...]:
    """The axes; what is wrong with them is added to `found`."""
    if not isinstance(given, dict) or not given:
        found.append("grid must name axes, such as grid: {model.levels: [4, 5, 6]}")
        return ()
    return tuple(Axis(str(name), _rows(str(name), rows, found)) for name, rows in given.items())


def _rows(axis: str, given: Any, found: list[str]) -> tuple[Row, ...]:
    if not given or not isinstance(given, dict | list):
        found.append(f"grid.{axis} must hold rows: a list of values, or for each label what it changes")
        return ()
    pairs = _of_values(axis, given, found) if isinstance(given, list) else given.items()
    rows = [_row(axis, label, changes, found) for label, changes in pairs]
    return tuple(row for row in rows if row is not None)


def _of_values(axis: str, values: Sequence[Any], found: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """The label and the changes of each value of an axis that is a key."""
    if axis not in {key.name for key in keys()}:
        found.append(
            f"grid.{axis} lists values, but {axis} is not a key of a recipe"
            f"{did_you_mean(axis, (key.name for key in keys()))}"
            f"{'' if '.' in axis else '; or give for each label what it changes, as in LABEL: {model.levels: 4}'}"
        )
    labels = [written(value) for value in values]
    for label in dict.fromkeys(label for label in labels if labels.count(label) > 1):
        found.append(f"grid.{axis} lists {label} twice")
    return [(label, {axis: value}) for label, value in zip(labels, values, strict=True)]


def _row(axis: str, label: Any, changes: Any, found: list[str]) -> Row | None:
    label = label if isinstance(label, str) else written(label)
    name = f"grid.{axis}.{label}"
    if not isinstance(changes, dict | None):
        found.append(
            f"{name} is {written(changes)}, but must be a section of changes, such as {{model.levels: 4}}"
        )
        return None
    try:
        values = nested(changes or {})
    except ValueError as error:
        found.append(f"{name} sets {error} twice")
        return None
    found += _what_makes_no_cell(name, values)
    return Row(label, values)


def _what_makes_no_cell(name: str, values: dict[str, Any]) -> list[str]:
    """Sentences for keys by which cells cannot differ."""
    said = []
    for key in flat(values):
        if key == "training.seed":
            said.append(f"{name} sets training.seed; how many seeds a cell has is said with --seeds")
        elif key in MACHINE_KEYS | {"name"}:
            said.append(f"{name} sets {key}, by which no result differs; say it outside the grid")
        elif key.split(".")[0] in ("plugins", "base", "grid", "measure"):
            said.append(f"{name} sets {key}, which must be said outside the grid")
    return said


def _set_by_two(axes: Sequence[Axis]) -> list[str]:
    """A sentence for each two axes of which some rows set the same key."""
    said = []
    for number, one in enumerate(axes):
        for other in axes[number + 1 :]:
            key = _in_common(one, other)
            if key is not None:
                said.append(f"grid.{one.name} and grid.{other.name} both set {key}")
    return said


def _in_common(one: Axis, other: Axis) -> str | None:
    for first, second in product(one.rows, other.rows):
        try:
            joined(first.changes, second.changes)
        except ValueError as error:
            return str(error)
    return None
