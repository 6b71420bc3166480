"""Every command, as a user runs it, on a small generated task."""

import json
from pathlib import Path

import numpy as np
import pytest
from running import run_apart, run_here

import untrimmed
from untrimmed.annotations.formats import read_annotations
from untrimmed.detection.result_files import read_detections
from untrimmed.recipes.built_in import built_in
from untrimmed.recipes.loading import load_recipe

FOURTH = "task/features/sequence-004.npy"
FIFTH = "task/features/sequence-005.npy"


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    result = run_apart("--version", tmp_path)
    assert (result.code, result.stdout, result.stderr) == (0, f"untrimmed {untrimmed.__version__}\n", "")


def test_help_names_every_command() -> None:
    result = run_here("--help")
    assert result.code == 0
    for command in (
        "demo",
        "recipes",
        "train",
        "detect",
        "evaluate",
        "submit",
        "results",
        "annotations",
        "datasets",
        "import-weights",
    ):
        assert f"\n  {command} " in result.stdout


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "recipes",
        "train",
        "detect",
        "evaluate",
        "submit",
        "results",
        "annotations check",
        "annotations convert",
        "datasets list",
        "datasets check",
        "datasets synthesise",
        "import-weights",
    ],
)
def test_every_command_explains_itself(command: str) -> None:
    result = run_here(f"{command} --help")
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: untrimmed {command}")


def test_recipes_are_listed_with_what_their_first_line_says(tmp_path: Path) -> None:
    result = run_apart("recipes", tmp_path)
    assert result.code == 0
    lines = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert lines.keys() == built_in().keys()
    assert all(f"# {lines[name]}" == path.read_text().splitlines()[0] for name, path in built_in().items())


def test_a_recipe_is_printed_as_it_stands_in_its_file() -> None:
    result = run_here("recipes demo")
    assert (result.code, result.stdout) == (0, built_in()["demo"].read_text())


def test_train_leaves_a_run_that_can_be_loaded(world: Path) -> None:
    result = run_apart("train tiny.yaml training.seed=3", world)
    assert (result.code, result.stdout) == (0, "")
    assert "epoch 2 of 2" in result.stderr
    assert "the model is in runs/tiny" in result.stderr.splitlines()[-1]
    run = world / "runs" / "tiny"
    assert {path.name for path in run.iterdir()} == {
        "recipe.yaml",
        "metrics.csv",
        "times.csv",
        "last.safetensors",
        "resume.ckpt",
    }
    assert load_recipe(str(run / "recipe.yaml")) == load_recipe("tiny.yaml", ["training.seed=3"])
    assert len((run / "metrics.csv").read_text().splitlines()) == 1 + 2
    assert untrimmed.load(run).classes == read_annotations("task/annotations.json").classes


def test_train_writes_its_warnings_into_the_log_of_the_run_too(world: Path) -> None:
    (world / "task/features/sequence-001.npy").unlink()
    result = run_here("train tiny.yaml training.epochs=1 --out logged")
    warning = "1 of 3 videos have no features: sequence-001"
    assert f"warning: {warning}\n" in result.stderr
    assert f"WARNING {warning}\n" in (world / "logged" / "log.txt").read_text()


def test_train_validates_on_a_subset_and_keeps_the_best(world: Path) -> None:
    result = run_here("train tiny.yaml data.validation_subset=test --out validated")
    assert result.code == 0
    assert "validation mAP" in result.stderr
    assert read_detections("validated/detections.json").video_ids == ("sequence-004", "sequence-005")
    assert untrimmed.load("validated/best.safetensors").classes


def test_to_resume_a_run_that_has_ended_changes_nothing(world: Path) -> None:
    before = (world / "trained" / "metrics.csv").read_text()
    result = run_here("train tiny.yaml --out trained --resume")
    assert (result.code, result.stdout) == (0, "")
    assert (world / "trained" / "metrics.csv").read_text() == before


def test_a_model_knows_the_times_of_its_features_without_their_manifest(world: Path) -> None:
    run_here("detect trained task/features --out with.json")
    (world / "task/features/features.yaml").unlink()
    assert run_here("detect trained task/features --out without.json").code == 0
    assert Path("with.json").read_bytes() == Path("without.json").read_bytes()


def test_detect_finds_the_same_in_files_and_in_their_folder(world: Path) -> None:
    apart = run_apart(f"detect trained {FOURTH} {FIFTH} --out files.json", world)
    assert (apart.code, apart.stdout) == (0, "")
    assert apart.stderr.endswith("in 2 videos written to files.json\n")
    assert run_here("detect trained task/features --out folder.csv").code == 0
    files, folder = read_detections("files.json"), read_detections("folder.csv")
    assert sorted(files.video_ids) == ["sequence-004", "sequence-005"]
    assert sorted(folder.video_ids) == [f"sequence-00{number}" for number in range(1, 6)]
    for video_id in files.video_ids:
        one = files[files.video == files.video_ids.index(video_id)]
        other = folder[folder.video == folder.video_ids.index(video_id)]
        np.testing.assert_allclose(one.score[:20], other.score[:20], atol=1e-4)
        np.testing.assert_allclose(one.start_seconds[:20], other.start_seconds[:20], atol=1e-2)


