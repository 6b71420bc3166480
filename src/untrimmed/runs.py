"""What a run folder says of the run in it."""

from pathlib import Path

from untrimmed.config import Recipe
from untrimmed.errors import InputError
from untrimmed.recipes.loading import load_recipe


def recipe_of(run: Path) -> Recipe:
    """The recipe that the run in this folder was made with; InputError where there is none."""
    path = run / "recipe.yaml"
    if not path.is_file():
        raise InputError(f"{run} is no run folder: it holds no recipe.yaml; give the folder of a training")
    return load_recipe(str(path))
