"""Feature files of every format, opened so that a part can be read: one function a format."""

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from untrimmed.errors import InputError, MissingExtraError
from untrimmed.features.problems import NotNumbersError
from untrimmed.features.restricted_pickle import PickledArray, load_plain, refused
from untrimmed.files import reason

Index = tuple[int | slice, ...]


class Array(Protocol):
    """An array on disk: its shape and type are known, an index reads what it names."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values."""

    def __getitem__(self, index: Index, /) -> NDArray[Any]: ...


@contextmanager
def open_array(path: Path, key: str | None = None, member: str | None = None) -> Iterator[Array]:
    """The array of numbers in a feature file, for as long as the block lasts; the extension tells the format.

    `key` names one of several arrays in a file; formats that hold a single one take no notice of it. `member`
    is the dataset or group of an HDF5 file that holds many videos. Raises InputError where the file is
    unreadable, broken, ambiguous, or not of numbers. What goes wrong later, while the block indexes the
    array, is turned into an InputError by `reported`.
    """
    with ExitStack() as stack:
        with reported(path):
            array = stack.enter_context(_opened(path, key, member))
            _require_numbers(array.dtype)
        yield array


@contextmanager
def reported(where: Path | str) -> Iterator[None]:
    """Turns whatever a broken file makes its reader raise into one InputError that names the file."""
    try:
        yield
    except InputError:
        raise
    except NotNumbersError as error:
        raise InputError(f"{where} {error}; save it as one array of real numbers") from error
    except OSError as error:
        raise InputError(f"{where} cannot be read: {reason(error)}; check the file, or write it again") from error
    except Exception as error:  # zipfile, pickle, torch, safetensors and h5py raise nearly anything
        cause = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise InputError(
            f"{where} cannot be read: {cause}; it may be cut short or be of another format: write it again"
        ) from error


def _opened(path: Path, key: str | None, member: str | None) -> AbstractContextManager[Array]:
    if member is not None:
        return open_h5(path, key, member)
    return READERS[path.suffix.lower()](path, key)


@contextmanager
def open_npy(path: Path, key: str | None = None) -> Iterator[Array]:
    """A .npy file, mapped: only the pages of the steps that are read come from the disk."""
    with path.open("rb") as file:
        shape, column_major, dtype = _npy_header(file)
        offset = file.tell()
    _require_numbers(dtype)
    yield np.memmap(path, dtype, "r", offset, shape, order="F" if column_major else "C")


@contextmanager
def open_npz(path: Path, key: str | None = None) -> Iterator[Array]:
    """The array `key`, or the only one, of a .npz archive; its header first, the whole array when indexed."""
    with zipfile.ZipFile(path) as archive:
        members = {name[:-4]: name for name in archive.namelist() if name.endswith(".npy")}
        member = members[_choose(path, members, key)]
        with archive.open(member) as file:
            shape, _, dtype = _npy_header(file)
        yield _NpzArray(archive, member, shape, dtype)


