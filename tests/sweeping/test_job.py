"""One run, from its recipe to its result."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from untrimmed.errors import UntrimmedError
from untrimmed.judging import Question, judge
from untrimmed.recipes.loading import load_recipe
from untrimmed.sweeping.job import Job, attempt, perform
from untrimmed.sweeping.plan import Plan, make_plan
from untrimmed.sweeping.result import read_result
from untrimmed.training.fit import Stopped
from untrimmed.training.module import DetectorTraining
from untrimmed.training.run_folder import Keeping, RunFolder


@pytest.fixture
def job(place: Path) -> Job:
    return Job.of(load_recipe("tiny.yaml"), place / "runs", "test", ["0.3:0.7:0.1"])


def test_a_job_arrives_in_another_process_as_it_is(job: Job) -> None:
    assert Job.from_json(job.to_json()) == job
    assert "\n" not in job.to_json()


def test_a_run_leaves_its_evaluation(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    perform(job)
    assert job.is_done
    result = read_result(job.folder)
    assert result is not None
    expected = judge(Question(job.folder, subset="test"))
    (judged,) = result.evaluations
    assert judged.average_map == expected.average_map
    assert judged.mean_average_precision == tuple(expected.mean_average_precision)
    assert result.training_seconds == sum(seconds for _, seconds in RunFolder(job.folder).read_times()) > 0
    # A second list of thresholds is judged, without training anything.
    monkeypatch.delattr(DetectorTraining, "training_step")
    before = RunFolder(job.folder).last.read_bytes()
    more = replace(job, tiou=("0.3:0.7:0.1", "0.1"))
    assert not more.is_done
    perform(more)
    assert more.is_done
    assert RunFolder(job.folder).last.read_bytes() == before
    again = read_result(job.folder)
    assert again is not None
    assert again.evaluations[0] == judged
    assert again.evaluations[1].tiou_thresholds == (0.1,)


def test_a_run_that_was_stopped_goes_on_even_if_its_recipe_has_another_name(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, calls = Keeping._save_models, list[int]()

    def interrupted(*arguments: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        save(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Keeping, "_save_models", interrupted)
    with pytest.raises(Stopped):
        attempt(job)
    assert not job.is_done
    monkeypatch.setattr(Keeping, "_save_models", save)
    renamed = replace(job, recipe=job.recipe.model_copy(update={"name": "other"}))
    assert attempt(renamed) is None
    assert renamed.is_done
    assert [row["epoch"] for row in RunFolder(job.folder).read_metrics()] == ["1", "2"]
    assert [epoch for epoch, _ in RunFolder(job.folder).read_times()] == [1, 2]


def test_why_a_run_failed_is_said_and_stands_in_its_log(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    features = Path("task/features")
    features.rename("task/hidden")
    said = attempt(job)
    assert said is not None
    assert "task/features" in said
    assert said in (job.folder / "log.txt").read_text()
    Path("task/hidden").rename(features)
    monkeypatch.setattr("untrimmed.judging.judge", lambda question: 1 / 0)
    assert str(attempt(job)).startswith("ZeroDivisionError: division by zero; where in the code it happened")
    assert "Traceback" in (job.folder / "log.txt").read_text()
    assert not job.is_done


def test_a_video_that_cannot_be_read_fails_the_run(job: Job) -> None:
    Path("task/features/sequence-003.npy").write_bytes(b"nothing")
    with pytest.raises(UntrimmedError, match=r"sequence-003"):
        perform(job)
    assert not job.is_done


def test_jobs_of_cells_have_folders_of_their_own(planned: Callable[..., Plan]) -> None:
    cells = planned("grid: {model.levels: [1, 2]}").cells
    folders = {Job.of(cell.recipe, Path("runs"), "test", ["0.5"]).folder for cell in cells}
    assert len(folders) == 2
    assert all(folder.is_absolute() and folder.parent == Path("runs").resolve() for folder in folders)


OWN_ENCODER = """\
from typing import Literal
from untrimmed.config.encoders import EncoderSection
from untrimmed.models.encoders.gmg import GMGEncoder
from untrimmed.plugins import add_encoder

class Own(EncoderSection):
    kind: Literal["own"] = "own"

add_encoder(Own, lambda own, model: GMGEncoder(model.channels, model.levels, hidden=8))
"""


@pytest.mark.usefixtures("no_new_kinds")
def test_a_process_finds_the_plugins_where_the_sweep_has_found_them(place: Path) -> None:
    Path("grids").mkdir()
    Path("grids/own_encoder_of_a_grid.py").write_text(OWN_ENCODER)
    Path("grids/grid.yaml").write_text(
        "base: ../tiny.yaml\nplugins: [own_encoder_of_a_grid]\n"
        "grid: {encoder: {theirs: {}, own: {model.encoder.kind: own}}}\n"
    )
    plan = make_plan("grids/grid.yaml")
    jobs = [Job.of(cell.recipe, Path("runs"), "test", ["0.5"]) for cell in plan.cells]
    program = "import sys; from untrimmed.sweeping.job import Job; print(Job.from_json(sys.stdin.read()).recipe)"
    Path("elsewhere").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=jobs[1].to_json(),
        capture_output=True,
        text=True,
        cwd="elsewhere",
    )
    assert "encoder=Own(kind='own')" in done.stdout, done.stderr
