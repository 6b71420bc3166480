"""Which segments of two sets overlap, and by how much, without looking at every pair."""

from collections.abc import Iterator

import numpy as np

from untrimmed.annotations.annotations import FloatArray, IntArray

# Matrices of a few hundred rows and columns stay in the processor's cache.
_TILE = 512


def overlapping_tiles(
    start: FloatArray, end: FloatArray, sorted_start: FloatArray, sorted_end: FloatArray
) -> Iterator[tuple[IntArray, slice]]:
    """The pairs of A segments with N others, which are sorted by start, in blocks that fit the cache.

    Neighbours by start span little time, so most of the A segments miss a tile of them whole.

    Yields:
        Rows of the A segments, in order, and a slice of the N. Every pair that overlaps by more than nothing
        lies in exactly one block.
    """
    # Equal tiles: a last one of a single column would be summed by numpy in another order than the rest.
    tiles = -(-len(sorted_start) // _TILE)
    bounds = np.linspace(0, len(sorted_start), tiles + 1).astype(np.int64)
    earliest = sorted_start[bounds[:-1]]
    latest = np.maximum.reduceat(sorted_end, bounds[:-1])
    meets = (start < latest[:, None]) & (end > earliest[:, None])
    for number in np.flatnonzero(meets.any(axis=1)):
        yield np.flatnonzero(meets[number]), slice(bounds[number], bounds[number + 1])


def intersection(
    start: FloatArray, end: FloatArray, other_start: FloatArray, other_end: FloatArray
) -> FloatArray:
    """How long each of A segments overlaps each of N others, (A, N), in their unit."""
    shared = np.minimum(end[:, None], other_end)
    shared -= np.maximum(start[:, None], other_start)
    return np.maximum(shared, 0, out=shared)