@contextmanager
def open_pt(path: Path, key: str | None = None) -> Iterator[Array]:
    """What torch.save wrote: a tensor, or the tensor `key` or the only one of a dict; mapped if possible."""
    import torch

    # Files from before torch 1.6 are not zip archives and cannot be mapped.
    mapped = zipfile.is_zipfile(path)
    try:
        content = torch.load(str(path), map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:
        named = re.search(r"GLOBAL ([\w.]*\w)", str(error))
        if named:
            raise refused(path, named.group(1)) from error
        raise
    if isinstance(content, Mapping):
        tensors = {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}
        content = tensors[_choose(path, tensors, key)]
    if not isinstance(content, torch.Tensor):
        raise NotNumbersError(f"holds a {type(content).__name__}, not a tensor or a dict of tensors")
    yield _TensorArray(content.detach(), tuple(content.shape))


@contextmanager
def open_pkl(path: Path, key: str | None = None) -> Iterator[Array]:
    """A pickled array, or the array `key` or the only one of a dict; a list is stacked. Runs no code."""
    content = load_plain(path)
    if isinstance(content, dict):
        content = {name: value for name, value in content.items() if not isinstance(value, int | float | str)}
        content = content[_choose(path, content, key)]
    yield np.asarray(_plain(content))


@contextmanager
def open_safetensors(path: Path, key: str | None = None) -> Iterator[Array]:
    """The tensor `key`, or the only one, of a .safetensors file, mapped."""
    from safetensors import safe_open

    # Through torch, which has bfloat16 and hands out a slice without a copy; numpy has and does neither.
    with safe_open(path, framework="pt") as file:
        part = file.get_slice(_choose(path, file.keys(), key))
        yield _TensorArray(part, tuple(part.get_shape()))


@contextmanager
def open_h5(path: Path, key: str | None = None, member: str | None = None) -> Iterator[Array]:
    """The dataset `key`, or the only one, of an HDF5 file or of its `member`; reads the steps indexed.

    The member of a file for many videos may be the dataset itself.
    """
    h5py = import_h5py()
    with h5py.File(path, "r") as file:
        node = file if member is None else file[member]
        if isinstance(node, h5py.Group):
            datasets = {name: item for name, item in node.items() if isinstance(item, h5py.Dataset)}
            where = path if member is None else f"{path}:{member}"
            # A key may lead through groups: a/b.
            by_path = key if key is not None and isinstance(node.get(key), h5py.Dataset) else None
            node = node[by_path or _choose(where, datasets, key)]
        yield node


READERS: dict[str, Callable[[Path, str | None], AbstractContextManager[Array]]] = {
    ".npy": open_npy,
    ".npz": open_npz,
    ".pt": open_pt,
    ".pth": open_pt,
    ".pkl": open_pkl,
    ".safetensors": open_safetensors,
    ".h5": open_h5,
    ".hdf5": open_h5,
}
HDF5_EXTENSIONS = (".h5", ".hdf5")


def import_h5py() -> Any:
    """The package h5py, or MissingExtraError."""
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("h5py", "h5", "reading .h5 files") from error
    return h5py


@dataclass(frozen=True)
class _NpzArray:
    archive: zipfile.ZipFile
    member: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __getitem__(self, index: Index) -> NDArray[Any]:
        with self.archive.open(self.member) as file:
            whole: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        return whole[index]


@dataclass(frozen=True)
class _TensorArray:
    tensor: Any  # a torch.Tensor, or a slice of a safetensors file that gives one
    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def __getitem__(self, index: Index) -> NDArray[Any]:
        import torch

        part = self.tensor[index]
        if part.is_complex():
            raise NotNumbersError("holds complex numbers")
        values = np.empty(tuple(part.shape), np.float32)
        torch.from_numpy(values).copy_(part)
        return values


def _require_numbers(dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "fiub":
        raise NotNumbersError(f"holds values of type {dtype}")


def _npy_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


def _plain(content: Any) -> Any:
    """An array, a number, or a list of these that numpy can stack."""
    if isinstance(content, PickledArray):
        return content.to_numpy()
    if isinstance(content, list | tuple):
        return [_plain(part) for part in content]
    if isinstance(content, int | float):
        return content
    raise NotNumbersError(f"holds a {type(content).__name__} where an array is expected")


def _choose(where: Path | str, names: Sequence[str] | Mapping[str, Any], key: str | None) -> str:
    """The name `key`, or the only one; InputError that lists the names where there is no such one."""
    listed = ", ".join(sorted(map(str, names))) or "none"
    if key is not None:
        if key in names:
            return key
        raise InputError(f"{where} has no array named {key!r}; it has: {listed}")
    if len(names) == 1:
        return next(iter(names))
    raise InputError(f"{where} holds {len(names)} arrays ({listed}); say with key which one to read")
