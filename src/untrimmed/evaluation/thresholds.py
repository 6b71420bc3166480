"""tIoU thresholds: how a user writes them, and which doubles they are."""

import numpy as np
from numpy.typing import ArrayLike

from untrimmed.annotations.annotations import FloatArray
from untrimmed.errors import InputError

#: The thresholds of THUMOS14, and of whoever names none.
DEFAULT_TIOU = "0.3:0.7:0.1"
FORMS = "give start:stop:step like 0.3:0.7:0.1, one number, or numbers separated by commas like 0.5,0.75,0.95"


def parse_tiou(text: str) -> FloatArray:
    """The thresholds (n,) of `0.3:0.7:0.1` (start:stop:step, stop included), `0.5` or `0.5,0.75,0.95`.

    A range is numpy's linspace, the doubles that ActivityNet's evaluator uses. Adding steps up would give
    others: 0.3 + 3 * 0.1 is 0.6000000000000001, which a tIoU of exactly 0.6 does not reach. Raises
    InputError for anything that is no such range or list, or lies outside (0, 1].
    """
    try:
        numbers = [float(part) for part in text.replace(":", ",").split(",")]
    except ValueError:
        raise InputError(f'tIoU thresholds "{text}" cannot be read: {FORMS}') from None
    if ":" not in text:
        return checked_tiou(numbers)
    if "," in text or len(numbers) != 3:
        raise InputError(f'tIoU thresholds "{text}" cannot be read: {FORMS}')
    return checked_tiou(_range(text, *numbers))


def checked_tiou(thresholds: ArrayLike) -> FloatArray:
    """The thresholds as an array (n,); InputError unless they rise, each once, within (0, 1]."""
    values = np.atleast_1d(np.asarray(thresholds, np.float64))
    if values.ndim != 1 or len(values) == 0:
        raise InputError(f"tIoU thresholds must be one or more numbers; {FORMS}")
    wrong = values[~((values > 0) & (values <= 1))]
    if len(wrong):
        raise InputError(f"tIoU threshold {wrong[0]:g} is not above 0 and at most 1; {FORMS}")
    if np.any(np.diff(values) <= 0):
        given = ", ".join(f"{value:g}" for value in values)
        raise InputError(f"tIoU thresholds {given} must rise, each given once")
    return values


def _range(text: str, start: float, stop: float, step: float) -> FloatArray:
    # The papers write 0.1:0.1:0.9 for start:step:stop. Equal start and stop would read that as the one
    # number 0.1.
    if not (np.isfinite([start, stop, step]).all() and start < stop and step > 0):
        raise InputError(
            f'tIoU thresholds "{text}" are no range: write start:stop:step with the start below the stop '
            "and a step above 0, like 0.3:0.7:0.1"
        )
    steps = (stop - start) / step
    if abs(steps - round(steps)) > 1e-6:
        raise InputError(
            f'tIoU thresholds "{text}" do not end at {stop:g}: the step {step:g} must divide '
            f"{stop - start:g}, the distance from start to stop"
        )
    return np.linspace(start, stop, round(steps) + 1)
