"""What is wrong with a file of annotations: each problem with its place, and how a whole list is told."""

import json
import logging
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from untrimmed.errors import InputError

logger = logging.getLogger(__name__)

# How many problems a sentence names before it counts the rest.
_NAMED = 3


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a file of annotations.

    Attributes:
        place: where in the file, such as `video "v1", segment 2` (the first segment is 1) or `line 7`.
        message: what is wrong; the same words for every problem of the same kind.
        severity: "error" where the file cannot be used as it is, "warning" where it was mended or let be.
        detail: the values concerned, may be empty.
    """

    place: str
    message: str
    severity: Literal["error", "warning"] = "error"
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f" ({self.detail})" if self.detail else "")


def errors_in(problems: Iterable[Problem]) -> list[Problem]:
    """Only the problems that keep the file from being used."""
    return [problem for problem in problems if problem.severity == "error"]


def raise_errors(path: Path | str, problems: Iterable[Problem]) -> None:
    """Raise one InputError that counts the errors among `problems` and names the first few, if any."""
    errors = errors_in(problems)
    if not errors:
        return
    count = f"{len(errors)} error" + ("s" if len(errors) > 1 else "")
    named = "; ".join(str(error) for error in errors[:_NAMED])
    rest = len(errors) - _NAMED
    if rest > 0:
        named += f"; and {rest} more: `untrimmed annotations check {shlex.quote(str(path))}` lists all"
    raise InputError(f"{path} has {count}: {named}")


def log_warnings(path: Path | str, problems: Iterable[Problem]) -> None:
    """Log one line for each kind of warning among `problems`, with a count and the first few places."""
    places: dict[str, list[str]] = {}
    for problem in problems:
        if problem.severity == "warning":
            places.setdefault(problem.message, []).append(_place_and_detail(problem))
    for message, where in places.items():
        logger.warning("%s: %s (%d in all): %s", path, message, len(where), first_few(where))


def _place_and_detail(problem: Problem) -> str:
    """The place and the detail of a problem whose message is said elsewhere."""
    return problem.place + (f" ({problem.detail})" if problem.detail else "")


def first_few(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    rest = len(names) - _NAMED
    return "; ".join(names[:_NAMED]) + (f"; and {rest} more" if rest > 0 else "")


def quoted(text: str) -> str:
    """Text in double quotes, on one line and printable whatever it holds."""
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "backslashreplace").decode("utf-8")


def described(value: object) -> str:
    """A value that was read from a file, in a few words of an error message."""
    if isinstance(value, str):
        return f"the text {quoted(_shortened(value))}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return format(value, ".6g") if isinstance(value, float) else _shortened(str(value))


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
