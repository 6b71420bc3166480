"""Every format through a store: the way in which files are read in practice."""

import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from untrimmed.errors import InputError, MissingExtraError
from untrimmed.features.opening import open_features
from untrimmed.features.readers import READERS

FORMATS = tuple(READERS)
VALUES = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def stores(tmp_path_factory, save):
    """A store of the same values for each format."""
    root = tmp_path_factory.mktemp("formats")
    for extension in FORMATS:
        save(root / extension[1:] / f"a{extension}", VALUES)
    return {extension: open_features(root / extension[1:], fps=30, stride=4, window=16) for extension in FORMATS}


@pytest.mark.parametrize("extension", FORMATS)
def test_a_whole_file_is_read_as_it_was_written(stores, extension):
    sequence = stores[extension]["a"]
    assert sequence.values.dtype == np.float32
    np.testing.assert_array_equal(sequence.values, VALUES)
    assert stores[extension].length("a") == len(sequence) == 40
    assert stores[extension].dimension == 6


@pytest.mark.parametrize("extension", FORMATS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_part_is_that_slice_of_the_whole(stores, extension, data):
    start = data.draw(st.integers(0, 39))
    stop = data.draw(st.integers(start + 1, 40))
    np.testing.assert_array_equal(stores[extension].read("a", start, stop), VALUES[start:stop])


@pytest.mark.parametrize("extension", FORMATS)
def test_what_is_read_may_be_written_to(stores, extension):
    values = stores[extension].read("a", 1, 3)
    values += 1
    np.testing.assert_array_equal(stores[extension].read("a", 1, 3), VALUES[1:3])


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int16, np.uint8, np.int64])
def test_other_numbers_become_float32(tmp_path, save, opened, extension, dtype):
    array = np.arange(12).reshape(4, 3).astype(dtype)
    save(tmp_path / f"a{extension}", array)
    values = opened(tmp_path)["a"].values
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.arange(12).reshape(4, 3))


@pytest.mark.parametrize("extension", [".npy", ".npz", ".pkl", ".h5"])
def test_big_endian_numbers_are_read(tmp_path, save, opened, extension):
    save(tmp_path / f"a{extension}", VALUES.astype(">f4"))
    np.testing.assert_array_equal(opened(tmp_path)["a"].values, VALUES)


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("leading_axis", [False, True])
def test_channels_first_files_are_turned(tmp_path, save, opened, extension, leading_axis):
    array = np.ascontiguousarray(VALUES.T)
    save(tmp_path / f"a{extension}", array[None] if leading_axis else array)
    store = opened(tmp_path, layout="channels_first")
    np.testing.assert_array_equal(store["a"].values, VALUES)
    np.testing.assert_array_equal(store.read("a", 3, 9), VALUES[3:9])


@pytest.mark.parametrize("extension", FORMATS)
def test_a_leading_axis_of_one_is_dropped(tmp_path, save, opened, extension):
    save(tmp_path / f"a{extension}", VALUES[None])
    np.testing.assert_array_equal(opened(tmp_path).read("a", 3, 9), VALUES[3:9])


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (1, 1, 3, 4)])
def test_other_numbers_of_axes_are_refused_with_the_shape(tmp_path, save, opened, extension, shape):
    save(tmp_path / f"a{extension}", np.zeros(shape, np.float32))
    with pytest.raises(InputError) as caught:
        opened(tmp_path)["a"]
    assert f"a{extension} has the shape {shape}; expected two axes (steps, values)" in str(caught.value)


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("shape", [(0, 4), (4, 0)])
def test_empty_files_are_refused(tmp_path, save, opened, extension, shape):
    save(tmp_path / f"a{extension}", np.zeros(shape, np.float32))
    with pytest.raises(InputError, match=f"a{extension} is empty"):
        opened(tmp_path)["a"]


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.98])
def test_a_truncated_file_is_named_in_one_sentence(tmp_path, save, opened, extension, kept):
    path = save(tmp_path / f"a{extension}", VALUES)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError) as caught:
        opened(tmp_path)["a"]
    assert f"a{extension} cannot be read" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("extension", FORMATS)
def test_a_file_of_another_format_is_named(tmp_path, opened, extension):
    (tmp_path / f"a{extension}").write_text("<html><body>404 Not Found</body></html>" * 20)
    with pytest.raises(InputError, match=f"a{extension} cannot be read"):
        opened(tmp_path)["a"]


def test_a_file_that_vanished_is_named(tmp_path, save, opened):
    path = save(tmp_path / "a.npy", VALUES)
    store = opened(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match=r"a\.npy cannot be read: no such file"):
        store["a"]


@pytest.mark.parametrize("extension", [".npy", ".npz"])
def test_object_arrays_are_refused(tmp_path, opened, extension):
    array = np.array([["a", None]], dtype=object)
    if extension == ".npy":
        np.save(tmp_path / "a.npy", array, allow_pickle=True)
    else:
        np.savez(tmp_path / "a.npz", array)
    with pytest.raises(InputError, match=f"a{extension} holds values of type object"):
        opened(tmp_path)["a"]


