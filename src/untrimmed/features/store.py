"""The features of many videos, read when asked for: nothing but the list of files is kept."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property

import numpy as np

from untrimmed.features.problems import UnequalLengthsError, WrongDimensionError
from untrimmed.features.resampling import resample_linear
from untrimmed.features.sequence import FeatureArray, FeatureSequence
from untrimmed.features.signals import Folding
from untrimmed.features.source import FeatureFile, Source
from untrimmed.features.stated import Stated
from untrimmed.features.time_grid import TimeGrid
from untrimmed.features.timing import Timing

logger = logging.getLogger(__name__)

# Two extractors may disagree on whether the last, incomplete window counts; more is another video or stride.
LARGEST_DIFFERENCE_STEPS = 2


class FeatureStore:
    """Feature sequences by video id; `open_features` makes one.

    Several sources, such as RGB and flow, are put side by side along D. Where their lengths of a video differ
    by at most LARGEST_DIFFERENCE_STEPS they are cut to the shortest; the first such video is logged, and
    `survey` counts them. A store holds no open file and no features, so it may be pickled for the workers of
    a data loader. Everything that reads raises InputError, naming the file, where that is not usable.

    Args:
        sources: at least one.
        timing: the grid of each video.
        folding: how the samples of raw signals become vectors, or None for files of vectors.
        resample_to: the number of steps that every whole sequence is stretched to, or None.
        expected: D, the values of a vector of all sources together, and who says so, or None.

    Attributes:
        cut: the videos opened so far of which one source was longer than another.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        timing: Timing,
        folding: Folding | None = None,
        resample_to: int | None = None,
        expected: Stated[int] | None = None,
    ) -> None:
        self.sources = tuple(sources)
        self.timing = timing
        self.folding = folding
        self.resample_to = resample_to
        self.expected = expected
        self.cut: set[str] = set()

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The videos that have features in every source, in alphabetical order."""
        first, *others = (source.names for source in self.sources)
        return tuple(sorted(name for name in first if all(name in names for names in others)))

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, video_id: object) -> bool:
        return all(video_id in source.names for source in self.sources)

    def __getitem__(self, video_id: str) -> FeatureSequence:
        """The whole sequence of a video, (T, D), with its grid."""
        values = self._read(video_id, 0, None)
        grid = self._grid(video_id)
        if self.resample_to is not None:
            grid = grid.resampled(len(values), self.resample_to)
            values = resample_linear(values, self.resample_to)
        return FeatureSequence(values, grid)

    @cached_property
    def dimension(self) -> int:
        """D, the values of a vector; where nobody stated it, reads the header of one file of the source."""
        parts = [source.reference for source in self.sources]
        factor = 1 if self.folding is None else self.folding.window
        dimension = factor * sum(part.value for part in parts)
        if self.expected is not None and dimension != self.expected.value:
            found = " and ".join(f"{part.value} in {part.place}" for part in parts)
            folded = "" if factor == 1 else f", times the window of {factor} samples"
            raise WrongDimensionError(
                f"dimension is {self.expected.value} in {self.expected.place}, but the features have "
                f"{dimension} ({found}{folded}); correct the one that is wrong"
            )
        return dimension

    def length(self, video_id: str) -> int:
        """T, the steps of a video's sequence; reads a header, or the file where a format has none."""
        return self.length_before_resampling(video_id) if self.resample_to is None else self.resample_to

    def length_before_resampling(self, video_id: str) -> int:
        """The steps that the files have; as `length` where nothing is resampled."""
        with self._opened(video_id) as (_, length):
            return length

    def grid(self, video_id: str) -> TimeGrid:
        """The time of each step of a video's sequence."""
        grid = self._grid(video_id)
        if self.resample_to is None:
            return grid
        with self._opened(video_id) as (_, length):
            return grid.resampled(length, self.resample_to)

    def delayed(self, samples: int) -> "FeatureStore":
        """The same raw signals, with windows that begin this many samples later."""
        if self.folding is None:
            raise ValueError("only the windows of raw signals can begin elsewhere")
        folding = replace(self.folding, first=self.folding.first + samples)
        return FeatureStore(self.sources, self.timing, folding, self.resample_to, self.expected)

    def read(self, video_id: str, start: int = 0, stop: int | None = None) -> FeatureArray:
        """The steps from `start` to before `stop` (None: the end), (stop - start, D) float32.

        Reads only these from .npy, .pt, .safetensors and .h5 files; other formats, and sequences that are
        resampled, are read whole. Raises ValueError where the steps do not lie within the sequence.
        """
        if self.resample_to is None:
            return self._read(video_id, start, stop)
        stop = _checked_stop(start, stop, self.resample_to, video_id)
        return resample_linear(self._read(video_id, 0, None), self.resample_to)[start:stop]

    def _grid(self, video_id: str) -> TimeGrid:
        """As `grid`, before any resampling."""
        grid = self.timing.grid(video_id)
        return grid if self.folding is None else replace(grid, first=self.folding.first)

    def _read(self, video_id: str, start: int, stop: int | None) -> FeatureArray:
        """As `read`, before any resampling."""
        with self._opened(video_id) as (files, length):
            stop = _checked_stop(start, stop, length, video_id)
            parts = [self._read_steps(file, start, stop) for file in files]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _read_steps(self, file: FeatureFile, start: int, stop: int) -> FeatureArray:
        if self.folding is None:
            return file.read(start, stop)
        first, last = self.folding.samples(start, stop)
        return self.folding.fold(file.read(first, min(last, file.length)))

    def _steps(self, file: FeatureFile) -> int:
        return file.length if self.folding is None else self.folding.length(file.length)

    @contextmanager
    def _opened(self, video_id: str) -> Iterator[tuple[list[FeatureFile], int]]:
        """The file of each source, and the steps that all of them have."""
        if self.expected is not None:
            _ = self.dimension
        with ExitStack() as stack:
            files = [stack.enter_context(source.open(video_id)) for source in self.sources]
            yield files, self._common_length(video_id, files)

    def _common_length(self, video_id: str, files: list[FeatureFile]) -> int:
        lengths = [self._steps(file) for file in files]
        shortest, longest = min(lengths), max(lengths)
        if longest == shortest:
            return shortest
        found = " and ".join(f"{file.where} has {steps}" for file, steps in zip(files, lengths, strict=True))
        if longest - shortest > LARGEST_DIFFERENCE_STEPS:
            raise UnequalLengthsError(
                f"the sources of the video {video_id!r} differ by more than {LARGEST_DIFFERENCE_STEPS} "
                f"steps: {found}; extract them again with the same stride"
            )
        if not self.cut:
            logger.warning(
                "%s steps: the video %r is cut to %d; others like it are cut without further notice",
                found,
                video_id,
                shortest,
            )
        self.cut.add(video_id)
        return shortest


def _checked_stop(start: int, stop: int | None, length: int, video_id: str) -> int:
    stop = length if stop is None else stop
    if not 0 <= start < stop <= length:
        raise ValueError(f"steps {start} to {stop} do not lie within the {length} steps of {video_id!r}")
    return stop
