"""From the name of a built-in recipe or a YAML file, and what the command line changes in it, to a Recipe."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError
from yaml import MarkedYAMLError, YAMLError

from untrimmed.config import Recipe
from untrimmed.errors import InputError
from untrimmed.files import read_text
from untrimmed.recipes.built_in import built_in, tables
from untrimmed.recipes.merging import laid_over, merge
from untrimmed.recipes.mistakes import did_you_mean, mistakes
from untrimmed.recipes.plugins import admit_plugins, import_plugins

#: What a recipe leaves to whoever uses it.
UNSET = "???"
#: Stands for {video} while YAML, to which that is a mapping, reads a change of the command line.
VIDEO = "__video__"


def find_recipe(name: str) -> Path:
    """The file of a built-in recipe or grid, or the YAML file of that path."""
    recipes = built_in()
    if name in recipes:
        return recipes[name]
    path = tables().get(name, Path(name))
    if path.is_file():
        return path
    known = ", ".join(recipes)
    raise InputError(
        f"there is no recipe {name}: give a YAML file or one of {known}{did_you_mean(name, recipes)}"
    )


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of this name or file, with `section.key=value` overrides on top.

    Raises:
        InputError: that lists every mistake at once, each with its key.
    """
    return completed(recipe_values(name), overrides, where=name)


def recipe_values(name: str) -> dict[str, Any]:
    """The nested dicts of the recipe of this name or file, on top of those of its base, as they stand there."""
    path = find_recipe(name)
    return {"name": path.stem} | on_base(read_values(path), path)


def completed(values: dict[str, Any], overrides: Sequence[str], where: str) -> Recipe:
    """The Recipe of such values with `section.key=value` overrides on top; `where` they are from, for errors."""
    return checked(complete(overridden(values, overrides, where), where), where)


def overridden(values: dict[Any, Any], overrides: Sequence[str], where: str) -> dict[Any, Any]:
    """Such values with `section.key=value` overrides on top, whose order does not count but for the same key."""
    changes = all_changes(overrides)
    import_plugins(changes, [Path.cwd()], where)
    merged: dict[Any, Any] = merge(values, changes)
    return merged


def load_own_recipe(path: Path, plugins: Sequence[str] = ()) -> Recipe:
    """The recipe of a run folder, which may be anybody's.

    Args:
        path: of the file, which names every key and no base.
        plugins: modules to import, which add the encoder or decoder of the recipe.

    Raises:
        InputError: as `load_recipe`; it needs a plugin that is not among these.
    """
    values = read_values(path)
    admit_plugins(values, plugins, where=str(path))
    return checked(complete(values, str(path)), where=str(path))


def on_base(values: dict[Any, Any], path: Path) -> dict[Any, Any]:
    """The nested dicts of the recipe in a file, on top of those of its `base` and of the bases below that.

    Raises:
        InputError: one of them is not there, is no recipe, or leads in a circle.
    """
    return _with_base(values, [path])


def complete(values: dict[Any, Any], where: str) -> Any:
    """Nested dicts that are ready to be checked: references resolved, and without what is left to the user."""
    return _without_unset(_resolved(values, where))


def _with_base(values: dict[Any, Any], above: list[Path]) -> dict[Any, Any]:
    """The values of a recipe on top of those of the one that it names as its `base`."""
    _refuse_grid(values, above[-1])
    own = {key: value for key, value in values.items() if key != "base"}
    below = _base(values["base"], above) if "base" in values else {}
    import_plugins(own, _places(above[-1]), str(above[-1]))  # which may say what keys there are
    merged: dict[Any, Any] = merge(below, own)
    return merged


def _base(base: Any, above: list[Path]) -> dict[Any, Any]:
    """The values of the recipe that the last one names as its `base`."""
    if not isinstance(base, str):
        raise InputError(f"{above[-1]}: base must be the name of a recipe, or a YAML file")
    beside = above[-1].parent / base
    path = beside if base not in built_in() and beside.is_file() else find_recipe(base)
    if path in above:
        raise InputError(f"{above[-1]}: base leads in a circle: {' to '.join(map(str, [*above, path]))}")
    return _with_base(read_values(path), [*above, path])


def _places(path: Path) -> list[Path]:
    """Where the modules of a user may lie: beside a recipe that is not built in, and in the working directory."""
    ours = path in (*built_in().values(), *tables().values())
    return [Path.cwd()] if ours else [path.parent, Path.cwd()]


