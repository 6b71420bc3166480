"""Whole trainings of a network of 16 channels on a few short videos."""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from untrimmed.annotations.formats import read_annotations
from untrimmed.checkpoint import load_checkpoint
from untrimmed.config import Recipe
from untrimmed.detection.loading import load
from untrimmed.detection.localizer import collect
from untrimmed.detection.result_files import read_detections
from untrimmed.errors import InputError
from untrimmed.evaluation.evaluator import evaluate
from untrimmed.evaluation.thresholds import parse_tiou
from untrimmed.features.source import Source
from untrimmed.models.rows import RowConvolution
from untrimmed.recipes.loading import load_recipe
from untrimmed.training import validation
from untrimmed.training.criterion import CountNormalizer, RunningNormalizer
from untrimmed.training.fit import build_criterion, doubling_ranges, train
from untrimmed.training.losses import focal_loss, giou_loss, released_varifocal_loss, varifocal_loss
from untrimmed.training.module import DetectorTraining
from untrimmed.training.run_folder import RunFolder
from untrimmed.training.simota import SimOTA
from untrimmed.training.targets import CenterSampling
from untrimmed.training.validation import Validation


def numbers(folder: RunFolder, name: str) -> list[float]:
    """A column of the metrics."""
    return [float(row[name]) for row in folder.read_metrics()]


# From a recipe to losses


def test_the_ranges_of_levels_double_and_the_last_has_no_end():
    assert doubling_ranges(1) == [(0, math.inf)]
    assert doubling_ranges(4) == [(0, 4), (4, 8), (8, 16), (16, math.inf)]


def test_the_losses_are_those_of_the_recipe(recipe_for):
    loss = {"classification": "focal", "regression": "giou", "normalizer": "counts", "quality_power": 0.7}
    changes = {"regression_ranges": [[0, 6], [6, 12], [12, None]], "center_radius": 2.5}
    criterion = build_criterion(recipe_for(loss=loss, **changes).training, levels=3)
    assert criterion.class_loss.func is focal_loss
    assert criterion.class_loss.keywords == criterion.coarse_class_loss.keywords == {"smoothing": 0.0}
    assert criterion.distance_loss is giou_loss
    assert isinstance(criterion.normalizer, CountNormalizer)
    assert criterion.quality_power == 0.7
    assert criterion.assignment.radius == 2.5
    assert list(criterion.assignment.regression_ranges) == [(0, 6), (6, 12), (12, math.inf)]
    loss = {"initial_normalizer": 7.0, "label_smoothing": 0.1}
    criterion = build_criterion(recipe_for(loss=loss).training, levels=3)
    assert criterion.class_loss.func is varifocal_loss
    assert criterion.coarse_class_loss.func is focal_loss
    assert criterion.class_loss.keywords == criterion.coarse_class_loss.keywords == {"smoothing": 0.1}
    assert isinstance(criterion.normalizer, RunningNormalizer)
    assert criterion.normalizer.value == 7


def test_targets_are_assigned_as_the_recipe_says(recipe_for):
    section = {"class_weight": 3.0, "tiou_weight": 4.0, "keep": 0.5, "other_weight": 0.25}
    training = recipe_for(assignment="simota", simota=section, center_radius=2.5).training
    near = CenterSampling(doubling_ranges(3), radius=2.5)
    assert build_criterion(training, levels=3).assignment == SimOTA(near, 3.0, 4.0, 0.5, 0.25)
    assert build_criterion(recipe_for(assignment="simota").training, levels=3).assignment == SimOTA(
        CenterSampling(doubling_ranges(3))
    )
    assert build_criterion(recipe_for(simota=section, center_radius=2.5).training, levels=3).assignment == near


def test_the_options_of_the_releases_reach_the_losses(recipe_for):
    loss = {"classification": "released_varifocal", "normalizer": "running_twice", "quality_gradient": True}
    criterion = build_criterion(recipe_for(loss=loss).training, levels=3)
    assert criterion.class_loss.func is released_varifocal_loss
    assert criterion.normalizer.moves_twice
    assert criterion.quality_gradient
    usual = build_criterion(recipe_for().training, levels=3)
    assert not usual.normalizer.moves_twice
    assert not usual.quality_gradient


# What a run leaves behind


def test_a_run_folder_holds_models_metrics_detections_and_the_recipe(trained, recipe_for):
    assert {path.name for path in trained.path.iterdir()} == {
        "recipe.yaml", "last.safetensors", "best.safetensors", "metrics.csv", "detections.json", "resume.ckpt",
        "times.csv",
    }  # fmt: skip
    assert load_recipe(str(trained.recipe)) == recipe_for()


