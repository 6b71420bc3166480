"""Temporal intersection over union (tIoU): how much two segments agree, from 0 (apart) to 1 (equal)."""

import numpy as np
from numpy.typing import ArrayLike

from untrimmed.annotations.annotations import FloatArray


def aligned_tiou(
    start_seconds: ArrayLike,
    end_seconds: ArrayLike,
    other_start_seconds: ArrayLike,
    other_end_seconds: ArrayLike,
) -> FloatArray:
    """The tIoU of segments with others, element by element, broadcast like any numpy arithmetic.

    Two segments of length zero have tIoU 0, also with themselves. The operations and their order are those of
    ActivityNet's evaluator, so that a tIoU that equals a threshold there equals it here.
    """
    start, end = np.asarray(start_seconds, np.float64), np.asarray(end_seconds, np.float64)
    other_start, other_end = (
        np.asarray(other_start_seconds, np.float64),
        np.asarray(other_end_seconds, np.float64),
    )
    intersection = np.maximum(np.minimum(end, other_end) - np.maximum(start, other_start), 0.0)
    union = (end - start) + (other_end - other_start) - intersection
    tiou: FloatArray = np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)
    return tiou


def pairwise_tiou(segments: ArrayLike, others: ArrayLike) -> FloatArray:
    """The tIoU (N, M) of each of N segments with each of M others; both (.., 2): start, end in seconds."""
    segments, others = np.asarray(segments, np.float64), np.asarray(others, np.float64)
    segments, others = segments.reshape(-1, 1, 2), others.reshape(1, -1, 2)
    return aligned_tiou(segments[..., 0], segments[..., 1], others[..., 0], others[..., 1])