def _refuse_grid(values: dict[Any, Any], path: Path) -> None:
    if "grid" in values:
        name = path.stem if path in tables().values() else path
        raise InputError(f"{name} is a grid of recipes, not one: run it with `untrimmed sweep {name}`")


def checked(values: Any, where: str) -> Recipe:
    """The Recipe of nested dicts; `where` they come from is named in errors.

    A value must be of its key's type: text is not taken for a number, nor a number for true or false.
    """
    recipe = validated(values)
    if isinstance(recipe, Recipe):
        return recipe
    raise InputError(told(recipe, where))


def validated(values: Any) -> Recipe | list[str]:
    """The Recipe of nested dicts, or what is wrong with them, a sentence each."""
    try:
        # Strict, but through JSON, in which a list may be a pair and text a path.
        return Recipe.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        return mistakes(error, values)


def told(found: Sequence[str], where: str) -> str:
    """Mistakes of a file as one message."""
    if len(found) == 1:
        return f"{where}: {found[0]}"
    return f"{where} has {len(found)} mistakes:" + "".join(f"\n  {mistake}" for mistake in found)


def as_yaml(recipe: Recipe) -> str:
    """The recipe with every key, as a recipe file."""
    return OmegaConf.to_yaml(OmegaConf.create(recipe.model_dump(mode="json")))


def read_values(path: Path) -> dict[Any, Any]:
    """The nested dicts of a YAML file as they stand in it; InputError where it is no recipe at all."""
    text = read_text(path)
    try:
        # OmegaConf reads 1e-3 as a number and refuses a key that stands twice; PyYAML alone does neither.
        config = OmegaConf.create(text)
        values = OmegaConf.to_container(config)
    except YAMLError as error:
        hint = "; put a value that begins with {video} in quotes" if ": {video}" in text else ""
        raise InputError(f"{path} is not valid YAML{_said(error)}{hint}") from error
    except (OmegaConfBaseException, TypeError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a recipe: {_first_line(error)}") from error
    # A text of one word is read as a key without a value.
    is_word = bool(values) and ":" not in text
    if not isinstance(config, DictConfig) or not isinstance(values, dict) or is_word:
        raise InputError(f"{path} is not a recipe: its top level must hold sections such as data and model")
    return values


def all_changes(overrides: Sequence[str]) -> dict[str, Any]:
    """What all of several `section.key=value` change, as nested dicts."""
    changes: dict[str, Any] = {}
    for text in overrides:
        changes = laid_over(changes, change(text))
    return changes


def change(text: str) -> dict[str, Any]:
    """What `section.key=value` changes, as nested dicts."""
    name, equals, value = text.partition("=")
    parts = name.strip().split(".")
    if not equals or "" in parts:
        raise InputError(f"{text!r} changes nothing in a recipe: write it as section.key=value")
    try:
        read = OmegaConf.from_dotlist([f"value={value.replace('{video}', VIDEO)}"])
        nested = _with_video(OmegaConf.to_container(read))
    except YAMLError as error:
        raise InputError(
            f"the value of {text!r} is not valid YAML; is a bracket or a quote not closed?"
        ) from error
    except (OmegaConfBaseException, TypeError, ValueError) as error:
        raise InputError(f"{text!r} cannot be read: {_first_line(error)}") from error
    nested = nested["value"]
    for part in reversed(parts):
        nested = {part: nested}
    return dict(nested)


def _with_video(value: Any) -> Any:
    if isinstance(value, dict):
        return {_with_video(key): _with_video(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_video(part) for part in value]
    return value.replace(VIDEO, "{video}") if isinstance(value, str) else value


def _resolved(values: Any, where: str) -> Any:
    """With what ${...} refers to in its place."""
    try:
        return OmegaConf.to_container(OmegaConf.create(values), resolve=True)
    except (OmegaConfBaseException, TypeError, ValueError) as error:
        raise InputError(f"{where}: a ${{...}} in it leads nowhere: {_first_line(error)}") from error


def _without_unset(values: Any) -> Any:
    """Without the keys that a recipe leaves to the user; validation names them."""
    if isinstance(values, dict):
        return {key: _without_unset(value) for key, value in values.items() if value != UNSET}
    return values


def _said(error: YAMLError) -> str:
    """Where YAML is broken, and how."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return f": {_first_line(error)}"
    mark = error.problem_mark
    return f" at line {mark.line + 1}, column {mark.column + 1}: {error.problem}"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
