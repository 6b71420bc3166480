"""What the values of a recipe are made of."""

from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def require_odd(number: int) -> int:
    """The number; ValueError where it is even."""
    if number % 2 == 0:
        raise ValueError(f"must be odd, but is {number}")
    return number


Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]
PositiveFraction: TypeAlias = Annotated[float, Field(gt=0, le=1)]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
NotNegative: TypeAlias = Annotated[float, Field(ge=0)]
Count: TypeAlias = Annotated[int, Field(ge=1)]
OddCount: TypeAlias = Annotated[int, Field(ge=1), AfterValidator(require_odd)]
#: A shell leaves the ~ of data.features=~/features to whoever reads it.
Place: TypeAlias = Annotated[Path, AfterValidator(Path.expanduser)]


class Section(BaseModel):
    """A part of a recipe: unknown keys are errors and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