def test_detect_keeps_to_the_subset_and_to_the_durations_of_the_annotations(world: Path) -> None:
    changed = json.loads((world / "task/annotations.json").read_text())
    changed["database"]["sequence-004"]["duration"] = 12.0
    changed["database"]["sequence-004"]["annotations"] = []
    (world / "shorter.json").write_text(json.dumps(changed))
    result = run_here("detect trained task/features --annotations shorter.json --subset test")
    assert result.code == 0
    found = read_detections("detections.json")
    assert sorted(found.video_ids) == ["sequence-004", "sequence-005"]
    ends = found.end_seconds[found.video == found.video_ids.index("sequence-004")]
    assert 11.0 < ends.max() <= 12.0


def test_detect_without_input_looks_at_the_test_subset_of_the_runs_own_data(world: Path) -> None:
    run_here("detect trained task/features --annotations task/annotations.json --subset test --out there.json")
    result = run_here("detect trained --subset test")
    assert result.code == 0
    assert result.stderr.endswith("in 2 videos written to trained/detections.json\n")
    assert Path("trained/detections.json").read_bytes() == Path("there.json").read_bytes()


def test_detect_leaves_out_what_scores_lower(world: Path) -> None:
    run_here(f"detect trained {FOURTH} --out all.json")
    everything = read_detections("all.json")
    bar = float(np.median(everything.score))
    run_here(f"detect trained {FOURTH} --min-score {bar} --out best.json")
    np.testing.assert_array_equal(read_detections("best.json").score, everything.score[everything.score >= bar])


def test_a_model_that_knows_only_where_actions_are_says_how_to_name_them(world: Path) -> None:
    changes = "data.class_agnostic=true data.validation_subset=test training.epochs=1 training.warmup_epochs=0"
    assert run_here(f"train tiny.yaml {changes} --out agnostic").code == 0
    assert set(read_detections("agnostic/detections.json").classes) == {"action"}
    result = run_here(f"detect agnostic {FOURTH} {FIFTH}")
    assert result.code == 0
    assert result.stderr.splitlines()[-1] == (
        'all are labelled "action", which is what the model knows; --video-scores FILE names their classes'
    )
    actions = read_detections("detections.json")
    assert actions.classes == ("action",)
    content = {"results": {"sequence-004": [0.9, 0, 0.1], "v_sequence-005": [0.2, 0.6, 0.4]}}
    (world / "scores.json").write_text(json.dumps({**content, "class": ["fall", "rise", "wave"]}))
    result = run_here(f"detect agnostic {FOURTH} {FIFTH} --video-scores scores.json --out named.json")
    assert (result.code, result.stdout) == (0, "")
    assert result.stderr.endswith("in 2 videos written to named.json\n")
    named = read_detections("named.json")
    labels = {(one.video_id, one.label) for one in named}
    assert labels == {
        (FOURTH[14:-4], "fall"),
        (FOURTH[14:-4], "wave"),
        (FIFTH[14:-4], "rise"),
        (FIFTH[14:-4], "wave"),
    }
    best = {one.video_id: one.score for one in named if one.label in ("fall", "rise")}
    assert len(best) == 2
    for video_id, class_score in (("sequence-004", 0.9), ("sequence-005", 0.6)):
        score = actions.score[actions.video == actions.video_ids.index(video_id)].max()
        assert max(one.score for one in named if one.video_id == video_id) == pytest.approx(
            (class_score * score) ** 0.5, abs=1e-5
        )


def test_detect_names_annotated_videos_without_features(world: Path) -> None:
    (world / FOURTH).unlink()
    result = run_here("detect trained task/features --annotations task/annotations.json --subset test")
    assert result.code == 0
    assert "warning: 1 annotated videos have no features: sequence-004\n" in result.stderr


def test_evaluate_prints_what_it_writes(world: Path) -> None:
    (world / "truth.csv").write_text("video,start,end,label\nv,0,10,a\nv,20,30,b\n")
    (world / "found.csv").write_text("video,start,end,label,score\nv,0,10,a,0.9\nv,20,25,b,0.8\n")
    result = run_apart("evaluate found.csv truth.csv --tiou 0.5,0.75 --per-class --out table.json", world)
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[:4] == [
        "tIoU     0.5    0.75     Avg",
        "a     100.00  100.00  100.00",
        "b     100.00    0.00   50.00",
        "mAP   100.00   50.00   75.00",
    ]
    assert json.loads(Path("table.json").read_text())["average_mAP"] == 0.75
    run_here("evaluate found.csv truth.csv --tiou 0.5,0.75 --out table.csv")
    assert Path("table.csv").read_text().splitlines()[0] == (
        "class,segments,detections,ap_at_0.5,ap_at_0.75,average_ap"
    )


