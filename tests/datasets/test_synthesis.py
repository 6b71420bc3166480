import json
from pathlib import Path

import numpy as np
import pytest

from untrimmed.annotations.formats import read_annotations
from untrimmed.datasets.synthesis import Plan, in_bytes, plan, training_command, write
from untrimmed.detection.feature_reading import FeatureReading
from untrimmed.errors import InputError
from untrimmed.features.manifest import Manifest, read_manifest, write_manifest
from untrimmed.recipes.loading import load_recipe

OUT = Path("made")


def planned(*changes: str, name: str = "recipe.yaml", **options: object) -> Plan:
    return plan(load_recipe(name, changes), OUT, **options)  # type: ignore[arg-type]


def contents(folder: Path = OUT) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.usefixtures("benchmark")
def test_every_needed_video_gets_features_of_its_length_that_the_recipe_reads() -> None:
    assert write(planned()) == 0
    recipe = load_recipe("recipe.yaml", ["data.features=made"])
    store = FeatureReading(recipe.data).open([OUT])
    assert store.ids == tuple(f"v{number:02}" for number in range(18))  # not those of the subset testing
    # v00 lasts 20 s, 600 frames: windows of 16 start at 0, 4 ... 584.
    assert store[store.ids[0]].values.shape == (147, 8)
    assert store[store.ids[0]].values.dtype == np.float32
    assert read_manifest(OUT) == Manifest(30, 4, 16, 8, "planted from annotations.json, difficulty 0.5, seed 0")


@pytest.mark.usefixtures("benchmark")
def test_actions_stand_out_where_they_are() -> None:
    write(planned(difficulty=0.0))
    first, second = np.load(OUT / "v00.npy"), np.load(OUT / "v01.npy")
    energy = (first**2).sum(axis=1)
    # Jump from 2 s to 6 s, in the steps 13 to 43; nothing from 6.5 s to 16.5 s.
    assert energy[20:36].mean() > 60
    assert energy[47:120].mean() < 12
    jump = (second[20:36].mean(axis=0), first[20:36].mean(axis=0))
    assert np.corrcoef(*jump)[0, 1] > 0.95


@pytest.mark.usefixtures("benchmark")
def test_files_are_the_same_whichever_others_are_written() -> None:
    write(planned(videos=2))
    few = contents()
    assert few.keys() == {"features.yaml", "v00.npy", "v01.npy", "v12.npy", "v13.npy"}
    assert write(planned()) == 4
    everything = contents()
    assert {name: everything[name] for name in few} == few
    assert len(everything) == 1 + 18


@pytest.mark.usefixtures("benchmark")
def test_a_file_that_is_cut_short_is_written_again_and_whole_ones_are_kept() -> None:
    write(planned(videos=2))
    whole = contents()
    cut = OUT / "v01.npy"
    cut.write_bytes(whole["v01.npy"][:500])
    before = (OUT / "v00.npy").stat().st_mtime_ns
    assert write(planned(videos=2)) == 3
    assert contents() == whole
    assert (OUT / "v00.npy").stat().st_mtime_ns == before


@pytest.mark.usefixtures("benchmark")
def test_features_of_other_origin_stay_as_they_are() -> None:
    OUT.mkdir()
    np.save(OUT / "v05.npy", np.zeros((5, 8)))
    with pytest.raises(InputError, match=r"^made holds other features; choose another --out"):
        write(planned())
    assert contents().keys() == {"v05.npy"}
    write_manifest(OUT, Manifest(encoder="I3D"))
    with pytest.raises(InputError, match=r"^made holds other features \(I3D\)"):
        write(planned())
    assert contents().keys() == {"v05.npy", "features.yaml"}


@pytest.mark.usefixtures("benchmark")
@pytest.mark.parametrize("change", [{"seed": 1}, {"difficulty": 0.1}])
def test_features_of_another_difficulty_or_seed_do_not_mix(change: dict[str, float]) -> None:
    write(planned(videos=1))
    with pytest.raises(InputError, match="holds other features"):
        write(planned(videos=1, **change))


@pytest.mark.usefixtures("benchmark")
def test_names_axes_and_types_are_as_the_recipe_says() -> None:
    made = planned("data.pattern=v_{video}", "data.layout=channels_first", videos=1, dtype="float16")
    assert made.size_bytes == (147 + 237) * 8 * 2
    assert str(made) == "2 videos of 8 values a step, 6.1 kB in all, in made"
    write(made)
    values = np.load(OUT / "v_v00.npy")
    assert (values.shape, values.dtype) == ((8, 147), np.float16)
    changes = ["data.pattern=v_{video}", "data.layout=channels_first", "data.features=made"]
    assert FeatureReading(load_recipe("recipe.yaml", changes).data).open([OUT]).length("v00") == 147


