"""`untrimmed datasets ...` as a user runs it, with features in each of the states that people find them in."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from running import Result, run_apart, run_here

from untrimmed.datasets.listing import details, overview

ABOUT = "18 videos are needed (12 training, 6 validation); their features are looked for in features"


@pytest.fixture
def features(benchmark: Path) -> Path:
    assert run_here("datasets synthesise recipe.yaml --out features").code == 0
    return benchmark / "features"


def table(result: Result) -> dict[str, str]:
    """The rows of the table that was printed: what is said, then videos, share and examples."""
    head, *rows = result.stdout.split("\n\n")[1].splitlines()
    assert head.split() == ["videos", "share", "examples"]
    column = head.index("videos") - 1
    return {row[:column].strip(): " ".join(row[column:].split()) for row in rows}


def sentences(result: Result) -> list[str]:
    return result.stdout.split("\n\n")[2].splitlines()


def test_the_catalogue_is_printed(tmp_path: Path) -> None:
    assert run_apart("datasets list", tmp_path).stdout == overview() + "\n"
    assert run_here("datasets list hacs-i3d").stdout == details("hacs") + "\n"


@pytest.mark.usefixtures("features")
def test_a_complete_set(benchmark: Path) -> None:
    result = run_apart("datasets check recipe.yaml --read", benchmark)
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0] == ABOUT
    assert table(result) == {"fit": "18 100.0%"}
    assert sentences(result) == ["complete: the features of all 18 videos are there and fit"]


def test_five_files_are_missing(features: Path) -> None:
    for number in (3, 4, 5, 13, 14):
        (features / f"v{number:02}.npy").unlink()
    result = run_here("datasets check recipe.yaml")
    assert result.code == 2
    assert table(result) == {
        "fit": "13 72.2%",
        "have no features": "5 27.8% v03, v04, v05, v13, v14",
    }
    assert result.stderr == (
        "error: the features are not complete: of 18 videos 5 have no features; see the table above\n"
    )
    of_one_subset = run_here("datasets check recipe.yaml --subset validation")
    assert table(of_one_subset)["have no features"] == "2 33.3% v13, v14"


@pytest.mark.usefixtures("features")
def test_features_of_the_wrong_rate() -> None:
    """The same files, of which the recipe thinks that they were made at 15 frames a second with a stride of 8."""
    Path("features/features.yaml").unlink()
    result = run_here("datasets check recipe.yaml data.stride=8")
    assert result.code == 2
    assert table(result)["differ in length from their video"].startswith("18 100.0% v00, ")
    assert sentences(result) == [
        "differ in length from their video: v00 has 147 steps, but should have about 74 (20 s at 30 frames a "
        "second, a vector every 8 frames)",
        "in the median the sequences are 1.99 times as long as expected: the lengths fit a stride of 4 frames "
        "instead of 8, or a rate of 60 frames a second instead of 30",
    ]
    assert result.stderr == (
        "error: the features are not complete: of 18 videos 18 differ in length from their video; see the table "
        "above\n"
    )


def test_files_that_are_cut_short(features: Path) -> None:
    for name in ("v02.npy", "v15.npy"):
        data = (features / name).read_bytes()
        (features / name).write_bytes(data[: len(data) // 2])
    result = run_here("datasets check recipe.yaml")
    assert result.code == 2
    assert table(result) == {"fit": "16 88.9%", "cannot be read": "2 11.1% v02, v15"}
    (sentence,) = sentences(result)
    assert sentence.startswith("cannot be read: features/v02.npy cannot be read: ")
    assert sentence.endswith("; it may be cut short or be of another format: write it again")
    assert result.stderr.endswith("of 18 videos 2 cannot be read; see the table above\n")
    again = run_here("datasets synthesise recipe.yaml --out features")
    assert "16 of them were there already" in again.stderr
    assert run_here("datasets check recipe.yaml").code == 0


@pytest.mark.usefixtures("benchmark")
def test_features_of_another_data_set() -> None:
    Path("features").mkdir()
    for number in range(30):
        np.save(f"features/match_{number}.npy", np.zeros((100, 8), np.float32))
    result = run_here("datasets check recipe.yaml")
    assert result.code == 2
    assert table(result) == {
        "fit": "0 0.0%",
        "have no features": "18 100.0% v00, v01, v02, v03, v04, ...",
        "are not annotated, but have features": "30 match_0, match_1, match_10, match_11, match_12, ...",
    }
    assert sentences(result) == [
        "none of the 30 feature files belongs to an annotated video: names such as match_0, match_1, match_10, "
        "match_11, match_12, ...; the annotated videos have names such as v00, v01, v02, v03, v04, ...; are "
        "these the features of another data set, or does data.pattern need a prefix?"
    ]


def test_a_prefix_of_the_names_is_found(features: Path) -> None:
    for path in features.glob("*.npy"):
        path.rename(path.with_name(f"v_{path.name}"))
    result = run_here("datasets check recipe.yaml")
    assert result.code == 2
    assert sentences(result)[-1].endswith("; with data.pattern=v_{video} 18 of the files would belong to one")
    assert run_here("datasets check recipe.yaml data.pattern=v_{video}").code == 0


@pytest.mark.usefixtures("benchmark")
def test_one_can_train_on_what_is_made() -> None:
    narrow = "model.channels=16 model.levels=2 model.encoder.hidden=16 model.decoder.head_channels=16"
    result = run_here(
        f"datasets synthesise recipe.yaml {narrow} training.epochs=1 training.warmup_epochs=0 --out made "
        "--videos 2 --difficulty 0.1 --dtype float16"
    )
    assert result.code == 0
    assert "writing 4 videos of 8 values a step, 12.5 kB in all, in made\n" in result.stderr
    command = shlex.split(result.stdout)
    assert command[:3] == ["untrimmed", "train", "recipe.yaml"]
    assert command[-1] == "data.features=made"
    trained = run_here(shlex.join(command[1:]))
    assert trained.code == 0, trained.stderr
    assert "10 of 12 videos have no features" in trained.stderr


@pytest.mark.usefixtures("benchmark")
def test_json_of_the_scores_has_every_video() -> None:
    assert run_here("datasets synthesise recipe.yaml data.class_agnostic=true --out made").code == 0
    assert len(json.loads(Path("made/video_scores.json").read_text())["results"]) == 18