def test_metrics_have_a_row_an_epoch(trained):
    rows = trained.read_metrics()
    assert list(rows[0]) == [
        "epoch", "step", "learning_rate",
        "train_classification", "train_coarse_classification", "train_coarse_regression", "train_regression",
        "train_total", "validation_map", "validation_total",
    ]  # fmt: skip
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert all(math.isfinite(float(value)) for row in rows for value in row.values())
    # Warm-up ends after 2 of 6 steps; of the 4 along the cosine 0, 2 and 4 are over.
    assert numbers(trained, "learning_rate") == pytest.approx([3e-3, (3e-3 + 1e-8) / 2, 1e-8])


def test_the_total_of_an_epoch_is_that_of_its_parts(trained):
    for row in trained.read_metrics():
        fine = float(row["train_classification"]) + float(row["train_regression"])
        coarse = float(row["train_coarse_classification"]) + float(row["train_coarse_regression"])
        assert float(row["train_total"]) == pytest.approx(0.7 * fine + 0.3 * coarse, rel=1e-5)


def test_the_model_that_is_kept_is_the_average(trained):
    state = torch.load(trained.resume, weights_only=True)
    kept = load_file(trained.last)
    for name, value in kept.items():
        assert torch.equal(value, state["state_dict"][f"detector.{name}"])
    assert any(not torch.equal(kept[name], state["current_model_state"][f"detector.{name}"]) for name in kept)


def test_the_kept_detections_are_those_of_the_kept_model_and_have_its_map(trained, task, recipe_for):
    kept = read_detections(trained.detections)
    truth = read_annotations(task / "annotations.json").subset("validation")
    thresholds = parse_tiou(recipe_for().evaluation.thresholds)
    judged = evaluate(kept, truth, tiou_thresholds=thresholds).average_map
    assert judged == pytest.approx(numbers(trained, "validation_map")[-1], abs=1e-6)
    localizer = load(trained.path)
    store = localizer.features.open([task / "features"])
    durations = dict(zip(truth.videos.ids, truth.videos.duration_seconds.tolist(), strict=True))
    again = collect(localizer.classes, dict(localizer.detect_videos(store, durations)))
    assert len(again) == len(kept) > 0
    for one, other in zip(again, kept, strict=True):
        assert (one.video_id, one.label) == (other.video_id, other.label)
        assert (one.start_seconds, one.end_seconds) == pytest.approx(
            (other.start_seconds, other.end_seconds), abs=2e-3
        )


def test_each_epoch_says_where_it_is(tmp_path, recipe_for, capsys):
    train(recipe_for(epochs=2), tmp_path / "run")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    for number, line in enumerate(lines, start=1):
        parts = line.split(", ")
        assert parts[0] == f"epoch {number} of 2"
        assert [part.split(" ")[0] for part in parts[1:]][:2] == ["loss", "validation"]
        assert line.endswith(" left")


# Learning


def test_the_loss_falls_and_actions_are_found(tmp_path, recipe_for):
    changes = {"loss": {"normalizer": "counts"}, "input_noise": 0.0, "learning_rate": 1e-2}
    run = train(recipe_for(epochs=16, validate_every=16, **changes), tmp_path / "run")
    totals = numbers(run, "train_total")
    assert np.mean(totals[-3:]) < 0.6 * np.mean(totals[:3])
    assert float(run.read_metrics()[-1]["validation_map"]) > 0.4


def test_the_same_seed_gives_the_same_run_to_the_bit(tmp_path, recipe_for, trained, assert_same_run):
    torch.manual_seed(12345)  # whatever was drawn before
    assert_same_run(train(recipe_for(), tmp_path / "run"), trained)


def test_another_seed_gives_another_run(tmp_path, recipe_for, trained):
    other = train(recipe_for(seed=1), tmp_path / "run")
    first, second = load_file(trained.last), load_file(other.last)
    assert not any(torch.equal(first[name], second[name]) for name in first if name.endswith("conv.weight"))
    assert numbers(trained, "train_total") != numbers(other, "train_total")


def test_processes_that_read_features_do_not_change_a_run(tmp_path, recipe_for, trained):
    other = train(recipe_for(workers=2), tmp_path / "run")
    first, second = load_file(trained.last), load_file(other.last)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert other.metrics.read_text() == trained.metrics.read_text()


