"""Reading problems that are told apart from a file that cannot be read at all."""

from untrimmed.errors import InputError


class WrongDimensionError(InputError):
    """The vectors of a file have another number of values than those of the rest of the store."""


class NotFiniteError(InputError):
    """A file holds NaN or infinity."""


class UnequalLengthsError(InputError):
    """The sources of a video have numbers of steps that differ by more than extractors do."""


class NotNumbersError(Exception):
    """What a reader found in place of an array of numbers, as "holds a list"; `reported` adds the file."""
