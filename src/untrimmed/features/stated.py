"""What is said of the features, and where: two places may say the same, never different things."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from untrimmed.errors import InputError

Value = TypeVar("Value")

# 29.97 and 30000 / 1001 are the same frame rate, written differently.
SAME_NUMBER = 1e-5


@dataclass(frozen=True)
class Stated(Generic[Value]):
    """A value, and the place that says so: a file, a recipe's section, a call."""

    value: Value
    place: str


def agreed(name: str, statements: Iterable[Stated[float | None]]) -> Stated[float] | None:
    """The first statement of a number, None where there is none; InputError where two differ, naming both."""
    first: Stated[float] | None = None
    for statement in statements:
        if statement.value is None:
            continue
        stated = Stated(statement.value, statement.place)
        if first is None:
            first = stated
        elif not math.isclose(stated.value, first.value, rel_tol=SAME_NUMBER):
            raise InputError(
                f"{name} is {first.value:.10g} in {first.place} but {stated.value:.10g} in {stated.place}; "
                "correct the one that is wrong"
            )
    return first