def test_gradients_longer_than_asked_for_are_cut(tmp_path, recipe_for, monkeypatch):
    lengths: dict[float | None, list[float]] = {}
    step = torch.optim.AdamW.step

    def measured(optimizer, closure=None):
        def after_backward():
            loss = closure()
            gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
            lengths.setdefault(clip_norm, []).append(torch.stack([g.norm() for g in gradients]).norm().item())
            return loss

        return step(optimizer, after_backward)

    monkeypatch.setattr(torch.optim.AdamW, "step", measured)
    for clip_norm in (None, 0.01):
        train(recipe_for(epochs=1, clip_norm=clip_norm), tmp_path / f"run-{clip_norm}")
    assert min(lengths[None]) > 0.1
    assert lengths[0.01] == pytest.approx([0.01] * 2, rel=1e-3)


def test_half_precision_learns_and_keeps_float32_weights(tmp_path, recipe_for, monkeypatch):
    seen = []
    forward = RowConvolution.forward

    def watched(layer, table):
        y = forward(layer, table)
        if layer.bias is None:  # which is float32, and so what it is added to
            seen.append(y.dtype)
        return y

    monkeypatch.setattr(RowConvolution, "forward", watched)
    run = train(recipe_for(precision="bfloat16"), tmp_path / "run")
    assert set(seen) == {torch.bfloat16}
    assert all(math.isfinite(value) for value in numbers(run, "train_total"))
    weights = load_file(run.last)
    assert all(value.dtype == torch.float32 and torch.isfinite(value).all() for value in weights.values())


def test_a_last_batch_is_filled_up_from_the_next_shuffle(tmp_path, recipe_for, monkeypatch):
    batches = []
    learn = DetectorTraining.training_step

    def watched(module, batch, batch_idx):
        batches.append(batch.videos)
        return learn(module, batch, batch_idx)

    monkeypatch.setattr(DetectorTraining, "training_step", watched)
    train(recipe_for(epochs=7, batch_size=3), tmp_path / "run")
    assert [len(batch) for batch in batches] == [3] * 3 * 7
    videos = [video for batch in batches for video in batch]
    for shuffle in range(9):
        assert sorted(videos[shuffle * 7 : shuffle * 7 + 7]) == list(range(7))


def test_a_video_without_actions_and_one_of_a_single_step_are_learned_from(tmp_path, recipe_for, write_task):
    features = tmp_path / "task" / "features"
    features.mkdir(parents=True)
    generator = np.random.default_rng(0)
    lengths = {"single": 1, "empty": 20, "usual": 20}
    for video_id, steps in lengths.items():
        np.save(features / f"{video_id}.npy", generator.standard_normal((steps, 8)).astype(np.float32))
    actions = {"single": [[0.0, 0.1]], "empty": [], "usual": [[0.3, 1.0]]}
    write_task(tmp_path / "task", {
        video_id: {
            "subset": "training",
            "duration": steps / 10,
            "annotations": [{"label": "wave", "segment": segment} for segment in actions[video_id]],
        }
        for video_id, steps in lengths.items()
    })  # fmt: skip
    data = {"annotations": tmp_path / "task" / "annotations.json", "features": features}
    run = train(recipe_for(data=data, batch_size=1, epochs=2), tmp_path / "run")
    assert [row["step"] for row in run.read_metrics()] == ["3", "6"]
    assert all(math.isfinite(float(value)) for row in run.read_metrics() for value in row.values())
    assert all(torch.isfinite(value).all() for value in load_file(run.last).values())


def test_a_model_that_learns_only_where_actions_are_is_validated_by_that(tmp_path, recipe_for, monkeypatch):
    judged = []

    def watched(detections, annotations, **options):
        judged.append((detections.classes, annotations.classes))
        return evaluate(detections, annotations, **options)

    monkeypatch.setattr(validation, "evaluate", watched)
    data = {"validation_subset": "validation", "class_agnostic": True}
    run = train(recipe_for(data=data, epochs=1), tmp_path / "run")
    assert judged == [(("action",), ("action",))]
    assert load_checkpoint(run.last).classes == ("action",)
    assert set(read_detections(run.detections).classes) == {"action"}


# Files that break after they were looked at


@pytest.fixture
def breakable(task: Path, tmp_path: Path) -> Path:
    """A copy of the task."""
    return Path(shutil.copytree(task, tmp_path / "task"))


