"""Reading JSON so that its mistakes are told by their place, and none is hidden by the reading."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from untrimmed.annotations.problems import Problem, quoted
from untrimmed.errors import InputError
from untrimmed.files import read_text


class RepeatedKeys(dict[str, object]):
    """A JSON object in which a key stands more than once: as a dict the last one counts, `pairs` has all."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs

    @property
    def repeated(self) -> list[str]:
        """The keys that stand more than once."""
        counts = Counter(key for key, _ in self.pairs)
        return [key for key, count in counts.items() if count > 1]


def read_json(path: Path, of_object: Callable[[list[tuple[str, object]]], object] | None = None) -> object:
    """What a JSON file holds; InputError with line and column where it is broken.

    Args:
        path: the file.
        of_object: what becomes of an object, given its keys and values; by default `plain_object`.
    """
    text = read_text(path)
    try:
        return json.loads(text, object_pairs_hook=of_object or plain_object)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{path} is not valid JSON at {at}: {error.msg}") from error
    except (RecursionError, ValueError) as error:
        # ValueError: a whole number of more than 4300 digits.
        raise InputError(f"{path} cannot be read as JSON: {error}") from error


def pairs_of(value: dict[str, object]) -> list[tuple[str, object]]:
    """The keys of an object with their values, also those of a key that stands more than once."""
    return value.pairs if isinstance(value, RepeatedKeys) else list(value.items())


def report_repeated_keys(place: str, value: dict[str, object], problems: list[Problem]) -> None:
    """Report each key that stands more than once in an object."""
    if isinstance(value, RepeatedKeys):
        problems.extend(
            Problem(place, "a key stands more than once", detail=quoted(key)) for key in value.repeated
        )


def plain_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A plain dict, or RepeatedKeys where a key is repeated."""
    unique = dict(pairs)
    return unique if len(unique) == len(pairs) else RepeatedKeys(pairs)
