import json
from pathlib import Path

import numpy as np
import pytest

from untrimmed.datasets.checking import check_features
from untrimmed.datasets.findings import Report
from untrimmed.datasets.synthesis import plan, write
from untrimmed.errors import InputError
from untrimmed.features.manifest import FILE_NAME
from untrimmed.recipes.loading import load_recipe


@pytest.fixture
def features(benchmark: Path) -> Path:
    """The folder of whole features."""
    write(plan(load_recipe("recipe.yaml"), Path("features")))
    (benchmark / "features" / FILE_NAME).unlink()
    return benchmark / "features"


def report(*changes: str, **options: object) -> Report:
    return check_features(load_recipe("recipe.yaml", changes), **options)  # type: ignore[arg-type]


def found(*changes: str, **options: object) -> dict[str, list[str]]:
    """What is said of which videos."""
    return {finding.what: sorted(finding.videos) for finding in report(*changes, **options).findings}


@pytest.mark.usefixtures("features")
def test_whole_features_are_complete() -> None:
    complete = report()
    assert (complete.asked, complete.in_order, list(complete.findings)) == (18, 18, [])
    assert "complete: the features of all 18 videos are there and fit" in complete.text()
    complete.require_complete()


@pytest.mark.usefixtures("features")
def test_only_the_needed_subsets_are_asked_for() -> None:
    assert report(subset="validation").asked == 6
    assert found(subset="testing") == {"have no features": ["v18", "v19"]}
    without_protocol = found("evaluation.protocol=null")
    assert without_protocol == {"have no features": ["v18", "v19"]}
    with pytest.raises(InputError, match='the annotations have no subset "tset"'):
        report(subset="tset")


def test_every_kind_of_trouble_has_its_row(features: Path) -> None:
    (features / "v00.npy").unlink()
    data = (features / "v01.npy").read_bytes()
    (features / "v01.npy").write_bytes(data[: len(data) // 2])
    np.save(features / "v02.npy", np.zeros((0, 8), np.float32))
    np.save(features / "v03.npy", np.zeros((170, 9), np.float32))
    np.save(
        features / "v04.npy", np.load(features / "v04.npy")[:100]
    )  # of 177; ends at 13.7 s, the Dive is from 21 s
    np.save(features / "other.npy", np.zeros((5, 8), np.float32))
    assert found() == {
        "have no features": ["v00"],
        "have another dimension": ["v03"],
        "cannot be read": ["v01", "v02"],
        "differ in length from their video": ["v04"],
        "have actions after their features": ["v04"],
        "are not annotated, but have features": ["other"],
    }
    text = report().text()
    assert "v04 has 100 steps, but should have about 177 (24 s at 30 frames a second" in text
    assert (
        "the features of v04 end at 13.7333 s, but 1 of its 2 actions lie behind that, the first from 21 s"
        in text
    )
    assert report().in_order == 13
    with pytest.raises(
        InputError, match="of 18 videos 1 have no features, 1 have another dimension, 2 cannot be read"
    ):
        report().require_complete()


def test_nan_is_found_where_values_are_read(features: Path) -> None:
    values = np.load(features / "v00.npy")
    values[3, 5] = np.nan
    np.save(features / "v00.npy", values)
    assert found() == {}
    assert found(whole=True) == {"hold NaN or infinity": ["v00"]}


def test_sources_of_different_length(benchmark: Path) -> None:
    changes = ["data.features=[made/rgb, made/flow]"]
    write(plan(load_recipe("recipe.yaml", changes), Path("made")))
    assert found(*changes) == {}
    flow = benchmark / "made" / "flow"
    np.save(flow / "v00.npy", np.load(flow / "v00.npy")[:-1])
    np.save(flow / "v01.npy", np.load(flow / "v01.npy")[:-5])
    (flow / "v02.npy").unlink()
    assert found(*changes) == {
        "have no features": ["v02"],
        "have sources of different length": ["v01"],
        "have sources cut to the shortest": ["v00"],
    }


@pytest.mark.usefixtures("features")
def test_videos_of_unknown_rate_or_duration(benchmark: Path) -> None:
    content = json.loads((benchmark / "annotations.json").read_text())
    for video_id, entry in content["database"].items():
        entry["fps"] = 30
        if video_id == "v03":
            del entry["fps"]
        if video_id == "v04":
            del entry["duration"]
    (benchmark / "annotations.json").write_text(json.dumps(content))
    assert found("data.fps=null") == {
        "have no frame rate": ["v03"],
        "are of unknown duration, length not checked": ["v04"],
    }


@pytest.mark.usefixtures("features")
def test_the_length_before_stretching_counts() -> None:
    assert found("data.resample_to=100") == {}


@pytest.mark.usefixtures("benchmark")
def test_features_of_one_length_were_stretched() -> None:
    Path("features").mkdir()
    for number in range(18):
        np.save(f"features/v{number:02}.npy", np.zeros((100, 8), np.float32))
    assert report().remarks == [
        "all 18 sequences have 100 steps, however long the video is: they were stretched to a fixed length "
        "before they were written; get those that keep their own length"
    ]


@pytest.mark.usefixtures("features")
def test_an_error_of_the_pattern_says_which_would_fit() -> None:
    with pytest.raises(
        InputError, match=r"fits the pattern 'v_\{video\}'.*; with data\.pattern=\{video\} 18 of them"
    ):
        report("data.pattern=v_{video}")


@pytest.mark.usefixtures("benchmark")
def test_an_error_of_the_annotations_comes_through() -> None:
    Path("annotations.json").write_text('{"database": {"v1": {"annotations": [{"segment": [1]}]}}}')
    with pytest.raises(InputError, match=r"annotations\.json has 1 error: video \"v1\", segment 1"):
        report()


def test_actions_in_the_last_step_are_no_trouble(benchmark: Path) -> None:
    content = json.loads((benchmark / "annotations.json").read_text())
    content["database"]["v00"]["annotations"].append({"segment": [19.95, 20.0], "label": "Dive"})
    (benchmark / "annotations.json").write_text(json.dumps(content))
    write(plan(load_recipe("recipe.yaml"), Path("features")))
    assert found() == {}


def test_planted_features_of_a_real_data_set_are_complete(shared: Path, tmp_path: Path) -> None:
    file = shared / "data" / "annotations" / "thumos14" / "thumos14.json"
    made = tmp_path / "made"
    recipe = load_recipe(
        "thumos14-i3d", [f"data.annotations={file}", "data.dimension=4", f"data.features={made}"]
    )
    write(plan(recipe, made))
    assert check_features(recipe).in_order == 412
    slower = recipe.model_copy(update={"data": recipe.data.model_copy(update={"fps": 60.0})})
    (sentence,) = check_features(slower).remarks
    assert (
        "the lengths fit a stride of 8 frames instead of 4, or a rate of 30 frames a second instead of 60"
        in sentence
    )