def test_evaluate_sets_other_subsets_aside_unless_told_otherwise(world: Path) -> None:
    (world / "truth.csv").write_text("video,start,end,label,subset\nv,0,10,a,test\nw,0,10,a,training\n")
    (world / "found.csv").write_text("video,start,end,label,score\nw,0,10,a,0.9\nv,0,10,a,0.8\n")
    apart = run_here("evaluate found.csv truth.csv --subset test --tiou 0.5 --out a.json")
    assert (apart.code, apart.stderr) == (0, "")
    result = run_here("evaluate found.csv truth.csv --subset test --tiou 0.5 --all-videos --out b.json")
    assert "1 videos with detections are of other subsets" in result.stderr
    assert [json.loads(Path(name).read_text())["average_mAP"] for name in ("a.json", "b.json")] == [1.0, 0.5]


def test_evaluate_gives_the_numbers_of_the_official_evaluator(shared: Path, tmp_path: Path) -> None:
    folder = shared / "parity" / "evaluation"
    result = run_apart(
        f"evaluate {folder / 'detections.json'} {folder / 'ground_truth.json'} --subset validation --all-videos "
        "--average-recall --out table.json",
        tmp_path,
    )
    assert result.code == 0
    assert "1 classes have no ground truth, so their 197 detections are ignored: carry" in result.stderr
    assert "AR@100" in result.stdout
    written = json.loads((tmp_path / "table.json").read_text())
    expected = json.loads((folder / "expected.json").read_text())["detection"]["tiou_0.3_0.1_0.7"]
    without_place = [one["AP"] for one in written["classes"] if one["name"] != "place"]
    np.testing.assert_allclose(
        [one["AP"] for one in written["classes"] if one["name"] != "place"],
        [expected["ap"][one["name"]] for one in written["classes"] if one["name"] != "place"],
        atol=1e-9,
    )
    np.testing.assert_allclose(np.mean(without_place, axis=0), expected["mAP_without_place"], atol=1e-9)


def test_annotations_are_checked_and_their_problems_listed(world: Path) -> None:
    result = run_apart("annotations check task/annotations.json", world)
    assert (result.code, result.stderr) == (0, "")
    assert "double swing" in result.stdout
    (world / "late.csv").write_text("video,start,end,label,duration\nv,5,70,a,60\nv,3,3,a,60\n")
    result = run_here("annotations check late.csv")
    assert result.code == 0
    assert [line.split(":")[0] for line in result.stdout.splitlines()[:2]] == ["warning", "warning"]
    result = run_here("annotations check late.csv --strict")
    assert (result.code, result.stderr) == (2, "error: late.csv has 2 errors, listed above; mend it there\n")


def test_a_folder_of_a_data_set_is_checked_with_durations_from_another_file(world: Path) -> None:
    (world / "th14").mkdir()
    (world / "th14" / "Diving_test.txt").write_text("v1 1.5 3.0\nv1 4.0 5.0\n")
    (world / "th14" / "Ambiguous_test.txt").write_text("v1 6.0 7.0\nv1 8.0 9.0\n")
    (world / "info.csv").write_text("video,duration\nv1,4.5\n")
    result = run_here("annotations check th14 --videos info.csv")
    assert (result.code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("warning: Diving_test.txt, line 2: a segment that ends after its video, cut to it")
    assert lines[-1].split("  ")[0] == "ignored stretches"
    assert lines[-1].endswith("  2 (videos: 1)")


def test_a_label_is_chosen_where_annotations_give_several(world: Path) -> None:
    (world / "EPIC_100_train.csv").write_text(
        "narration_id,video_id,start_timestamp,stop_timestamp,verb_class,noun_class\n"
        "v_0,v,00:00:01.00,00:00:02.50,0,2\n"
    )
    (world / "EPIC_100_verb_classes.csv").write_text("id,key\n0,take\n")
    (world / "EPIC_100_noun_classes.csv").write_text("id,key\n2,plate\n")
    result = run_here("annotations convert EPIC_100_train.csv actions.csv --label action")
    assert (result.code, result.stderr) == (0, "1 segments in 1 videos written to actions.csv\n")
    written = (world / "actions.csv").read_text()
    assert written == "video,start,end,label,subset\nv,1.0,2.5,take plate,training\n"
    result = run_here("annotations check EPIC_100_train.csv --label adverb")
    assert (result.code, result.stdout) == (2, "")
    assert "'adverb' is not one of 'verb', 'noun', 'action'" in result.stderr


def test_annotations_are_converted_to_a_table_and_back(world: Path) -> None:
    assert run_apart("annotations convert task/annotations.json table.csv", world).code == 0
    assert run_here("annotations convert table.csv back.json").code == 0
    before, after = read_annotations("task/annotations.json"), read_annotations("back.json")
    assert before.videos.ids == after.videos.ids
    assert before.videos.subsets == after.videos.subsets
    np.testing.assert_array_equal(before.segments.start_seconds, after.segments.start_seconds)
    np.testing.assert_array_equal(before.segments.end_seconds, after.segments.end_seconds)
    names = [[one.classes[label] for label in one.segments.label] for one in (before, after)]
    assert names[0] == names[1]
