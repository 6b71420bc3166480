"""From the file of a grid, and what the command line says, to the recipes of all its cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from untrimmed.config import Recipe
from untrimmed.errors import InputError
from untrimmed.recipes.built_in import tables
from untrimmed.recipes.loading import (
    change,
    complete,
    find_recipe,
    on_base,
    overridden,
    read_values,
    told,
    validated,
)
from untrimmed.recipes.merging import merge
from untrimmed.recipes.mistakes import did_you_mean
from untrimmed.recipes.plugins import import_plugins
from untrimmed.runs import MACHINE_KEYS, OWN_KEYS, flat
from untrimmed.sweeping.grid import Grid, Measure, read_grid

#: Stands for data that a grid which only measures cost does not look at.
NO_DATA = {"annotations": "none", "features": "none"}


@dataclass(frozen=True)
class Cell:
    """One row of the table.

    Attributes:
        labels: one an axis.
        recipe: its own.
    """

    labels: tuple[str, ...]
    recipe: Recipe

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return ", ".join(self.labels)


@dataclass(frozen=True)
class Plan:
    """What a sweep is to do.

    Attributes:
        name: of the grid.
        base: name of the recipe that it stands on; None where its file is complete.
        changes: of the command line, as `section.key=value`.
        axes: their names.
        measure: of each cell.
        cells: in the order of the table.
    """

    name: str
    base: str | None
    changes: tuple[str, ...]
    axes: tuple[str, ...]
    measure: Measure
    cells: tuple[Cell, ...]

    @property
    def title(self) -> str:
        """The grid, the recipe below it, and what was changed but for places and the like."""
        on = "" if self.base is None else f" on {self.base}"
        told = [text for text in self.changes if not set(flat(change(text))) <= OWN_KEYS | MACHINE_KEYS]
        changed = f", with {' '.join(told)}" if told else ""
        return f"{self.name}{on}{changed}"


def make_plan(name: str, changes: Sequence[str] = (), base: str | None = None) -> Plan:
    """Every cell of a grid as a recipe.

    Args:
        name: of a built-in table, or a YAML file.
        changes: `section.key=value`, of what the grid stands on.
        base: a recipe that takes the place of the file's own base.

    Raises:
        InputError: that lists every mistake at once, each with its key and the cells that have it.
    """
    path = find_grid(name)
    values = read_values(path)
    if "grid" not in values:
        raise InputError(f"{name} holds no grid; give it one, or train it with `untrimmed train {name}`")
    own = {key: value for key, value in values.items() if key not in ("grid", "measure")}
    if base is not None:
        own["base"] = str(find_recipe(base).resolve())
    below = own.get("base")
    title = Path(below).stem if isinstance(below, str) else None
    # A run is called as the recipe below it, of which its own is a variant.
    shared: dict[Any, Any] = {"name": title or path.stem} | on_base(own, path)
    shared = overridden(shared, changes, name)
    grid = read_grid(values, name)  # after the recipe, whose plugins may say what keys there are
    _require_effect(changes, grid, name)
    names = tuple(axis.name for axis in grid.axes)
    return Plan(path.stem, title, tuple(changes), names, grid.measure, _cells(grid, shared, name))


def find_grid(name: str) -> Path:
    """The file of a built-in table, or the YAML file of that path."""
    path = tables().get(name, Path(name))
    if path.is_file():
        return path
    try:
        find_recipe(name)
    except InputError:
        hint = did_you_mean(name, tables())
        raise InputError(
            f"there is no grid {name}: give a YAML file or one of {', '.join(tables())}{hint}"
        ) from None
    raise InputError(f"{name} holds no grid; give one of {', '.join(tables())} with --base {name}")


def _cells(grid: Grid, shared: dict[Any, Any], where: str) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    wrong: dict[str, list[str]] = {}
    total = 0
    for labels, changes in grid.cells():
        total += 1
        import_plugins(changes, [Path.cwd()], where)
        values = complete(merge(shared, changes), where)
        if grid.measure == "cost" and isinstance(values.get("data", {}), dict):
            values["data"] = NO_DATA | values.get("data", {})
        recipe = validated(values)
        if isinstance(recipe, Recipe):
            cells.append(Cell(labels, recipe))
        else:
            for sentence in recipe:
                wrong.setdefault(sentence, []).append(", ".join(labels))
    if wrong:
        of_all_first = sorted(wrong.items(), key=lambda item: len(item[1]) < total)
        raise InputError(told([_of_cells(sentence, those, total) for sentence, those in of_all_first], where))
    return tuple(cells)


def _of_cells(sentence: str, cells: Sequence[str], total: int) -> str:
    """A mistake with the cells that have it, unless all have."""
    if len(cells) == total:
        return sentence
    more = f" and {len(cells) - 1} more" if len(cells) > 1 else ""
    return f"cell {cells[0]}{more}: {sentence}"


def _require_effect(changes: Sequence[str], grid: Grid, where: str) -> None:
    """InputError for a change of a key that every cell sets anew."""
    by_all = set.intersection(*(set(flat(values)) for _, values in grid.cells()))
    found = [
        f"{text} would change nothing, because the grid sets {key}; leave it out"
        for text in changes
        for key in flat(change(text))
        if key in by_all
    ]
    if found:
        raise InputError(told(found, where))
