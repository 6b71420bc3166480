"""One kind of feature of many videos: its files, read as (T, D) float32 and checked."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from untrimmed.errors import InputError
from untrimmed.features.index import few
from untrimmed.features.problems import NotFiniteError, WrongDimensionError
from untrimmed.features.readers import Array, open_array, reported
from untrimmed.features.sequence import FeatureArray
from untrimmed.features.stated import Stated

Layout = Literal["time_first", "channels_first"]
LAYOUTS: tuple[Layout, ...] = ("time_first", "channels_first")


@dataclass(frozen=True)
class FeatureFile:
    """An opened file seen as (T, D), whatever the order of its axes.

    Attributes:
        where: the file, for messages.
        array: (T, D), or (D, T) if `channels_first`; before these, maybe an axis of length 1.
    """

    where: str
    array: Array
    channels_first: bool

    @property
    def length(self) -> int:
        """T, the steps in the file."""
        return self._shape[0]

    @property
    def dimension(self) -> int:
        """D, the values a step."""
        return self._shape[1]

    def read(self, start: int, stop: int) -> FeatureArray:
        """The steps from `start` to before `stop`, a fresh (stop - start, D) array; no NaN in it."""
        time, everything = slice(start, stop), slice(None)
        index = (everything, time) if self.channels_first else (time, everything)
        with reported(self.where):
            block = self.array[(0,) * (len(self.array.shape) - 2) + index]
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is then reported
            values = np.ascontiguousarray(block.T if self.channels_first else block, dtype=np.float32)
        if not _has_own_memory(values):
            values = values.copy()
        _require_finite(self.where, values, start)
        return values

    @cached_property
    def _shape(self) -> tuple[int, int]:
        shape = self.array.shape or ()
        if len(shape) != 2 and not (len(shape) == 3 and shape[0] == 1):
            axes = "(values, steps)" if self.channels_first else "(steps, values)"
            raise InputError(f"{self.where} has the shape {shape}; expected two axes {axes}")
        length, dimension = reversed(shape[-2:]) if self.channels_first else shape[-2:]
        if length == 0 or dimension == 0:
            raise InputError(f"{self.where} is empty: its shape is {shape}; remove it or write it again")
        return length, dimension


@dataclass(frozen=True)
class Source:
    """The files of one kind of feature.

    Attributes:
        place: the folder of the files, or the HDF5 file that holds all videos.
        names: video id to the name of its file in the folder, or of its member in the HDF5 file.
        key: the name of the array in files that hold several.
        layout: the order of the axes in the files.
        expected: D, where it is known before a file is read, and who says so.
    """

    place: Path
    names: Mapping[str, str] = field(repr=False)
    key: str | None = None
    layout: Layout = "time_first"
    expected: Stated[int] | None = None

    @contextmanager
    def open(self, video_id: str) -> Iterator[FeatureFile]:
        """The file of a video, of the same D as all others; InputError where it is absent or not usable."""
        with self._open_any(video_id) as file:
            if file.dimension != self.reference.value:
                raise self._wrong_dimension(file)
            yield file

    @cached_property
    def reference(self) -> Stated[int]:
        """D: as expected, or else as in the first file, by video id, whose header can be read."""
        if self.expected is not None:
            return self.expected
        failure: InputError | None = None
        for video_id in sorted(self.names):
            try:
                with self._open_any(video_id) as file:
                    return Stated(file.dimension, f"the first file, {file.where}")
            except InputError as error:
                failure = failure or error
        raise failure or InputError(f"{self.place} holds no features")

    @cached_property
    def _is_folder(self) -> bool:
        return self.place.is_dir()

    @contextmanager
    def _open_any(self, video_id: str) -> Iterator[FeatureFile]:
        name = self.names.get(video_id)
        if name is None:
            raise InputError(
                f"{self.place} has no features of the video {video_id!r}; "
                f"it has {len(self.names)} videos: {few(self.names)}"
            )
        if self._is_folder:
            path, member, where = self.place / name, None, str(self.place / name)
        else:
            path, member, where = self.place, name, f"{self.place}:{name}"
        with open_array(path, self.key, member) as array:
            yield FeatureFile(where, array, self.layout == "channels_first")

    def _wrong_dimension(self, file: FeatureFile) -> WrongDimensionError:
        expected = self.reference
        if file.length == expected.value:
            other = LAYOUTS[self.layout == LAYOUTS[0]]
            advice = f"its axes seem to be swapped: set layout to {other}, or transpose it"
        else:
            advice = "extract it again with the encoder of the others, or mend the dimension"
        return WrongDimensionError(
            f"{file.where} has {file.dimension} values a step instead of the {expected.value} of "
            f"{expected.place}; {advice}"
        )


def _has_own_memory(values: FeatureArray) -> bool:
    """Whether the values are no view of a file or of a larger array, which they would keep alive."""
    owner = values if values.base is None else values.base
    return type(owner) is np.ndarray and owner.flags.owndata and owner.nbytes == values.nbytes


def _require_finite(where: str, values: FeatureArray, start: int) -> None:
    finite = np.isfinite(values)
    if finite.all():
        return
    first = start + int(np.argmin(finite.all(axis=1)))
    raise NotFiniteError(
        f"{where} holds {finite.size - int(finite.sum())} values that are NaN or infinite, the first at step "
        f"{first} (counted from 0); extract it again or remove it"
    )
