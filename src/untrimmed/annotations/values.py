"""Values as they were read, of any type, to names and columns of numbers; what is neither is a problem."""

import math
import re
from collections.abc import Iterable

import numpy as np

from untrimmed.annotations.annotations import FloatArray
from untrimmed.annotations.problems import Problem, described, quoted

# A lone surrogate: JSON can spell one, but no file or terminal can show it.
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def times(values: Iterable[tuple[str, object]], name: str, problems: list[Problem]) -> FloatArray:
    """Seconds as a column; NaN where a value is not a finite number, each a problem."""
    column = []
    for place, value in values:
        number = finite_number(value)
        if number is None:
            problems.append(_not_a_number(place, f"{name} must be a number of seconds", value))
        column.append(math.nan if number is None else number)
    return np.array(column, dtype=np.float64)


def positive(values: Iterable[tuple[str, object]], name: str, problems: list[Problem]) -> FloatArray:
    """Numbers above 0 as a column; NaN where the value is None, or not such a number, which is a problem."""
    column = []
    for place, value in values:
        number = None if value is None else finite_number(value)
        if value is not None and (number is None or number <= 0):
            problems.append(_not_a_number(place, f"{name} must be a number above 0, or be left out", value))
            number = None
        column.append(math.nan if number is None else number)
    return np.array(column, dtype=np.float64)


def number_or_text(cell: str | None) -> float | str | None:
    """A cell of a table as a number where it is one, as it stands where not, None where empty."""
    try:
        return float(cell) if cell else None
    except ValueError:
        return cell


def finite_number(value: object) -> float | None:
    """The value as a float, None where it is not a finite number (true and false are none)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _not_a_number(place: str, message: str, value: object) -> Problem:
    if value is None:
        return Problem(place, message, detail="it is missing")
    detail = f"it is {described(value)}"
    if isinstance(value, str) and value.count(",") == 1 and value.replace(",", "").strip("+-").isdecimal():
        detail += f"; write decimals with a point: {value.replace(',', '.')}"
    return Problem(place, message, detail=detail)


def check_name(place: str, what: str, name: object, problems: list[Problem]) -> bool:
    """Whether a name is text that can be written; if not, a problem."""
    if name is None or (isinstance(name, str) and not name.strip()):
        problems.append(Problem(place, f"{what} is missing"))
    elif not isinstance(name, str):
        problems.append(Problem(place, f"{what} must be text", detail=f"it is {described(name)}"))
    elif _HALF_CHARACTER.search(name):
        problems.append(Problem(place, f"{what} holds half a character", detail=quoted(name)))
    else:
        return True
    return False
