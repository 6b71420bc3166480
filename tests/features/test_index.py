import numpy as np
import pytest

from untrimmed.errors import InputError
from untrimmed.features.index import few, find_videos


@pytest.fixture
def folder_of(tmp_path):
    """folder_of(names) makes empty files: finding videos must not open them."""

    def make(*names):
        for name in names:
            (tmp_path / name).touch()
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{video}", "video_7.npy"),
        ("v_{video}", "v_video_7.npy"),
        ("{video}-i3d", "video_7-i3d.npz"),
        ("rgb_{video}_x", "rgb_video_7_x.pt"),
        ("{video}.npy", "video_7.npy"),
        ("v_{video}.NPY", "v_video_7.NPY"),
    ],
)
def test_a_pattern_finds_the_video_in_the_name(folder_of, pattern, name):
    assert find_videos(folder_of(name, "notes.txt"), pattern) == {"video_7": name}


def test_a_video_id_may_hold_dots(folder_of):
    assert find_videos(folder_of("match.2024.npy")) == {"match.2024": "match.2024.npy"}


def test_only_names_that_fit_are_taken(folder_of):
    folder = folder_of("v_1.npy", "w_2.npy", "v_.npy", "v_3-i3d.npy")
    assert find_videos(folder, "v_{video}") == {"1": "v_1.npy", "3-i3d": "v_3-i3d.npy"}


def test_other_files_hidden_files_and_folders_are_left_aside(folder_of):
    folder = folder_of("a.npy", "a.mp4", "._a.npy", ".b.npy.x1.part", "README", "features.yaml")
    (folder / "c.npy").mkdir()
    assert find_videos(folder) == {"a": "a.npy"}


def test_a_folder_of_folders_has_the_files_in_them(folder_of):
    folder = folder_of("README", "features.yaml")
    for subset, video in (("training", "a"), ("validation", "b"), (".old", "c")):
        (folder / subset).mkdir()
        (folder / subset / f"v_{video}.npy").touch()
    assert find_videos(folder, "v_{video}") == {"a": "training/v_a.npy", "b": "validation/v_b.npy"}


def test_a_video_in_two_of_the_folders_is_an_error_and_files_beside_the_folders_hide_them(folder_of):
    folder = folder_of()
    for subset in ("training", "validation"):
        (folder / subset).mkdir()
        (folder / subset / "a.npy").touch()
    with pytest.raises(InputError, match=r"two files of the video a: training/a\.npy and validation/a\.npy"):
        find_videos(folder)
    assert find_videos(folder_of("b.npy")) == {"b": "b.npy"}


def test_extensions_are_known_in_capitals(folder_of):
    assert find_videos(folder_of("a.NPY", "b.Pt")) == {"a": "a.NPY", "b": "b.Pt"}


def test_two_files_of_one_video_are_both_named(folder_of):
    folder = folder_of("a.npz", "a.npy", "b.npy")
    with pytest.raises(InputError, match=r"two files of the video a: a\.npy and a\.npz; remove one"):
        find_videos(folder)
    assert find_videos(folder, "{video}.npy") == {"a": "a.npy", "b": "b.npy"}


def test_further_pairs_are_counted(folder_of):
    folder = folder_of("a.npz", "a.npy", "b.npy", "b.pt", "c.h5", "c.npy")
    with pytest.raises(InputError, match=r"and 2 other videos have two"):
        find_videos(folder)


def test_an_absent_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere does not exist"):
        find_videos(tmp_path / "nowhere")


def test_a_file_in_place_of_a_folder_is_told_apart(folder_of):
    folder = folder_of("a.npy")
    with pytest.raises(InputError, match=r"a\.npy is a file; .* give .*"):
        find_videos(folder / "a.npy")


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no files"):
        find_videos(tmp_path)


def test_a_folder_without_feature_files_shows_what_it_holds(folder_of):
    with pytest.raises(InputError, match=r"no feature files \(\.npy, .*, but 2 others: a\.mp4, b\.mp4"):
        find_videos(folder_of("b.mp4", "a.mp4"))


def test_names_that_do_not_fit_are_shown_with_the_pattern(folder_of):
    with pytest.raises(InputError, match=r"fits the pattern 'v_\{video\}'; it holds 2 files: a\.npy, b\.npy"):
        find_videos(folder_of("b.npy", "a.npy"), "v_{video}")


@pytest.mark.parametrize("pattern", ["v_", "{vid}", "{video}_{video}", ""])
def test_a_pattern_must_hold_the_video_once(folder_of, pattern):
    with pytest.raises(InputError, match=r"must hold \{video\} once"):
        find_videos(folder_of("a.npy"), pattern)


def test_an_h5_file_holds_many_videos(tmp_path, opened):
    h5py = pytest.importorskip("h5py")
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    path = tmp_path / "all.h5"
    with h5py.File(path, "w") as file:
        file["v_a"] = values
        file["v_b/c3d_features"] = values + 1
        file["v_c/rgb"] = values
        file["v_c/flow"] = values
        file["other"] = values
    store = opened(path, pattern="v_{video}")
    assert store.ids == ("a", "b", "c")
    np.testing.assert_array_equal(store.read("a", 1, 3), values[1:3])
    np.testing.assert_array_equal(store["b"].values, values + 1)
    with pytest.raises(InputError, match=r"all\.h5:v_c holds 2 arrays \(flow, rgb\)"):
        store["c"]
    np.testing.assert_array_equal(opened(path, pattern="v_{video}", key="flow")["c"].values, values)
    with pytest.raises(InputError, match=r"no member of .*all\.h5 fits .* it has 4: other, v_a, v_b, v_c"):
        find_videos(path, "w_{video}")


def test_a_truncated_h5_file_of_many_videos_is_named(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "all.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros((100, 3))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"all\.h5 cannot be read"):
        find_videos(path)


def test_few_names_are_sorted_and_the_rest_is_an_ellipsis():
    assert few(["c", "a", "b"]) == "a, b, c"
    assert few("gfedcba") == "a, b, c, d, e, ..."
