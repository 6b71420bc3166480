"""Arrays from pickles of which nothing is executed.

A pickle is a program: it may name any function of any installed package and call it. Here every name that a
pickled numpy array needs stands for an inert record of our own, every other name is refused, and the array
is built afterwards from what the records say, so not even numpy's own constructors see unchecked input.
"""

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from untrimmed.errors import InputError
from untrimmed.features.problems import NotNumbersError


class PickledArray:
    """What a pickle says of one array; `to_numpy` checks it and builds the array."""

    def __init__(self) -> None:
        self.shape: Any = None
        self.dtype: Any = None
        self.order: Any = "C"
        self.axes: Any = None
        self.values: Any = None

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.dtype, column_major, self.values = state
        self.order = "F" if column_major else "C"

    def to_numpy(self) -> NDArray[Any]:
        """The array; NotNumbersError where it is none of numbers, another error where it is broken."""
        if not isinstance(self.dtype, PickledDtype):
            raise ValueError("an array in it is incomplete")
        values: NDArray[Any] = np.frombuffer(_bytes(self.values), self.dtype.to_numpy())
        if self.order == "K" and self.axes is not None:
            values = values.reshape(self.shape).transpose(self.axes)
        else:
            values = values.reshape(self.shape, order=self.order)
        return values


class PickledDtype:
    """What a pickle says of the type of an array's values: a code such as f4, and a byte order."""

    def __init__(self, code: Any = None, align: Any = False, copy: Any = False) -> None:
        self.code = code
        self.byte_order: Any = "="

    def __setstate__(self, state: Any) -> None:
        self.byte_order = state[1]

    def to_numpy(self) -> np.dtype[Any]:
        """The type; NotNumbersError where it is not one of real numbers."""
        code = f"{self.byte_order}{self.code}"
        if not re.fullmatch(r"[<>=|][fiub]\d+", code):
            raise NotNumbersError(f"holds values of type {self.code!r}")
        return np.dtype(code)


def _reconstruct(subtype: Any, shape: Any, code: Any) -> PickledArray:
    return PickledArray()


def _from_buffer(values: Any, dtype: Any, shape: Any, order: Any, axes: Any = None) -> PickledArray:
    array = PickledArray()
    array.values, array.dtype, array.shape, array.order, array.axes = values, dtype, shape, order, axes
    return array


def _scalar(dtype: Any, value: Any) -> Any:
    return np.frombuffer(_bytes(value), dtype.to_numpy())[0].item()


def _encode(text: str, encoding: str) -> bytes | bytearray:
    return _bytes(text)


def _bytes(values: Any) -> bytes | bytearray:
    # Python 2 and the old protocols write bytes as text of which each character is one byte.
    if isinstance(values, str):
        return values.encode("latin1")
    if isinstance(values, (bytes, bytearray)):
        return values
    raise ValueError("an array in it does not hold bytes of numbers")


STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): PickledArray,
    ("numpy", "dtype"): PickledDtype,
    ("_codecs", "encode"): _encode,
    # numpy 2 renamed numpy.core; files of both exist.
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
}


class _Unpickler(pickle.Unpickler):
    path: Path

    def find_class(self, module: str, name: str) -> Any:
        stand_in = STAND_INS.get((module, name))
        if stand_in is None:
            raise refused(self.path, f"{module}.{name}")
        return stand_in


def load_plain(path: Path) -> Any:
    """The numbers, texts, lists, tuples and dicts in a pickle, with a PickledArray for each array.

    Raises InputError where it names anything else, and whatever the unpickler raises on a broken file.
    """
    with path.open("rb") as file:
        unpickler = _Unpickler(file, encoding="latin1")
        unpickler.path = path
        return unpickler.load()


def refused(path: Path, name: str) -> InputError:
    """The error for a file that names something beyond the arrays and plain values that are read."""
    return InputError(
        f"{path} is refused: it names {name[:80]!r}, and only plain arrays and values are read, because any "
        "other name may run code; if you trust the file, save its array as .npy"
    )
