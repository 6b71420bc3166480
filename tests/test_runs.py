from pathlib import Path

import pytest

from untrimmed.errors import InputError
from untrimmed.recipes.loading import as_yaml, load_recipe
from untrimmed.runs import changes_of, recipe_of


def test_a_run_folder_gives_its_recipe(tmp_path: Path) -> None:
    recipe = load_recipe("demo", ["training.seed=3"])
    (tmp_path / "recipe.yaml").write_text(as_yaml(recipe))
    assert recipe_of(tmp_path) == recipe


def test_a_folder_without_a_recipe_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no run folder: it holds no recipe"):
        recipe_of(tmp_path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([], ()),
        (["training.seed=7", "data.annotations=mine.json", "data.features=there", "training.workers=2"], ()),
        (["training.epochs=2", "model.levels=4"], ("model.levels=4", "training.epochs=2")),
        (["data.resample_to=null", "training.clip_norm=null"], ("training.clip_norm=null",)),
    ],
)
def test_what_a_run_changes_in_its_recipe_is_told_but_for_places_seed_and_machine(
    changes: list[str], told: tuple[str, ...]
) -> None:
    assert changes_of(load_recipe("demo", changes)) == told


def test_recipes_that_are_not_built_in_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("base: demo\ntraining: {epochs: 2}\n")
    assert changes_of(load_recipe(str(tmp_path / "mine.yaml"))) == ()
