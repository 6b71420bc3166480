"""A checkpoint of a released system to one of ours."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from untrimmed.checkpoint import Checkpoint
from untrimmed.config import Recipe
from untrimmed.errors import InputError
from untrimmed.models.build import build_detector
from untrimmed.models.detector import ActionDetector
from untrimmed.released import opentad
from untrimmed.released.class_names import class_names
from untrimmed.released.common import classes, input_dim
from untrimmed.released.container import RAW, read_weights
from untrimmed.released.loading import load_strictly, translated
from untrimmed.released.recipe import recipe_for
from untrimmed.released.system import Shapes, State, System
from untrimmed.released.systems import SYSTEMS, Known, choose

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Imported:
    """A checkpoint, and how it came about.

    Attributes:
        checkpoint: with the weights.
        recognised: what the file is, in words.
        told: what its shapes tell, in words.
        untold: a line for each key that they do not tell: its value, and who says so.
        classes_from: where the names of the classes are from, in words.
        left_out: names of tensors in the file that are no weights, or that the system itself makes nothing of.
    """

    checkpoint: Checkpoint
    recognised: str
    told: str
    untold: tuple[str, ...]
    classes_from: str
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Read:
    """What is in a file: whose it is, and its tensors by the names of the release."""

    system: System
    tensors: State
    theirs: Mapping[str, str]
    recognised: str
    left_out: tuple[str, ...]


def import_weights(
    path: Path,
    *,
    system: str | None = None,
    recipe: str | None = None,
    overrides: Sequence[str] = (),
    padding: Literal["own", "release"] | None = None,
    classes_file: Path | None = None,
    known: Sequence[Known] = SYSTEMS,
) -> Imported:
    """Read a checkpoint of a release, or of OpenTAD, and build the network that it is of.

    Args:
        path: the file; nothing in it is executed.
        system: the name of the system, None: whichever it looks like.
        recipe: the name or file of a recipe that says what shapes do not: data, detection, windows.
        overrides: `section.key=value`, on top of everything.
        padding: release: computed as in the release, padding included; own: without it (rule 1). None: as the
            recipe says, or release.
        classes_file: names of the classes: annotations, or one a line.
        known: all systems.

    Raises:
        InputError: the file is broken, of no known system, or does not fit the network in every tensor.
    """
    read = _read(path, system, known)
    weights = translated(read.tensors, read.system, read.theirs, where=str(path))
    shapes = {name: tuple(tensor.shape) for name, tensor in read.tensors.items()}
    model, count, dimension = _told(read.system, shapes, path)
    told: dict[str, Any] = {"model": model, "data": {"dimension": dimension}}
    full, sources = recipe_for(
        _settings(read.system, is_any_action=count == 1 and classes_file is None),
        told,
        recipe=recipe,
        overrides=overrides,
        padding=padding,
        where=str(path),
    )
    if ignored := sources.contradicted():
        logger.warning("the checkpoint counts where it differs from the recipe: %s", "; ".join(ignored))
    detector = _built(full, dimension, count, path)
    load_strictly(detector, weights, where=str(path), against=sources.changed())
    names, source = class_names(count, full.data, classes_file)
    return Imported(
        Checkpoint(detector.eval(), full, names, dimension),
        read.recognised,
        _in_words(detector, model, count, dimension),
        tuple(sources.untold(full)),
        source,
        (*read.left_out, *weights.unused),
    )


def _read(path: Path, name: str | None, known: Sequence[Known]) -> _Read:
    """The tensors of a file by the names of the release that it is of."""
    weights = read_weights(path)
    if weights.source == RAW:
        logger.warning("%s holds no averaged weights, which the releases evaluate: the raw ones are taken", path)
    tensors: State = weights.tensors
    theirs: dict[str, str] = {}
    left_out: tuple[str, ...] = ()
    is_opentad = opentad.is_opentad(tensors)
    if is_opentad:
        renamed = opentad.renamed(tensors)
        tensors, theirs = renamed.tensors, renamed.theirs
        left_out = renamed.left_out
    system = choose(tensors, name, str(path), known)
    if is_opentad:
        logger.warning("%s", opentad.warning(system.name, str(path)))
    saved_by = f", saved by {opentad.NAME}" if is_opentad else ""
    recognised = f"{weights.described} of {system.name}{saved_by}"
    return _Read(system, system.prepared(tensors), theirs, recognised, left_out)


def _told(system: System, shapes: Shapes, path: Path) -> tuple[dict[str, Any], int, int]:
    """The model section, K and D, as far as shapes tell."""
    try:
        return system.model(shapes), classes(shapes), input_dim(shapes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except KeyError as error:
        raise InputError(
            f"{path} looks like a checkpoint of {system.name}, but has no tensor {error.args[0]}; is it whole?"
        ) from error
    except (IndexError, TypeError, ValueError) as error:
        raise InputError(f"the tensors in {path} do not have the shapes of {system.name}: {error}") from error


def _settings(system: System, is_any_action: bool) -> dict[str, Any]:
    """Those of the system; one class that nobody names is any action."""
    data = {"class_agnostic": True} if is_any_action else {}
    return {"name": system.name, **system.settings, "data": data}


def _built(recipe: Recipe, dimension: int, count: int, path: Path) -> ActionDetector:
    """The network of a recipe, with random weights."""
    try:
        return build_detector(recipe.model, input_dim=dimension, classes=count)
    except ValueError as error:
        raise InputError(
            f"no network can be built for {path}: {error}; change that key on the command line"
        ) from error


def _in_words(detector: ActionDetector, model: Mapping[str, Any], count: int, dimension: int) -> str:
    """What the shapes tell."""
    parameters = sum(one.numel() for one in detector.parameters())
    return (
        f"features of {dimension} values, {model['channels']} channels, {model['levels']} levels, "
        f"{count} {'class' if count == 1 else 'classes'}, {parameters:,} parameters"
    )
