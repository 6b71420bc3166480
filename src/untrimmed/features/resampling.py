"""Stretching a sequence to a fixed number of steps."""

import numpy as np

from untrimmed.features.sequence import FeatureArray


def resample_linear(values: FeatureArray, new_length: int) -> FeatureArray:
    """`values`, (T, D), interpolated linearly to (new_length, D).

    As torch.nn.functional.interpolate(mode="linear", align_corners=False) does it along time, which is how
    the ActionFormer family stretches ActivityNet: new step i lies at (i + 1/2) * T / new_length - 1/2, and
    what lies before the first or after the last step takes that step's value. Positions are computed in
    float64, so for long sequences this is closer to the formula than torch in float32.
    """
    length = len(values)
    position = np.maximum((np.arange(new_length) + 0.5) * (length / new_length) - 0.5, 0.0)
    before = np.minimum(position.astype(np.int64), length - 1)
    after = np.minimum(before + 1, length - 1)
    share = (position - before).astype(np.float32)[:, None]
    resampled: FeatureArray = values[before] * (1 - share) + values[after] * share
    return resampled
