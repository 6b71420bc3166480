"""How segments share the time of their videos: pairs that overlap, and time that is labelled at all."""

import numpy as np

from untrimmed.annotations.annotations import FloatArray, IntArray, Segments


def overlapping_pairs(group: IntArray, segments: Segments, videos: int) -> IntArray:
    """(V,) how many pairs of each video's segments share some time and are of one group."""
    order = np.lexsort((segments.start_seconds, group))
    start, end, _ = _keys(group[order], segments[order])
    # In order of group and start, those that overlap segment i and follow it are a run: up to the first that
    # starts at its end or later, or is of another group.
    followers = np.searchsorted(start, end, side="left") - np.arange(len(order)) - 1
    pairs = np.zeros(videos, dtype=np.int64)
    np.add.at(pairs, segments.video[order], followers)
    return pairs


def labelled_seconds(segments: Segments, videos: int) -> FloatArray:
    """(V,) the seconds of each video that lie in one or more segments."""
    labelled = np.zeros(videos)
    if len(segments) == 0:
        return labelled
    segments = segments[np.lexsort((segments.start_seconds, segments.video))]
    start, end, instants = _keys(segments.video, segments)
    # A key of a video is above all keys of the videos before it, so one running maximum serves all videos.
    covered_until = np.concatenate(([0], np.maximum.accumulate(end)[:-1]))
    new_from = np.minimum(np.maximum(start, covered_until), end)
    new_seconds = instants[end % len(instants)] - instants[new_from % len(instants)]
    np.add.at(labelled, segments.video, new_seconds)
    return labelled


def _keys(group: IntArray, segments: Segments) -> tuple[IntArray, IntArray, FloatArray]:
    """Whole numbers that order starts and ends by group, then by time, exactly; and the times they stand for.

    The time of a key is that at its remainder by the number of times.
    """
    times = np.concatenate((segments.start_seconds, segments.end_seconds))
    instants, rank = np.unique(times, return_inverse=True)
    keys = np.tile(group, 2) * len(instants) + rank
    return keys[: len(group)], keys[len(group) :], instants
