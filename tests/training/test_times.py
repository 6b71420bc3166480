"""How long each epoch took, over all sessions of a run."""

import pytest

from untrimmed.training.fit import Stopped, train
from untrimmed.training.module import DetectorTraining
from untrimmed.training.run_folder import RunFolder


def test_each_whole_epoch_has_its_time(trained: RunFolder) -> None:
    times = trained.read_times()
    assert [epoch for epoch, _ in times] == [1, 2, 3]
    assert all(seconds > 0 for _, seconds in times)


def test_a_run_that_goes_on_keeps_the_times_before(tmp_path, recipe_for, monkeypatch) -> None:
    original, calls = DetectorTraining.training_step, []

    def interrupted(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(DetectorTraining, "training_step", interrupted)
    with pytest.raises(Stopped):
        train(recipe_for(), tmp_path / "run")
    monkeypatch.undo()
    before = RunFolder(tmp_path / "run").read_times()
    assert [epoch for epoch, _ in before] == [1]
    after = train(recipe_for(), tmp_path / "run", resume=True).read_times()
    assert [epoch for epoch, _ in after] == [1, 2, 3]
    assert after[0] == before[0]
