"""What a run folder says of the run in it."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from untrimmed.config import Recipe
from untrimmed.errors import InputError
from untrimmed.recipes.built_in import built_in
from untrimmed.recipes.keys import written
from untrimmed.recipes.loading import load_own_recipe, load_recipe

#: Keys that say on what a run is computed, not what: they may change when it is taken up again.
MACHINE_KEYS = frozenset({"training.workers", "training.accelerator", "training.devices", "training.nodes"})
#: Keys that are each user's own, or that tell the runs of one recipe apart.
OWN_KEYS = frozenset(
    {"name", "data.annotations", "data.features", "data.videos", "detection.video_scores", "training.seed"}
)


def recipe_of(run: Path, plugins: Sequence[str] = ()) -> Recipe:
    """The recipe that the run in this folder was made with; InputError where there is none.

    Args:
        run: the folder.
        plugins: modules to import, which add the encoder or decoder of the recipe.
    """
    path = run / "recipe.yaml"
    if not path.is_file():
        raise InputError(f"{run} is no run folder: it holds no recipe.yaml; give the folder of a training")
    return load_own_recipe(path, plugins)


def changes_of(recipe: Recipe) -> tuple[str, ...]:
    """What a run changed in the built-in recipe of its name, as `section.key=value`; nothing for other recipes.

    Places, the seed, and what it was computed on are no changes.
    """
    if recipe.name not in built_in():
        return ()
    places = [f"data.annotations={recipe.data.annotations}", "data.features=features"]
    before, after = (flat(one.model_dump(mode="json")) for one in (load_recipe(recipe.name, places), recipe))
    return tuple(
        f"{key}={written(value)}"
        for key, value in after.items()
        if before.get(key) != value and key not in OWN_KEYS | MACHINE_KEYS
    )


def identity(recipe: Recipe) -> str:
    """16 hexadecimal digits of everything that a run comes from: not of its name, nor of what computes it."""
    values = flat(recipe.model_dump(mode="json"))
    matters = {key: value for key, value in values.items() if key not in MACHINE_KEYS | {"name"}}
    return hashlib.sha256(json.dumps(matters, sort_keys=True).encode()).hexdigest()[:16]


def flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, with dotted keys."""
    if not isinstance(values, dict):
        return {prefix: values}
    return {
        name: value
        for key, part in values.items()
        for name, value in flat(part, f"{prefix}.{key}" if prefix else str(key)).items()
    }
