"""Pieces of a page in Markdown."""

from collections.abc import Iterable, Sequence

#: Stands in a table for a value that is not known.
ABSENT = "–"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A table whose first `left` columns are text and whose others are numbers."""
    rule = ["---"] * left + ["---:"] * (len(head) - left)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [head, rule, *rows])


def code(text: str) -> str:
    """Text as code, which no sign in it can end early, in a table or out of one."""
    for sign in "`|\n":
        text = text.replace(sign, " ")
    return f"`{text}`"


def percent(value: float | None, spread: float | None = None, decimals: int = 1) -> str:
    """A fraction of 1 in percent, with its spread where there is one."""
    if value is None:
        return ABSENT
    beside = "" if spread is None else f" ± {100 * spread:.{decimals}f}"
    return f"{100 * value:.{decimals}f}{beside}"
