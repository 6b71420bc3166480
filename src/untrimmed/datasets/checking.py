"""Whether the features on the disk are those of the annotated videos: all there, readable, and as long."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from untrimmed.annotations.annotations import Annotations
from untrimmed.annotations.subsets import chosen_subset
from untrimmed.config import Recipe
from untrimmed.datasets.findings import Finding, Report
from untrimmed.datasets.names import of_other_videos, stems, with_pattern
from untrimmed.datasets.needed import in_words, needed_subsets, read_all
from untrimmed.detection.feature_reading import FeatureReading
from untrimmed.errors import InputError
from untrimmed.features.lengths import Lengths
from untrimmed.features.problems import NotFiniteError, UnequalLengthsError, WrongDimensionError
from untrimmed.features.store import FeatureStore
from untrimmed.features.time_grid import TimeGrid

MISSING = "have no features"
NO_RATE = "have no frame rate"
#: What is said of the videos whose features raise an error of this kind; the first that fits counts.
FAULTS: tuple[tuple[type[InputError], str], ...] = (
    (WrongDimensionError, "have another dimension"),
    (UnequalLengthsError, "have sources of different length"),
    (NotFiniteError, "hold NaN or infinity"),
    (InputError, "cannot be read"),
)


@dataclass(frozen=True)
class _Looked:
    """What became of each video: it is in `readable`, or under what is said of it in `failed`.

    Attributes:
        readable: the steps in the file, and when they were.
        failed: what is said of videos, and their details.
    """

    readable: dict[str, tuple[int, TimeGrid]] = field(default_factory=dict)
    failed: dict[str, dict[str, str]] = field(default_factory=dict)


def check_features(
    recipe: Recipe,
    *,
    subset: str | None = None,
    whole: bool = False,
    watch: Callable[[Iterable[str]], Iterable[str]] = iter,
) -> Report:
    """What is wrong with the features of the videos that a recipe needs.

    Reads only the headers of the files (of .pkl files, which have none, all).

    Args:
        recipe: names annotations and features, and says what the features are.
        subset: look at the videos of this subset, not at all those that the recipe learns from and is judged on.
        whole: read every value, so that NaN are found.
        watch: wraps the videos as they are looked at.

    Raises:
        InputError: the annotations have errors or lack a subset, there are no features at all, or what the
            recipe says of them contradicts a manifest.
    """
    annotations = read_all(recipe)
    if subset is None:
        needed = annotations.subset(needed_subsets(recipe, annotations))
    else:
        needed = chosen_subset(annotations, subset)
    store = _opened(recipe, annotations)
    looked = _look(store, needed, watch, whole=whole)
    lengths = _lengths(looked, needed, store)
    named = set().union(*(source.names for source in store.sources))
    other = of_other_videos(named, stems(store.sources[0].place), annotations.videos.ids)
    places = " and ".join(str(source.place) for source in store.sources)
    findings = [
        *_findings(looked, store, needed, lengths),
        _remark("are not annotated, but have features", named - set(annotations.videos.ids), of_needed=False),
    ]
    return Report(
        f"{len(needed.videos)} videos are needed ({in_words(needed)}); their features are looked for in {places}",
        len(needed.videos),
        [finding for finding in findings if finding.videos],
        [sentence for sentence in (other, lengths.diagnosis()) if sentence is not None],
    )


def _findings(looked: _Looked, store: FeatureStore, needed: Annotations, lengths: Lengths) -> list[Finding]:
    """What is said of the needed videos, of some of them or of none."""
    return [
        *(Finding(what, videos) for what, videos in looked.failed.items()),
        Finding("differ in length from their video", _misfits(lengths)),
        Finding("have actions after their features", _uncovered(looked, needed)),
        _remark("have sources cut to the shortest", store.cut & looked.readable.keys()),
        _remark("are of unknown duration, length not checked", looked.readable.keys() - set(lengths.video_ids)),
    ]


def _remark(what: str, videos: Iterable[str], *, of_needed: bool = True) -> Finding:
    """A finding that is no trouble."""
    return Finding(what, dict.fromkeys(sorted(videos), ""), is_trouble=False, of_needed=of_needed)


def _opened(recipe: Recipe, annotations: Annotations) -> FeatureStore:
    """The features; where no file fits the recipe's pattern, the error says which pattern would."""
    reading = FeatureReading(recipe.data)
    fps_of = dict(zip(annotations.videos.ids, annotations.videos.fps.tolist(), strict=True))
    try:
        return reading.open(reading.sources, fps_of=fps_of)
    except InputError as error:
        pattern = recipe.data.pattern
        first = pattern if isinstance(pattern, str) else pattern[0]
        better = with_pattern(first, stems(reading.sources[0]), annotations.videos.ids)
        if better is None:
            raise
        raise InputError(f"{error}; {better}") from error


def _look(
    store: FeatureStore, needed: Annotations, watch: Callable[[Iterable[str]], Iterable[str]], *, whole: bool
) -> _Looked:
    """Opens the features of each video once."""
    looked = _Looked(failed={what: {} for what in (MISSING, *(what for _, what in FAULTS), NO_RATE)})
    for video_id in watch(needed.videos.ids):
        if video_id not in store:
            looked.failed[MISSING][video_id] = ""
            continue
        try:
            steps = store.length_before_resampling(video_id)
            if whole:
                store.read(video_id)
        except InputError as error:
            what = next(what for kind, what in FAULTS if isinstance(error, kind))
            looked.failed[what][video_id] = str(error)
            continue
        try:
            looked.readable[video_id] = steps, store.timing.grid(video_id)
        except InputError as error:
            looked.failed[NO_RATE][video_id] = str(error)
    return looked


def _lengths(looked: _Looked, needed: Annotations, store: FeatureStore) -> Lengths:
    """The lengths of the features of the videos that can be read and have a duration."""
    videos = needed.videos
    duration_of = dict(zip(videos.ids, videos.duration_seconds.tolist(), strict=True))
    steps = {video_id: steps for video_id, (steps, _) in looked.readable.items()}
    return Lengths.of(steps, duration_of, store.timing)


def _misfits(lengths: Lengths) -> Mapping[str, str]:
    """The videos whose features are too long or too short for them."""
    rows = zip(
        lengths.video_ids,
        lengths.steps,
        lengths.expected,
        lengths.duration_seconds,
        lengths.fps,
        lengths.fit,
        strict=True,
    )
    return {
        video_id: f"{video_id} has {steps} steps, but should have about {expected:.0f} ({seconds:.6g} s at "
        f"{fps:.4g} frames a second, a vector every {lengths.stride:g} frames)"
        for video_id, steps, expected, seconds, fps, fits in rows
        if not fits
    }


def _uncovered(looked: _Looked, needed: Annotations) -> Mapping[str, str]:
    """The videos with an action of which the greater part, and not only one step, lies after the last feature."""
    found: dict[str, str] = {}
    for video_id, (steps, grid) in looked.readable.items():
        segments = needed.segments_of(video_id)
        end = grid.end_seconds(steps)
        middle = 0.5 * (segments.start_seconds + segments.end_seconds)
        late = np.flatnonzero(middle > end + grid.stride / grid.fps)
        if len(late):
            first = segments[late[:1]]
            found[video_id] = (
                f"the features of {video_id} end at {end:.6g} s, but {len(late)} of its {len(segments)} actions "
                f"lie behind that, the first from {first.start_seconds[0]:.6g} s to {first.end_seconds[0]:.6g} s"
            )
    return found
