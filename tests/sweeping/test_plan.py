"""From a grid to the recipes of its cells, and which of these are one run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from untrimmed.config.encoders import GMGSection
from untrimmed.errors import InputError
from untrimmed.recipes.built_in import tables
from untrimmed.recipes.loading import load_recipe
from untrimmed.runs import identity
from untrimmed.sweeping.plan import Plan, make_plan

PLACES = ("data.annotations=a.json", "data.features=f")
#: The rows that each table of the paper has; that of the encoders here has one more.
ROWS = {6: 7, 7: 2, 8: 2, 9: 8, 10: 4, 11: 3, 12: 3, 13: 6, 14: 8, 15: 5}


def test_every_table_of_the_paper_is_there() -> None:
    assert list(tables()) == [f"table-{number}" for number in ROWS]


@pytest.mark.parametrize("base", [None, "hapt", "thumos14-i3d", "activitynet-tsp", "epic-verb-slowfast"])
@pytest.mark.parametrize("number", ROWS)
def test_a_table_of_the_paper_stands_on_any_recipe(number: int, base: str | None) -> None:
    plan = make_plan(f"table-{number}", PLACES, base)
    assert len(plan.cells) == ROWS[number]
    assert plan.measure == ("cost" if number == 15 else "accuracy")
    # Table 9 has the row of the paper's own choice in both halves.
    assert len({identity(cell.recipe) for cell in plan.cells}) == len(plan.cells) - (number == 9)
    for cell in plan.cells:
        assert cell.recipe.name == plan.base == (base or plan.base)
        below = load_recipe(str(plan.base), PLACES)
        assert cell.recipe.data == below.data
        assert cell.recipe.detection == below.detection


@pytest.mark.parametrize("number", [number for number in ROWS if number not in (14, 15)])
def test_a_table_holds_the_recipe_that_it_stands_on(number: int) -> None:
    own = identity(load_recipe("thumos14-internvideo2"))
    assert own in {identity(cell.recipe) for cell in make_plan(f"table-{number}").cells}


def test_ranges_of_the_base_do_not_hinder_another_number_of_levels() -> None:
    assert load_recipe("epic-verb-slowfast").training.regression_ranges is not None
    for cell in make_plan("table-14", base="epic-verb-slowfast").cells:
        assert cell.recipe.training.regression_ranges is None


def test_a_cell_of_another_kind_keeps_what_both_kinds_have(planned: Callable[..., Plan]) -> None:
    plan = planned("grid: {model.encoder.kind: [sgp, gmg]}", "model.encoder.hidden=32")
    sgp, gmg = (cell.recipe.model.encoder for cell in plan.cells)
    assert (sgp.kind, sgp.model_dump()["hidden"]) == ("sgp", 32)
    assert isinstance(gmg, GMGSection)
    assert (gmg.hidden, gmg.stem_blocks) == (32, 1)


def test_a_key_that_the_kind_of_another_axis_does_not_have_is_told(planned: Callable[..., Plan]) -> None:
    with pytest.raises(InputError, match=r"cell 4, sgp: model.encoder.heads is not a key of a recipe"):
        planned("grid:\n  model.encoder.heads: [4]\n  model.encoder.kind: [sgp, gmg]")


def test_sections_beside_the_grid_stand_on_the_base_and_changes_on_both(planned: Callable[..., Plan]) -> None:
    plan = planned("training: {epochs: 7, batch_size: 3}\ngrid: {model.levels: [1, 2]}", "training.epochs=9")
    assert [cell.recipe.model.levels for cell in plan.cells] == [1, 2]
    assert {(cell.recipe.training.epochs, cell.recipe.training.batch_size) for cell in plan.cells} == {(9, 3)}
    assert plan.title == "grid on tiny, with training.epochs=9"


def test_another_base_takes_the_place_of_that_in_the_file(place: Path) -> None:
    Path("grid.yaml").write_text("base: nowhere\ngrid: {model.levels: [3]}")
    (cell,) = make_plan("grid.yaml", base="tiny.yaml").cells
    assert (cell.recipe.name, cell.recipe.model.channels) == ("tiny", 16)


def test_a_mistake_of_all_cells_is_told_once_and_others_with_their_cells(planned: Callable[..., Plan]) -> None:
    with pytest.raises(InputError) as error:
        planned("training: {epoch: 3}\ngrid: {model.levels: [0, 1, -1], model.channels: [16, 32]}")
    assert str(error.value).splitlines() == [
        "grid.yaml has 3 mistakes:",
        "  training.epoch is not a key of a recipe; did you mean training.epochs?",
        "  cell 0, 16 and 1 more: model.levels is 0, but must be a whole number at least 1",
        "  cell -1, 16 and 1 more: model.levels is -1, but must be a whole number at least 1",
    ]


def test_a_change_that_every_cell_sets_anew_is_refused(planned: Callable[..., Plan]) -> None:
    with pytest.raises(
        InputError, match=r"model.levels=3 would change nothing, because the grid sets model.levels"
    ):
        planned("grid: {model.levels: [1, 2]}", "model.levels=3")
    some = "grid: {size: {small: {model.levels: 1}, own: {}}}"
    assert [cell.recipe.model.levels for cell in planned(some, "model.levels=3").cells] == [1, 3]


def test_a_grid_is_no_recipe_nor_the_base_of_one(planned: Callable[..., Plan]) -> None:
    planned("grid: {model.levels: [1, 2]}")
    with pytest.raises(
        InputError, match=r"grid.yaml is a grid of recipes, not one: run it with `untrimmed sweep"
    ):
        load_recipe("grid.yaml")
    with pytest.raises(InputError, match=r"^table-6 is a grid of recipes"):
        load_recipe("table-6")
    Path("above.yaml").write_text("base: grid.yaml\n")
    with pytest.raises(InputError, match="is a grid of recipes"):
        load_recipe("above.yaml")


def test_what_costs_are_measured_of_needs_no_data() -> None:
    assert len(make_plan("table-15", base="hapt").cells) == 5
    with pytest.raises(InputError, match=r"data.features is not set"):
        make_plan("table-7", base="hapt")


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ("name=other", True),
        ("training.workers=3", True),
        ("training.accelerator=cpu", True),
        ("training.seed=1", False),
        ("model.levels=3", False),
        ("model.encoder.gated=false", False),
        ("data.features=elsewhere", False),
        ("detection.threshold=0.1", False),
        ("training.batch_size=2", True),  # as it is
    ],
)
def test_a_run_is_the_same_unless_its_recipe_differs_in_what_matters(change: str, is_same: bool) -> None:
    one, other = load_recipe("hapt", PLACES), load_recipe("hapt", [*PLACES, change])
    assert (identity(one) == identity(other)) is is_same
