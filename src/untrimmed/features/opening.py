"""From what a recipe says of its features to a store that reads them."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from untrimmed.errors import InputError
from untrimmed.features.index import few, find_videos
from untrimmed.features.manifest import FILE_NAME, Manifest, read_manifest
from untrimmed.features.signals import Folding
from untrimmed.features.source import LAYOUTS, Layout, Source
from untrimmed.features.stated import Stated
from untrimmed.features.store import FeatureStore
from untrimmed.features.timing import Timing, resolve_timing

logger = logging.getLogger(__name__)


def open_features(
    paths: Path | str | Sequence[Path | str],
    *,
    fps: float | Mapping[str, float] | None = None,
    stride: float | None = None,
    window: float | None = None,
    raw: bool = False,
    resample_to: int | None = None,
    dimension: int | None = None,
    pattern: str | Sequence[str] = "{video}",
    key: str | Sequence[str | None] | None = None,
    layout: Layout = "time_first",
    said_in: str = "open_features()",
) -> FeatureStore:
    """A store of the features in one or more places; scans each folder once and opens no feature file.

    What `fps`, `stride`, `window` and `dimension` leave open, the features.yaml beside the files must say;
    what both say must be the same.

    Args:
        paths: a folder, or an HDF5 file that holds all videos; several are put side by side along D.
        fps: frames (or samples) per second, one for all; or each video's own by id (NaN where unknown), which
            counts where no manifest says one for all.
        stride: frames from one vector to the next; for a raw signal the hop in samples.
        window: frames that one vector sees; for a raw signal the samples in a vector.
        raw: the files hold samples, (N, channels), to be folded by `window` and `stride` into vectors.
        resample_to: stretch every sequence linearly to this many steps.
        dimension: D, the values of a vector, of all sources together and after folding.
        pattern: how a file is named after its video, one for all places or one for each.
        key: the name of the array in files that hold several, one for all places or one for each.
        layout: the order of the axes in the files, "time_first", (T, D), or "channels_first", (D, T).
        said_in: where the caller got these from, such as the recipe's file and section, for messages.

    Raises:
        InputError: a place is absent or holds nothing that fits, two files belong to one video, the places
            have no video in common, or the arguments and the manifests contradict each other.
    """
    _check_numbers(said_in, fps, stride, window, resample_to, dimension)
    if layout not in LAYOUTS:
        raise InputError(f"layout is {layout!r} in {said_in}, but must be one of {', '.join(LAYOUTS)}")
    count = max(len(_listed(given)) for given in (paths, pattern, key))
    places = [Path(path) for path in _one_for_each("paths", paths, count, said_in)]
    patterns = _one_for_each("pattern", pattern, count, said_in)
    keys = _one_for_each("key", key, count, said_in)

    names = [find_videos(place, form) for place, form in zip(places, patterns, strict=True)]
    folders = [place if place.is_dir() else place.parent for place in places]
    manifests = {str(folder / FILE_NAME): read_manifest(folder) for folder in folders}
    timing = resolve_timing(fps, stride, window, said_in, manifests)
    folding = _folding(timing, said_in) if raw else None
    sources = [
        Source(place, found, name, layout, _stated_dimension(manifests, folder))
        for place, found, name, folder in zip(places, names, keys, folders, strict=True)
    ]
    expected = None if dimension is None else Stated(dimension, said_in)
    if expected is not None and count == 1 and sources[0].expected is None:
        sources = [replace(sources[0], expected=_of_each_step(expected, folding))]
    store = FeatureStore(sources, timing, folding, resample_to, expected)
    _check_store(store)
    return store


def _check_store(store: FeatureStore) -> None:
    """What can be said without opening a feature file: whether the sources fit each other and the caller."""
    if store.expected is not None and all(source.expected is not None for source in store.sources):
        _ = store.dimension
    if not store.ids:
        listed = " and ".join(f"{source.place} ({few(source.names)})" for source in store.sources)
        raise InputError(f"no video has features in all of {listed}; mend the pattern of each")
    for source in store.sources:
        lone = [video_id for video_id in source.names if video_id not in store]
        if lone:
            logger.warning(
                "%d of %d videos of %s have no features in the other sources and are left out: %s",
                len(lone),
                len(source.names),
                source.place,
                few(lone),
            )


def _check_numbers(
    said_in: str,
    fps: float | Mapping[str, float] | None,
    stride: float | None,
    window: float | None,
    resample_to: int | None,
    dimension: int | None,
) -> None:
    one_fps = None if isinstance(fps, Mapping) else fps
    for name, value, lowest in (
        ("fps", one_fps, "above 0"),
        ("stride", stride, "above 0"),
        ("window", window, "at least 0"),
        ("resample_to", resample_to, "above 0"),
        ("dimension", dimension, "above 0"),
    ):
        if value is None or (math.isfinite(value) and (value > 0 or (value == 0 and name == "window"))):
            continue
        raise InputError(f"{name} is {value} in {said_in}, but must be {lowest}")


def _folding(timing: Timing, said_in: str) -> Folding:
    window, stride = int(timing.window), int(timing.stride)
    if window != timing.window or stride != timing.stride or window < 1:
        raise InputError(
            f"window {timing.window:g} and stride {timing.stride:g} of the raw signals of {said_in} must be "
            "whole numbers of samples, at least 1"
        )
    return Folding(window, stride)


def _of_each_step(expected: Stated[int], folding: Folding | None) -> Stated[int]:
    """The values a step in a file that make vectors of the expected dimension."""
    if folding is None:
        return expected
    channels, rest = divmod(expected.value, folding.window)
    if rest:
        raise InputError(
            f"dimension is {expected.value} in {expected.place}, but must be the channels of the raw signals "
            f"times the window of {folding.window} samples"
        )
    return Stated(channels, expected.place)


def _stated_dimension(manifests: Mapping[str, Manifest | None], folder: Path) -> Stated[int] | None:
    path = str(folder / FILE_NAME)
    manifest = manifests[path]
    return None if manifest is None or manifest.dimension is None else Stated(manifest.dimension, path)


def _listed(given: Any) -> list[Any]:
    """`given` if it is several, or else a list of it alone."""
    several = isinstance(given, Sequence) and not isinstance(given, str)
    return list(given) if several else [given]


def _one_for_each(name: str, given: Any, count: int, said_in: str) -> list[Any]:
    values = _listed(given)
    if len(values) not in (1, count):
        raise InputError(
            f"{name} in {said_in} names {len(values)} things for {count} sources; give one, or one for each"
        )
    return values * count if len(values) == 1 else values