def break_file(path: Path) -> None:
    values = np.load(path)
    values[:] = np.nan
    np.save(path, values)


@pytest.mark.parametrize("broken", ["training-3", "validation-1"])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_breaks_ends_a_training_in_one_sentence_and_mended_it_goes_on_to_the_same_result(
    tmp_path, breakable, recipe_for, trained, monkeypatch, broken, workers
):
    features = breakable / "features"
    whole = (features / f"{broken}.npy").read_bytes()
    data = {
        "annotations": breakable / "annotations.json",
        "features": features,
        "validation_subset": "validation",
        "check_values": False,
    }
    recipe = recipe_for(data=data, workers=workers)
    write = RunFolder.write_metrics

    def breaking(folder, rows):
        write(folder, rows)
        break_file(features / f"{broken}.npy")

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "write_metrics", breaking)
        with pytest.raises(InputError) as told:
            train(recipe, tmp_path / "run")
    assert str(told.value).startswith(f"{features / broken}.npy holds ")
    assert str(told.value).endswith("extract it again or remove it")
    assert "\n" not in str(told.value)
    # Each training video comes once in seven samples, of which an epoch has eight: in epoch 2, or just after it.
    assert 1 <= len(RunFolder(tmp_path / "run").read_metrics()) <= 2
    (features / f"{broken}.npy").write_bytes(whole)
    run = train(recipe, tmp_path / "run", resume=True)
    assert run.metrics.read_text() == trained.metrics.read_text()


# Validation


def with_map(values: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let validations give these, one after another."""
    left = iter(values)
    monkeypatch.setattr(Validation, "average_map", lambda validation, detections: next(left))


def test_the_best_model_is_that_of_the_epoch_with_the_best_map(tmp_path, recipe_for, monkeypatch):
    with_map([0.2, 0.6, 0.6, 0.4], monkeypatch)
    after_epoch = []
    write = RunFolder.write_metrics

    def remembering(folder, rows):
        after_epoch.append(folder.last.read_bytes())
        write(folder, rows)

    monkeypatch.setattr(RunFolder, "write_metrics", remembering)
    run = train(recipe_for(epochs=4), tmp_path / "run")
    assert len(set(after_epoch)) == 4
    assert run.best.read_bytes() == after_epoch[1]
    assert run.last.read_bytes() == after_epoch[3]


def test_without_a_validation_there_is_no_best_model(tmp_path, recipe_for):
    run = train(recipe_for(data={}, epochs=1), tmp_path / "run")
    assert run.last.exists()
    assert not run.best.exists()
    assert not run.detections.exists()
    assert not any(name.startswith("validation") for name in run.read_metrics()[0])


def test_a_held_out_part_of_the_training_videos_is_validated_on(tmp_path, recipe_for):
    run = train(recipe_for(data={"hold_out": {"folds": 3}}, epochs=1), tmp_path / "run")
    assert run.best.exists()
    assert set(read_detections(run.detections).video_ids) == {"training-0", "training-3", "training-6"}
    assert [row["step"] for row in run.read_metrics()] == ["1"]  # 4 videos are left


def test_epochs_without_a_validation_have_none_in_their_row(tmp_path, recipe_for):
    run = train(recipe_for(validate_every=2, epochs=5), tmp_path / "run")
    validated = [bool(row["validation_map"]) for row in run.read_metrics()]
    assert validated == [False, True, False, True, False]
    assert [bool(row["validation_total"]) for row in run.read_metrics()] == validated


def opened_while_training(recipe: Recipe, out: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The videos whose features a training opens."""
    opened = set()
    open_any = Source._open_any

    def watched(source, video_id):
        opened.add(video_id)
        return open_any(source, video_id)

    monkeypatch.setattr(Source, "_open_any", watched)
    train(recipe, out)
    return opened


@pytest.mark.parametrize("data", [{"validation_subset": "validation"}, {"hold_out": {"folds": 3}}, {}])
def test_the_test_subset_is_never_read(tmp_path, recipe_for, monkeypatch, data):
    opened = opened_while_training(recipe_for(data=data, epochs=1), tmp_path / "run", monkeypatch)
    subsets = {"training", "validation"} if "validation_subset" in data else {"training"}
    assert {video_id.split("-")[0] for video_id in opened} == subsets
    assert len(opened) == (10 if "validation_subset" in data else 7)


def test_the_order_of_the_classes_is_kept_with_the_model(trained):
    assert load_checkpoint(trained.last).classes == ("push", "wave")
