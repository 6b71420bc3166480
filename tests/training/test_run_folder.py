import pickle
from pathlib import Path

import pytest
import torch

from untrimmed.errors import InputError
from untrimmed.recipes.loading import load_recipe
from untrimmed.training.run_folder import RunFolder


@pytest.fixture
def begun(tmp_path: Path, recipe_for) -> RunFolder:
    """A folder in which a run of the usual recipe was begun."""
    folder = RunFolder(tmp_path / "run")
    assert not folder.begin(recipe_for())
    return folder


def test_looking_whether_a_run_may_begin_leaves_nothing_behind(tmp_path, recipe_for):
    RunFolder(tmp_path / "runs" / "new").check(recipe_for(), resume=False)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_holds_the_whole_recipe(begun, recipe_for):
    assert load_recipe(str(begun.recipe)) == recipe_for()


def test_there_is_something_to_go_on_from_once_a_state_was_written(begun, recipe_for):
    torch.save({"epoch": 1}, begun.resume)
    assert begun.begin(recipe_for())


def test_a_run_is_not_overwritten(begun, recipe_for):
    with pytest.raises(InputError, match="holds a run already: add --resume"):
        begun.check(recipe_for(), resume=False)


def test_a_run_goes_on_with_the_same_recipe(begun, recipe_for):
    begun.check(recipe_for(), resume=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 4}, r"training\.epochs was 3 and is 4;"),
        ({"seed": 1}, r"training\.seed was 0 and is 1;"),
        (
            {"loss": {"classification": "focal"}},
            r"training\.loss\.classification was 'varifocal' and is 'focal';",
        ),
        ({"crop_ratio": None}, r"training\.crop_ratio was \[0\.9, 1\.0\] and is None;"),
        (
            {"data": {"hold_out": {"folds": 3}}},
            r"data\.hold_out\.fold was None and is 0, .*data\.hold_out\.folds was None and is 3, "
            r"data\.validation_subset was 'validation' and is None;",
        ),
    ],
)
def test_a_run_does_not_go_on_with_another_recipe_and_says_which_keys_differ(begun, recipe_for, changes, message):
    with pytest.raises(InputError, match=message):
        begun.check(recipe_for(**changes), resume=True)


def test_what_a_run_is_computed_on_may_change(begun, recipe_for):
    other_machine = recipe_for(workers=2, accelerator="auto", devices=2, nodes=2)
    begun.check(other_machine, resume=True)
    begun.begin(other_machine)
    assert load_recipe(str(begun.recipe)) == other_machine


def test_keys_are_named_together_with_the_machine_left_out(begun, recipe_for):
    with pytest.raises(InputError) as error:
        begun.check(recipe_for(devices=2, learning_rate=1.0, batch_size=2), resume=True)
    assert "training.batch_size was 4 and is 2, training.learning_rate was 0.003 and is 1.0;" in str(error.value)
    assert "devices" not in str(error.value)


@pytest.mark.parametrize("content", ["{", "- a list", ""])
def test_a_recipe_that_was_broken_in_the_folder_is_an_error_of_one_sentence(begun, recipe_for, content):
    begun.recipe.write_text(content)
    with pytest.raises(InputError, match=str(begun.path)):
        begun.check(recipe_for(), resume=True)


class Code:
    """A pickle that leaves a file behind when it is executed."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_code_in_a_state_is_refused_and_not_executed(begun, recipe_for, tmp_path):
    torch.save({"epoch": 1, "code": Code(tmp_path / "executed")}, begun.resume)
    with pytest.raises(InputError, match=r"resume\.ckpt is broken"):
        begun.check(recipe_for(), resume=True)
    assert not (tmp_path / "executed").exists()
    pickle.loads(pickle.dumps(Code(tmp_path / "executed")))
    assert (tmp_path / "executed").exists()


def test_a_state_cut_in_half_is_refused(begun, recipe_for):
    torch.save({"weights": torch.zeros(1000)}, begun.resume)
    begun.resume.write_bytes(begun.resume.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"resume\.ckpt is broken"):
        begun.check(recipe_for(), resume=True)


def test_metrics_are_rows_of_a_table_with_gaps_where_an_epoch_has_none(begun):
    assert begun.read_metrics() == []
    begun.write_metrics([{"epoch": 1, "loss": 0.1 + 0.2}, {"epoch": 2, "loss": 1e-8, "map": 0.5}])
    assert begun.metrics.read_text() == "epoch,loss,map\n1,0.30000000000000004,\n2,1e-08,0.5\n"
    rows = begun.read_metrics()
    assert rows == [
        {"epoch": "1", "loss": "0.30000000000000004", "map": ""},
        {"epoch": "2", "loss": "1e-08", "map": "0.5"},
    ]
    begun.write_metrics(rows)
    assert begun.read_metrics() == rows
