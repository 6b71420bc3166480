import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from untrimmed.errors import InputError
from untrimmed.features.manifest import Manifest, write_manifest
from untrimmed.features.opening import open_features
from untrimmed.features.time_grid import TimeGrid

VALUES = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)


@pytest.fixture
def folder(tmp_path, save):
    save(tmp_path / "rgb" / "a.npy", VALUES)
    return tmp_path / "rgb"


def test_opening_opens_no_feature_file(tmp_path, opened):
    for number in range(2000):
        (tmp_path / f"video_{number:04d}.npy").touch()  # empty: cannot be read
    store = opened(tmp_path)
    assert len(store) == 2000
    assert store.ids[7] == "video_0007"


def test_the_manifest_says_what_the_caller_does_not(folder):
    write_manifest(folder, Manifest(fps=25, stride=8, window=32, dimension=6))
    store = open_features(folder)
    assert store["a"].grid == TimeGrid(25, 8, 32)
    assert store.dimension == 6


def test_the_manifest_of_an_h5_file_lies_beside_it(tmp_path, save):
    save(tmp_path / "all.h5", VALUES)
    write_manifest(tmp_path, Manifest(fps=25, stride=8, window=32))
    assert open_features(tmp_path / "all.h5")["feats"].grid == TimeGrid(25, 8, 32)


def test_a_contradiction_names_both_values_and_both_places(folder):
    write_manifest(folder, Manifest(fps=25, stride=8, window=32))
    with pytest.raises(InputError, match=r"stride is 4 in recipe\.yaml \(data\) but 8 in .*rgb/features\.yaml"):
        open_features(folder, stride=4, said_in="recipe.yaml (data)")


def test_a_dimension_that_contradicts_the_manifest_is_refused_at_once(folder, opened):
    write_manifest(folder, Manifest(dimension=6))
    with pytest.raises(
        InputError, match=r"dimension is 7 in open_features\(\), but .* 6 \(6 in .*features\.yaml"
    ):
        opened(folder, dimension=7)


def test_dimensions_of_two_manifests_add_up(tmp_path, folder, save, opened):
    save(tmp_path / "flow" / "a.npy", VALUES)
    for name in ("rgb", "flow"):
        write_manifest(tmp_path / name, Manifest(dimension=6))
    assert opened([folder, tmp_path / "flow"], dimension=12).dimension == 12
    with pytest.raises(InputError, match=r"dimension is 6 in .* 12 \(6 in .*rgb.* and 6 in .*flow"):
        opened([folder, tmp_path / "flow"], dimension=6)


def test_the_dimension_of_raw_signals_counts_the_folded_vector(folder, opened):
    write_manifest(folder, Manifest(dimension=6))
    assert opened(folder, raw=True, window=10, stride=5, dimension=60).dimension == 60
    with pytest.raises(InputError, match=r"dimension is 6 in .* 60 \(6 in .*, times the window of 10 samples\)"):
        opened(folder, raw=True, window=10, stride=5, dimension=6)


def test_a_dimension_that_no_window_of_samples_makes_is_refused(folder, opened):
    with pytest.raises(InputError, match="must be the channels of the raw signals times the window of 10"):
        opened(folder, raw=True, window=10, stride=5, dimension=65)


@pytest.mark.parametrize(("window", "stride"), [(10.5, 5), (10, 2.5), (0, 5)])
def test_raw_signals_need_whole_samples(folder, opened, window, stride):
    with pytest.raises(InputError, match="must be whole numbers of samples"):
        opened(folder, raw=True, window=window, stride=stride)


@pytest.mark.parametrize(
    "wrong",
    [{"fps": 0}, {"stride": -1}, {"window": -1}, {"fps": float("nan")}, {"resample_to": 0}, {"dimension": 0}],
)
def test_impossible_numbers_are_named_with_their_place(folder, opened, wrong):
    (name,) = wrong
    with pytest.raises(InputError, match=rf"{name} is {wrong[name]} in recipe\.yaml, but must be"):
        opened(folder, said_in="recipe.yaml", **wrong)


def test_an_unknown_layout_is_told_the_known_ones(folder, opened):
    with pytest.raises(InputError, match=r"layout is 'TC' .* one of time_first, channels_first"):
        opened(folder, layout="TC")


def test_a_pattern_for_each_of_two_sources_in_one_folder(tmp_path, save, opened):
    save(tmp_path / "a_rgb.npy", VALUES)
    save(tmp_path / "a_flow.npy", VALUES + 1)
    store = opened(tmp_path, pattern=["{video}_rgb", "{video}_flow"])
    assert store.ids == ("a",)
    np.testing.assert_array_equal(store["a"].values, np.concatenate([VALUES, VALUES + 1], axis=1))


def test_patterns_must_match_the_paths_in_number(folder, opened):
    with pytest.raises(InputError, match=r"paths in .* names 2 things for 3 sources"):
        opened([folder, folder], pattern=["{video}"] * 3)


def test_videos_that_one_source_lacks_are_counted_and_left_out(tmp_path, folder, save, opened, caplog):
    for name in "bcdefgh":
        save(folder / f"{name}.npy", VALUES)
    save(tmp_path / "flow" / "a.npy", VALUES)
    with caplog.at_level(logging.WARNING):
        store = opened([folder, tmp_path / "flow"])
    assert store.ids == ("a",)
    assert "b" not in store
    (record,) = caplog.records
    assert "7 of 8 videos of" in record.getMessage()
    assert record.getMessage().endswith("are left out: b, c, d, e, f, ...")


def test_sources_without_a_common_video_are_refused(tmp_path, folder, save, opened):
    save(tmp_path / "flow" / "a_flow.npy", VALUES)
    with pytest.raises(InputError, match=r"no video has features in all of .*rgb \(a\) and .*flow \(a_flow\)"):
        opened([folder, tmp_path / "flow"])


def test_numpy_files_are_read_without_torch(folder):
    program = (
        "import sys; from untrimmed.features.opening import open_features; import untrimmed.features.survey;"
        f"open_features({str(Path(folder))!r}, fps=30, stride=4, window=16)['a'];"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
