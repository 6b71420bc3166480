"""Modules of a user's own, which add encoders and decoders: when they are imported, and where they are found.

To import a module is to run it. A recipe that somebody gives to a command is theirs to run, and so are its
plugins. A checkpoint, or a run folder, may come from anybody: what it names is imported only where the user names
it too, or where an installed package has declared it as a plugin of untrimmed.
"""

import logging
import re
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from traceback import extract_tb
from typing import Any

from untrimmed.config.model import ModelSection
from untrimmed.errors import InputError
from untrimmed.recipes.keys import kinds_of

logger = logging.getLogger(__name__)

#: Under which a package declares the modules that a checkpoint may have imported.
ENTRY_POINTS = "untrimmed.plugins"
#: What a module is called, with the packages that it is in.
MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
OUR_CODE = Path(__file__).parents[1]


def import_plugins(values: dict[Any, Any], places: Sequence[Path], where: str) -> None:
    """Import the modules in the `plugins` of a recipe that the user gives.

    Args:
        values: the nested dicts of the recipe.
        places: folders in which modules may lie that are not installed.
        where: the recipe as errors name it.

    Raises:
        InputError: one is not there, or fails.
    """
    for name in _names(values):
        _import(name, places, where)


def admit_plugins(values: dict[Any, Any], allowed: Sequence[str], where: str) -> None:
    """Import what is allowed, so that the kinds exist that a recipe from a checkpoint or a run folder names.

    Args:
        values: the nested dicts of the recipe.
        allowed: modules that the user names.
        where: the recipe as errors name it.

    Raises:
        InputError: a module is needed that is not allowed; one is not there, or fails.
    """
    for name in allowed:
        _import(name, [Path.cwd()], where)
    if not (unknown := _unknown_kinds(values)):
        return
    declared = {point.value for point in entry_points(group=ENTRY_POINTS)}
    for name in _names(values):
        if name in declared:
            _import(name, [], where)
        elif name not in sys.modules:
            raise InputError(
                f"{where} needs the plugin {name} ({', '.join(unknown)}); to import it is to run it, so say that "
                f'you trust it: --plugin {name}, or in Python plugins=["{name}"]'
            )


def places_of(names: Sequence[str]) -> list[Path]:
    """The folders in which imported plugins were found, for another process that is to import them."""
    files = [getattr(sys.modules.get(name.partition(".")[0]), "__file__", None) for name in names]
    paths = [Path(file).resolve() for file in files if file is not None]
    return [path.parents[1] if path.name == "__init__.py" else path.parent for path in paths]


def _names(values: dict[Any, Any]) -> list[str]:
    """What the recipe names, but for what is not text, of which validation tells."""
    names = values.get("plugins")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _unknown_kinds(values: dict[Any, Any]) -> list[str]:
    """The parts of the model that are of a kind which does not exist, such as "model.encoder.kind is mine"."""
    model = values.get("model")
    found = []
    for part, field in ModelSection.model_fields.items():
        kinds, section = kinds_of(field), model.get(part) if isinstance(model, dict) else None
        if kinds is not None and isinstance(section, dict) and kinds.kind_of(section) is None:
            found.append(f"model.{part}.kind is {section['kind']}")
    return found


def _import(name: str, places: Sequence[Path], where: str) -> None:
    """Import a module that is installed, or lies in one of the places."""
    if not MODULE.fullmatch(name) or name.endswith(".py"):
        raise InputError(f"{where}: {name!r} is no plugin: name the module, as in my_encoders for my_encoders.py")
    top = name.partition(".")[0]
    own = next(_files(top, places), None)
    if own is not None and str(own[0]) not in sys.path:
        # For good, since loader processes and those of a training look there too; last, to hide nothing.
        sys.path.append(str(own[0]))
    try:
        import_module(name)
    except (Exception, SystemExit) as error:
        raise InputError(f"{where}: {_failure(name, error)}") from error
    taken = getattr(sys.modules[top], "__file__", None)
    if own is not None and taken is not None and Path(taken).resolve() != own[1]:
        logger.warning("the plugin %s is %s, which hides %s; rename one of them", top, taken, own[1])


def _files(top: str, places: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """The places that hold a module or package of this name, with its file."""
    for place in places:
        for file in (place / top / "__init__.py", place / f"{top}.py"):
            if file.is_file():
                yield place.resolve(), file.resolve()


def _failure(name: str, error: BaseException) -> str:
    """Why a module could not be imported, and what to do."""
    if (
        isinstance(error, ModuleNotFoundError)
        and error.name is not None
        and f"{name}.".startswith(f"{error.name}.")
    ):
        return (
            f"there is no module {error.name} for the plugin {name}; install its package, or put its file into "
            "the working directory"
        )
    lines = str(error).strip().splitlines()
    said = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return f"the plugin {name} fails while it is imported{_place(error)}: {said}"


def _place(error: BaseException) -> str:
    """The line of the plugin at which it failed."""
    if isinstance(error, SyntaxError):
        return f" at {error.filename}:{error.lineno}"
    # The body of the innermost module that was being imported, whatever it then called.
    bodies = [
        frame
        for frame in extract_tb(error.__traceback__)
        if frame.name == "<module>" and OUR_CODE not in Path(frame.filename).parents
    ]
    return f" at {bodies[-1].filename}:{bodies[-1].lineno}" if bodies else ""