@pytest.mark.parametrize("extension", [".npy", ".npz", ".pt", ".pkl", ".h5"])
def test_complex_numbers_are_refused(tmp_path, save, opened, extension):
    save(tmp_path / f"a{extension}", np.zeros((3, 2), np.complex64))
    with pytest.raises(InputError, match=f"a{extension} holds"):
        opened(tmp_path)["a"]


def test_half_precision_of_torch_is_read(tmp_path, opened):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    tensor = torch.from_numpy(VALUES).bfloat16()
    torch.save({"feats": tensor}, tmp_path / "a.pt")
    save_file({"feats": tensor}, tmp_path / "b.safetensors")
    store = opened(tmp_path)
    np.testing.assert_array_equal(store["a"].values, tensor.float().numpy())
    np.testing.assert_array_equal(store["b"].values, tensor.float().numpy())


def test_files_of_old_torch_are_read(tmp_path, opened):
    torch = pytest.importorskip("torch")
    torch.save(torch.from_numpy(VALUES), tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    np.testing.assert_array_equal(opened(tmp_path).read("a", 2, 5), VALUES[2:5])


def test_parameters_that_require_gradients_are_read(tmp_path, opened):
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Parameter(torch.from_numpy(VALUES.copy())), tmp_path / "a.pt")
    np.testing.assert_array_equal(opened(tmp_path)["a"].values, VALUES)


def test_columns_first_npy_files_are_read(tmp_path, opened):
    np.save(tmp_path / "a.npy", np.asfortranarray(VALUES))
    np.testing.assert_array_equal(opened(tmp_path).read("a", 2, 5), VALUES[2:5])


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_npy_is_read(tmp_path, opened, version):
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, VALUES, version)
    np.testing.assert_array_equal(opened(tmp_path).read("a", 2, 5), VALUES[2:5])


def test_chunked_and_compressed_h5_files_are_read(tmp_path, opened):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("feats", data=VALUES, chunks=(7, 2), compression="gzip")
    np.testing.assert_array_equal(opened(tmp_path).read("a", 2, 25), VALUES[2:25])


def write_two(path):
    """A file that holds VALUES as `rgb` and other values as `flow`."""
    arrays = {"rgb": VALUES, "flow": VALUES[:, :2].copy()}
    match path.suffix:
        case ".npz":
            np.savez_compressed(path, **arrays)
        case ".pt":
            import torch

            torch.save({name: torch.from_numpy(array) for name, array in arrays.items()} | {"fps": 30}, path)
        case ".pkl":
            import pickle

            path.write_bytes(pickle.dumps({**arrays, "fps": 30, "name": "a"}))
        case ".safetensors":
            from safetensors.numpy import save_file

            save_file(arrays, path)
        case ".h5":
            h5py = pytest.importorskip("h5py")
            with h5py.File(path, "w") as file:
                for name, array in arrays.items():
                    file[name] = array


@pytest.mark.parametrize("extension", [".npz", ".pt", ".pkl", ".safetensors", ".h5"])
def test_key_chooses_one_of_several_arrays(tmp_path, opened, extension):
    write_two(tmp_path / f"a{extension}")
    np.testing.assert_array_equal(opened(tmp_path, key="rgb")["a"].values, VALUES)
    with pytest.raises(InputError, match=rf"a{extension} holds 2 arrays \(flow, rgb\); say with key"):
        opened(tmp_path)["a"]
    with pytest.raises(InputError, match=rf"a{extension} has no array named 'RGB'; it has: flow, rgb"):
        opened(tmp_path, key="RGB")["a"]


@pytest.mark.parametrize("extension", [".npz", ".pt", ".pkl", ".safetensors", ".h5"])
def test_two_arrays_of_a_file_are_two_sources(tmp_path, opened, extension):
    write_two(tmp_path / f"a{extension}")
    store = opened(tmp_path, key=["rgb", "flow"])
    np.testing.assert_array_equal(store["a"].values, np.concatenate([VALUES, VALUES[:, :2]], axis=1))


def test_a_key_leads_through_the_groups_of_an_h5_file(tmp_path, opened):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["i3d/rgb"] = VALUES
    np.testing.assert_array_equal(opened(tmp_path, key="i3d/rgb")["a"].values, VALUES)


@pytest.mark.parametrize("content", [[1, 2], 3.5, {"fps": 30}])
def test_pt_files_without_a_tensor_are_refused(tmp_path, opened, content):
    torch = pytest.importorskip("torch")
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"a\.pt holds"):
        opened(tmp_path)["a"]


@pytest.mark.parametrize("extension", [".npy", ".pt", ".safetensors", ".h5"])
def test_a_part_is_read_without_the_rest(tmp_path, save, opened, extension):
    save(tmp_path / f"a{extension}", np.ones((20_000, 128), np.float32))  # 10 MB
    store = opened(tmp_path)
    store.read("a", 0, 1)  # whatever a reader allocates once
    tracemalloc.start()
    try:
        values = store.read("a", 9_000, 9_100)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert values.nbytes <= peak < 10 * values.nbytes


def test_a_missing_h5py_names_the_extra(tmp_path, opened, monkeypatch):
    (tmp_path / "a.h5").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"untrimmed\[h5\]"):
        opened(tmp_path)["a"]
