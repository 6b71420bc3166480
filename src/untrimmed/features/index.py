"""Which videos a folder or an HDF5 file has features of: one scan, no feature file is opened."""

import os
from collections.abc import Iterable
from pathlib import Path

from untrimmed.errors import InputError
from untrimmed.features.readers import HDF5_EXTENSIONS, READERS, import_h5py, reported
from untrimmed.files import reason

SHOWN = 5


def find_videos(place: Path, pattern: str = "{video}") -> dict[str, str]:
    """Video id to name: of its file in the folder `place`, or of its member in the HDF5 file `place`.

    A name belongs to a video where it fits `pattern`, such as "v_{video}" or "{video}-i3d", without its
    extension; a pattern with an extension, such as "{video}.npy", takes only that format. Hidden files and
    files of no known extension are left aside. A folder that holds no such file itself, but folders, such as one
    a subset, has those in them. Raises InputError where the place is absent or holds nothing
    that fits, and where two files belong to one video.
    """
    prefix, suffix = split_pattern(pattern)
    if not place.exists():
        raise InputError(f"{place} does not exist; give the folder (or .h5 file) that holds the features")
    if place.is_dir():
        return _videos_in_folder(place, pattern, prefix, suffix)
    if place.suffix.lower() in HDF5_EXTENSIONS:
        return _videos_in_h5(place, pattern, prefix, suffix)
    raise InputError(
        f"{place} is a file; features are read from a folder, or from one .h5 file: give {place.parent}"
    )


def split_pattern(pattern: str) -> tuple[str, str]:
    """What stands before and after {video}; InputError where it does not stand there exactly once."""
    parts = pattern.split("{video}")
    if len(parts) != 2:
        raise InputError(f"the pattern {pattern!r} must hold {{video}} once, as in v_{{video}}")
    return parts[0], parts[1]


def few(names: Iterable[str]) -> str:
    """The first few names, in order, with an ellipsis where there are more."""
    names = sorted(names)
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def _videos_in_folder(folder: Path, pattern: str, prefix: str, suffix: str) -> dict[str, str]:
    names = _file_names(folder)
    files = _fitting(folder, names, prefix, suffix)
    if not files:
        files = _fitting(folder, _names_in_folders_of(folder), prefix, suffix)
    if not files:
        raise _nothing_fits(folder, pattern, names)
    return files


def _fitting(folder: Path, names: list[str], prefix: str, suffix: str) -> dict[str, str]:
    """Those of the names, which may have a folder before them, that are of feature files of videos."""
    whole_name = suffix.lower().endswith(tuple(READERS))
    files: dict[str, str] = {}
    twice: dict[str, tuple[str, str]] = {}
    for name in names:
        stem, extension = os.path.splitext(os.path.basename(name))
        if extension.lower() not in READERS:
            continue
        video_id = _video_id(os.path.basename(name) if whole_name else stem, prefix, suffix)
        if video_id is None:
            continue
        if video_id in files:
            twice[video_id] = (files[video_id], name)
        files[video_id] = name
    if twice:
        raise _two_files(folder, twice)
    return files


def _file_names(folder: Path) -> list[str]:
    return [entry.name for entry in _entries(folder) if entry.is_file()]


def _names_in_folders_of(folder: Path) -> list[str]:
    """The files in the folders that lie in a folder, each with its folder before it."""
    folders = sorted(entry.name for entry in _entries(folder) if entry.is_dir())
    return [os.path.join(name, file) for name in folders for file in _file_names(folder / name)]


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    """What a folder holds, but for what is hidden."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.name[0] != "."]
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {reason(error)}") from error


def _video_id(name: str, prefix: str, suffix: str) -> str | None:
    inner = len(name) - len(suffix)
    fits = inner > len(prefix) and name.startswith(prefix) and name.endswith(suffix)
    return name[len(prefix) : inner] if fits else None


def _two_files(folder: Path, twice: dict[str, tuple[str, str]]) -> InputError:
    video_id = min(twice)
    first, second = sorted(twice[video_id])
    others = f" (and {len(twice) - 1} other videos have two)" if len(twice) > 1 else ""
    return InputError(
        f"{folder} holds two files of the video {video_id}: {first} and {second}{others}; remove one, or "
        f"choose a format with a pattern such as {{video}}{Path(first).suffix}"
    )


def _nothing_fits(folder: Path, pattern: str, names: list[str]) -> InputError:
    if not names:
        return InputError(f"{folder} holds no files; put the feature files of the videos there")
    if not any(os.path.splitext(name)[1].lower() in READERS for name in names):
        return InputError(
            f"{folder} holds no feature files ({', '.join(READERS)}), but {len(names)} others: {few(names)}"
        )
    return InputError(
        f"no file of {folder} fits the pattern {pattern!r}; it holds {len(names)} files: {few(names)}"
    )


def _videos_in_h5(path: Path, pattern: str, prefix: str, suffix: str) -> dict[str, str]:
    h5py = import_h5py()
    with reported(path), h5py.File(path, "r") as file:
        names = list(file)
    members = {video_id: name for name in names if (video_id := _video_id(name, prefix, suffix)) is not None}
    if not members:
        raise InputError(
            f"no member of {path} fits the pattern {pattern!r}; it has {len(names)}: {few(names) or 'none'}"
        )
    return members
