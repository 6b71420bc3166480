"""Pickles give arrays, and run nothing: each attack here would leave a file behind if any of it ran."""

import contextlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from untrimmed.errors import InputError
from untrimmed.features.opening import open_features
from untrimmed.features.restricted_pickle import PickledArray, load_plain

VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)


class Attack:
    """Pickles into a call of os.system that makes the file `sentinel`."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self):
        return os.system, (f"touch '{self.sentinel}'",)


def wrapped(attack):
    array = np.empty(1, dtype=object)
    array[0] = attack
    return {
        "alone": attack,
        "in a list": [VALUES, [1, [attack]]],
        "as a value": {"feats": VALUES, "extra": attack},
        "as a key": {(attack, 1): VALUES},
        "in an object array": array,
    }


@pytest.fixture
def sentinel(tmp_path):
    return tmp_path / "it_ran"


@pytest.mark.parametrize("place", list(wrapped(None)))
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, opened, sentinel, place, protocol):
    folder = tmp_path / "features"
    folder.mkdir()
    content = pickle.dumps(wrapped(Attack(sentinel))[place], protocol)
    (folder / "a.pkl").write_bytes(content)
    with pytest.raises(InputError) as caught:
        opened(folder)["a"]
    assert f"a.pkl is refused: it names '{os.system.__module__}.system'" in str(caught.value)
    assert not sentinel.exists()
    pickle.loads(content)
    assert sentinel.exists(), "the attack of this test does nothing"


@pytest.mark.parametrize("place", ["alone", "in a list", "as a value"])
def test_a_pt_file_with_code_is_refused_and_not_run(tmp_path, opened, sentinel, place):
    torch = pytest.importorskip("torch")
    folder = tmp_path / "features"
    folder.mkdir()
    torch.save(wrapped(Attack(sentinel))[place], folder / "a.pt")
    with pytest.raises(InputError, match=r"a\.pt is refused: it names"):
        opened(folder)["a"]
    assert not sentinel.exists()


@pytest.mark.parametrize("extension", [".npy", ".npz"])
def test_a_numpy_file_with_code_is_refused_and_not_run(tmp_path, opened, sentinel, extension):
    folder = tmp_path / "features"
    folder.mkdir()
    array = wrapped(Attack(sentinel))["in an object array"]
    if extension == ".npy":
        np.save(folder / "a.npy", array, allow_pickle=True)
    else:
        np.savez(folder / "a.npz", array)
    with pytest.raises(InputError, match=f"a{extension} holds values of type object"):
        opened(folder)["a"]
    assert not sentinel.exists()


@pytest.mark.parametrize(
    "module_and_name",
    ["builtins eval", "builtins getattr", "numpy load", "numpy.ndarray tofile", "os system", "torch load"],
)
def test_every_other_name_is_refused(tmp_path, module_and_name):
    module, name = module_and_name.split()
    path = tmp_path / "a.pkl"
    path.write_bytes(f"c{module}\n{name}\n.".encode())
    with pytest.raises(InputError, match=f"it names '{module}.{name}'"):
        load_plain(path)


def test_attributes_of_allowed_names_are_refused(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.__new__\x93.")
    with pytest.raises(InputError, match=r"it names 'numpy\.ndarray\.__new__'"):
        load_plain(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4", "i1", "<i8", "<u2", "?"])
@pytest.mark.parametrize(
    "view",
    [lambda a: a, np.asfortranarray, lambda a: a[:, ::2], lambda a: a.transpose(1, 0), lambda a: a[:1]],
)
def test_arrays_of_every_layout_are_rebuilt(tmp_path, protocol, dtype, view):
    array = view(VALUES.astype(dtype))
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(array, protocol))
    rebuilt = load_plain(path).to_numpy()
    assert rebuilt.dtype == array.dtype
    np.testing.assert_array_equal(rebuilt, array)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_permuted_axes_are_rebuilt(tmp_path, protocol):
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(1, 0, 2)
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(array, protocol))
    np.testing.assert_array_equal(load_plain(path).to_numpy(), array)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("core", [b"numpy.core", b"numpy._core"])
def test_pickles_of_numpy_1_and_2_are_read(tmp_path, protocol, core):
    content = pickle.dumps(VALUES, protocol)
    for written in (
        b"numpy._core.multiarray",
        b"numpy._core.numeric",
        b"numpy.core.multiarray",
        b"numpy.core.numeric",
    ):
        renamed = core + written[written.rindex(b".") :]
        # The protocols from 4 on write the length of a name before it.
        content = content.replace(bytes([len(written)]) + written, bytes([len(renamed)]) + renamed)
        content = content.replace(written, renamed)
    if protocol >= 4:
        content = content[:2] + b"\x95" + (len(content) - 11).to_bytes(8, "little") + content[11:]
    assert core + b"." in content
    path = tmp_path / "a.pkl"
    path.write_bytes(content)
    np.testing.assert_array_equal(load_plain(path).to_numpy(), VALUES)


def test_pickles_of_python_2_are_read(tmp_path):
    # What Python 2.7's cPickle with numpy 1.16 writes with protocol 2: bytes as short strings (opcode U).
    content = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03"
        b"(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\x04U\x02f4K\x00K\x01\x87Rq\x05"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x18" + VALUES.tobytes() + b"tb."
    )
    path = tmp_path / "a.pkl"
    path.write_bytes(content)
    np.testing.assert_array_equal(load_plain(path).to_numpy(), VALUES)


def test_plain_values_and_numpy_scalars_come_with_the_arrays(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"fps": np.float64(29.97), "names": ("a", [1, 2.5, None, True]), "x": VALUES}))
    content = load_plain(path)
    assert content["fps"] == 29.97
    assert content["names"] == ("a", [1, 2.5, None, True])
    assert isinstance(content["x"], PickledArray)


def test_lists_of_vectors_are_stacked(tmp_path, opened):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([VALUES[0], VALUES[1].tolist()]))
    np.testing.assert_array_equal(opened(tmp_path)["a"].values, VALUES)


def test_lists_of_unequal_vectors_are_refused(tmp_path, opened):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([VALUES[0], VALUES[1, :2]]))
    with pytest.raises(InputError, match=r"a\.pkl cannot be read"):
        opened(tmp_path)["a"]


@pytest.mark.parametrize("content", ["text", None, {"a": {"b": 1}}, np.array(["text"]), {1: "x"}])
def test_pickles_without_an_array_of_numbers_are_refused(tmp_path, opened, content):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match=r"a\.pkl holds"):
        opened(tmp_path)["a"]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([0, 2, 4, 5]), st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_pickle_gives_an_array_or_an_input_error(tmp_path_factory, protocol, position, byte):
    content = bytearray(pickle.dumps({"feats": VALUES, "fps": np.float64(3)}, protocol))
    content[position % len(content)] = byte
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "a.pkl").write_bytes(content)
    store = open_features(folder, fps=30, stride=4, window=16)
    with contextlib.suppress(InputError):  # any other exception fails
        assert store["a"].values.ndim == 2
