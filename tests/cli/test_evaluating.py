"""`untrimmed evaluate` under a protocol and of a run folder, and `untrimmed submit`."""

import json
from pathlib import Path

import pytest
from running import run_here

from untrimmed.detection.result_files import read_detections

TRUTH = "video,start,end,label,duration,subset\nv,0,10,a,8,test\nv,5,5,a,8,test\nw,0,10,a,60,training\n"
FOUND = "video,start,end,label,score\nw,0,10,a,0.95\nv,0,10,a,0.9\nv,2,4,a,0.8\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "truth.csv").write_text(TRUTH)
    (tmp_path / "found.csv").write_text(FOUND)
    return tmp_path


def written(path: str) -> dict[str, object]:
    content: dict[str, object] = json.loads(Path(path).read_text())
    return content


def test_a_protocol_judges_its_subset_against_what_is_written(folder: Path) -> None:
    result = run_here("evaluate found.csv truth.csv --protocol thumos14 --out a.json")
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "judged with truth.csv, subset test, protocol thumos14"
    content = written("a.json")
    assert content["tiou_thresholds"] == pytest.approx([0.3, 0.4, 0.5, 0.6, 0.7])
    # The segment that ends after its video is whole, and the one without length is missed.
    assert (content["average_mAP"], content["instances"], content["videos"]) == (0.5, 2, 1)
    assert (content["protocol"], content["subset"], content["annotations"]) == ("thumos14", "test", "truth.csv")
    assert (content["recipe"], content["seed"], content["classifier"]) == (None, None, None)


def test_without_a_protocol_segments_are_cut_to_their_videos(folder: Path) -> None:
    result = run_here("evaluate found.csv truth.csv --subset test --tiou 0.9 --out a.json")
    assert "cut to it" in result.stderr
    assert (written("a.json")["average_mAP"], written("a.json")["instances"]) == (0.0, 1)


def test_what_is_given_outdoes_the_protocol(folder: Path) -> None:
    result = run_here(
        "evaluate found.csv truth.csv --protocol thumos14 --subset training --tiou 0.5 --recall --out a.json"
    )
    assert [line.split()[0] for line in result.stdout.splitlines()[:4]] == ["tIoU", "mAP", "R@1x", "R@5x"]
    content = written("a.json")
    assert (content["subset"], content["tiou_thresholds"], content["videos"]) == ("training", [0.5], 1)
    assert content["recall_at_multiples"]["1x"]["average_recall"] == 1.0  # type: ignore[index]


def test_the_classifier_is_told(folder: Path) -> None:
    (folder / "found.json").write_text(
        '{"results": {"v": [{"label": "a", "score": 0.9, "segment": [0, 10]}]}, '
        '"external_data": {"used": true, "details": "video scores from cuhk.json"}}'
    )
    result = run_here("evaluate found.json truth.csv --protocol thumos14 --out a.json")
    assert result.stdout.splitlines()[-1].endswith("protocol thumos14, classifier cuhk.json")
    assert written("a.json")["classifier"] == "cuhk.json"


def test_a_run_folder_is_judged_as_its_recipe_says(world: Path) -> None:
    run_here("detect trained task/features/sequence-004.npy --out trained/detections.json")
    result = run_here("evaluate trained --tiou 0.5")
    assert result.code == 0, result.stderr
    assert result.stdout.splitlines()[-1] == (
        "judged with task/annotations.json, the videos that the detections name, no protocol, recipe tiny, seed 0"
    )
    content = written("trained/evaluation.json")
    assert (content["videos"], content["tiou_thresholds"], content["only_named_videos"]) == (1, [0.5], True)
    assert (content["recipe"], content["seed"]) == ("tiny", 0)
    result = run_here("evaluate trained --subset test --out b.json")
    assert "1 of 2 videos have no detections" in result.stderr
    assert (written("b.json")["videos"], written("b.json")["subset"]) == (2, "test")
    assert written("b.json") == written("trained/evaluation.json")


def test_the_protocol_of_a_run_is_that_of_its_recipe_unless_another_is_given(world: Path) -> None:
    recipe = Path("trained/recipe.yaml")
    recipe.write_text(recipe.read_text().replace("protocol: null", "protocol: thumos14"))
    recipe.write_text(recipe.read_text().replace("  tiou: null", "  tiou: '0.4'"))
    Path("trained/detections.json").write_text(Path("detections.json").read_text())
    assert run_here("evaluate trained").code == 0
    content = written("trained/evaluation.json")
    assert (content["protocol"], content["subset"], content["tiou_thresholds"]) == ("thumos14", "test", [0.4])
    assert run_here("evaluate trained --protocol hacs --subset test").code == 0
    content = written("trained/evaluation.json")
    assert content["protocol"] == "hacs"
    assert len(content["tiou_thresholds"]) == 10  # type: ignore[arg-type]


def test_a_submission_to_activitynet(folder: Path) -> None:
    result = run_here("submit activitynet found.csv --out a.json --per-video 1")
    assert (result.code, result.stdout) == (0, "")
    assert result.stderr == "2 detections in 2 videos written to a.json\n"
    assert read_detections("a.json").score.tolist() == [0.95, 0.9]


def test_a_submission_of_verbs_and_nouns(folder: Path) -> None:
    (folder / "EPIC_100_verb_classes.csv").write_text("id,key\n0,take\n1,put\n")
    (folder / "EPIC_100_noun_classes.csv").write_text("id,key\n0,tap\n13,cup\n")
    (folder / "verbs.csv").write_text("video,start,end,label,score\nP01_11,0,10,put,0.9\n")
    (folder / "nouns.csv").write_text(
        "video,start,end,label,score\nP01_11,0,10,cup,0.4\nP01_11,0,10,tap,0.1\nP01_12,0,1,tap,0.1\n"
    )
    options = "--supervision 2,3,4 --classes ."
    result = run_here(f"submit epic-kitchens-100 --verbs verbs.csv --nouns nouns.csv {options} --pairs 1")
    assert result.stderr == "1 detections in 2 videos written to submission.json\n"
    content = written("submission.json")
    assert (content["sls_pt"], content["sls_tl"], content["sls_td"]) == (2, 3, 4)
    assert content["results"] == {
        "P01_11": [
            {"verb": 1, "noun": 13, "action": "1,13", "score": pytest.approx(0.6), "segment": [0.0, 10.0]}
        ],
        "P01_12": [],
    }
    (folder / "actions.csv").write_text("video,start,end,label,score\nP01_11,0,10,put cup,0.6\n")
    assert run_here(f"submit epic-kitchens-100 actions.csv {options} --out b.json").code == 0
    assert written("b.json")["results"] == {
        "P01_11": [{"verb": 1, "noun": 13, "action": "1,13", "score": 0.6, "segment": [0.0, 10.0]}]
    }
