"""Folders that planted features are written into: one for each source of a recipe."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from untrimmed.config import DataSection
from untrimmed.errors import InputError
from untrimmed.features.index import split_pattern
from untrimmed.features.manifest import FILE_NAME, Manifest, read_manifest, write_manifest
from untrimmed.features.readers import READERS, open_array
from untrimmed.features.sequence import FeatureArray
from untrimmed.files import replacing


@dataclass(frozen=True)
class Place:
    """Where the values of one source go.

    Attributes:
        folder: of the files.
        pattern: the name of a file.
        first: the first of the D values of a vector that belongs to this source.
        dimension: how many do.
        channels_first: whether an array is (D, T).
    """

    folder: Path
    pattern: str
    first: int
    dimension: int
    channels_first: bool

    def path(self, video_id: str) -> Path:
        """The file of a video; InputError where its name is that of no file."""
        name = self.pattern.replace("{video}", video_id)
        if Path(name).name != name:
            raise InputError(
                f"the video {video_id!r} cannot have a file of its name: rename it in the annotations"
            )
        return self.folder / (name if name.endswith(".npy") else f"{name}.npy")

    def holds(self, video_id: str, length: int) -> bool:
        """Whether the whole file of a video is there, with as many steps."""
        path = self.path(video_id)
        if not path.is_file():
            return False
        try:
            with open_array(path) as array:
                return tuple(array.shape) == self._shape(length)
        except InputError:  # cut short: it is written again
            return False

    def size_bytes(self, lengths: Mapping[str, int]) -> int:
        """The size of the files of these videos that are there."""
        paths = (self.path(video_id) for video_id in lengths)
        return sum(path.stat().st_size for path in paths if path.is_file())

    def write(self, video_id: str, values: FeatureArray) -> None:
        """Write the own part of (T, D) values, whole or not at all."""
        own = values[:, self.first : self.first + self.dimension]
        with replacing(self.path(video_id)) as temporary, temporary.open("wb") as file:
            np.save(file, np.ascontiguousarray(own.T if self.channels_first else own))

    def _shape(self, length: int) -> tuple[int, int]:
        return (self.dimension, length) if self.channels_first else (length, self.dimension)


def planned_places(data: DataSection, out: Path, dimension: int) -> list[Place]:
    """The folder of each source: `out`, or below it one named after each of several sources.

    Raises InputError where the dimension does not divide over the sources, or a pattern wants another format.
    """
    sources = data.features if isinstance(data.features, list) else [data.features]
    patterns = data.pattern if isinstance(data.pattern, list) else [data.pattern] * len(sources)
    part, rest = divmod(dimension, len(sources))
    if rest or len(patterns) != len(sources):
        raise InputError(
            f"data.features names {len(sources)} sources, over which a data.dimension of {dimension} and "
            f"{len(patterns)} patterns cannot be divided evenly; give one, or as many"
        )
    names = [source.stem for source in sources]
    if len(set(names)) < len(names):
        names = [f"{number}-{name}" for number, name in enumerate(names, start=1)]
    folders = [out / name for name in names] if len(sources) > 1 else [out]
    for pattern in patterns:
        _require_npy(pattern)
    channels_first = data.layout == "channels_first"
    return [
        Place(folder, pattern, number * part, part, channels_first)
        for number, (folder, pattern) in enumerate(zip(folders, patterns, strict=True))
    ]


def claim(place: Place, manifest: Manifest, video_ids: Iterable[str]) -> None:
    """Write the manifest into a folder; InputError where that holds features of other origin, which stay."""
    own = replace(manifest, dimension=place.dimension)
    there = read_manifest(place.folder)
    if there == own:
        return
    others = there is not None or any(place.path(video_id).exists() for video_id in video_ids)
    if others:
        encoder = f" ({there.encoder})" if there is not None and there.encoder is not None else ""
        raise InputError(
            f"{place.folder} holds other features{encoder}; choose another --out, or remove them with {FILE_NAME}"
        )
    write_manifest(place.folder, own)


def _require_npy(pattern: str) -> None:
    _, after = split_pattern(pattern)
    wanted = Path(f"x{after}").suffix.lower()
    if wanted in READERS and wanted != ".npy":
        raise InputError(
            f"data.pattern is {pattern!r}, but planted features are .npy files: leave the extension out of it"
        )