@pytest.mark.usefixtures("benchmark")
def test_several_sources_share_the_dimension() -> None:
    changes = ["data.features=[a/rgb, b/flow]"]
    made = planned(*changes, videos=1)
    write(made)
    parts = [np.load(OUT / name / "v00.npy") for name in ("rgb", "flow")]
    write(plan(load_recipe("recipe.yaml"), Path("one"), videos=1))
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), np.load("one/v00.npy"))
    command = training_command("recipe.yaml", changes, made)
    assert command == "untrimmed train recipe.yaml 'data.features=[made/rgb, made/flow]'"
    recipe = load_recipe("recipe.yaml", ["data.features=[made/rgb, made/flow]"])
    reading = FeatureReading(recipe.data)
    assert reading.open(reading.sources).dimension == 8
    same_name = planned("data.features=[rgb/x, flow/x]")
    assert [place.folder for place in same_name.places] == [OUT / "1-x", OUT / "2-x"]


@pytest.mark.usefixtures("benchmark")
def test_a_class_agnostic_recipe_also_gets_scores_of_the_videos() -> None:
    made = planned("data.class_agnostic=true", difficulty=0.2)
    write(made)
    scores = json.loads((OUT / "video_scores.json").read_text())
    classes = list(read_annotations("annotations.json").classes)
    assert scores["class"] == classes
    assert scores["results"].keys() == {f"v{number:02}" for number in range(18)}
    assert all(len(row) == 2 and abs(sum(row) - 1) < 1e-5 for row in scores["results"].values())
    assert training_command("recipe.yaml", [], made).endswith("detection.video_scores=made/video_scores.json")
    plain = planned()
    assert plain.scores is None


def test_videos_of_unknown_duration_end_after_their_last_action(
    benchmark: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = json.loads((benchmark / "annotations.json").read_text())
    del content["database"]["v03"]["duration"]
    content["database"]["v03"]["annotations"] = content["database"]["v03"]["annotations"][:1]
    (benchmark / "annotations.json").write_text(json.dumps(content))
    made = planned()
    assert made.lengths["v03"] == (11 * 30 - 16) // 4 + 1  # the Jump ends at 6 s
    assert "1 of 18 videos are of unknown duration and end 5 s after their last action: v03" in caplog.text


def test_videos_of_unknown_rate_are_left_out_and_named(benchmark: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = json.loads((benchmark / "annotations.json").read_text())
    for video_id, entry in content["database"].items():
        if video_id != "v03":
            entry["fps"] = 25
    (benchmark / "annotations.json").write_text(json.dumps(content))
    made = planned("data.fps=null")
    assert len(made.lengths) == 17
    assert made.lengths["v00"] == (500 - 16) // 4 + 1
    assert "1 of 18 videos are of unknown frame rate and left out; give data.fps, or data.videos" in caplog.text


@pytest.mark.usefixtures("benchmark")
def test_without_any_rate_there_is_nothing_to_plant() -> None:
    with pytest.raises(
        InputError, match=r"no frame rate is known of the 18 videos: give data\.fps, or data\.videos"
    ):
        planned("data.fps=null")


@pytest.mark.usefixtures("benchmark")
def test_a_disk_without_room_is_told_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 100_000}))
    with pytest.raises(
        InputError, match=r"the features take 121\.\d kB, but .* has 100\.0 kB left: choose another"
    ):
        planned()
    assert not OUT.exists()
    monkeypatch.undo()


@pytest.mark.usefixtures("benchmark")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["data.raw=true"], "data.raw is true, but only feature vectors can be planted"),
        (["data.stride=null", "data.dimension=null"], "does not say data.stride, data.dimension"),
        (["data.features=[a, b, c]"], "data.features names 3 sources, over which a data.dimension of 8"),
        (["data.pattern={video}.npz"], "planted features are .npy files: leave the extension out"),
        (["data.pattern=rgb"], "must hold {video} once"),
    ],
)
def test_what_cannot_be_planted_is_said(changes: list[str], said: str) -> None:
    with pytest.raises(InputError) as error:
        planned(*changes)
    assert said in str(error.value)
    assert not OUT.exists()


def test_sizes_are_for_people() -> None:
    assert [in_bytes(count) for count in (12, 1200, 5_300_000, 61_400_000_000)] == [
        "12 bytes",
        "1.2 kB",
        "5.3 MB",
        "61.4 GB",
    ]


def test_a_real_data_set_gets_its_lengths(shared: Path, tmp_path: Path) -> None:
    file = shared / "data" / "annotations" / "thumos14" / "thumos14.json"
    recipe = load_recipe("thumos14-i3d", [f"data.annotations={file}", "data.dimension=4"])
    made = plan(recipe, tmp_path / "made", videos=3)
    write(made)
    # video_test_0000004: 33.83 s at 30 frames a second, 1014 whole frames.
    assert np.load(tmp_path / "made" / "video_test_0000004.npy").shape == ((1014 - 16) // 4 + 1, 4)
    whole = plan(recipe, tmp_path / "made")
    assert len(whole.lengths) == 412
