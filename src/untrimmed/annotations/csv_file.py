"""Reading tables of text so that their mistakes are told by their line, and none is hidden by the reading."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from untrimmed.annotations.problems import Problem
from untrimmed.errors import InputError
from untrimmed.files import read_text

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}


class Table(NamedTuple):
    """A table of which the first line, with the names of the columns, has been read.

    Attributes:
        path: the file.
        delimiter: what separates its cells.
        header_line: the number of the first line.
        columns: the names of the columns in lower case; empty where the file is.
        lines: the lines below that hold anything, each once: its number and its cells.
    """

    path: Path
    delimiter: str
    header_line: int
    columns: list[str]
    lines: Iterator[tuple[int, list[str]]]


def read_table(path: Path) -> Table:
    """A table; cells are separated by commas, semicolons or tabs, whichever the first line uses most.

    InputError where the file is no text, and from `lines` where a quote is never closed.
    """
    text = read_text(path)
    # The first line holds names only, so that its commas, semicolons or tabs separate cells.
    delimiter = max(_DELIMITERS, key=text.lstrip().partition("\n")[0].count)
    lines = _lines(path, text, delimiter)
    header_line, header = next(lines, (1, []))
    return Table(path, delimiter, header_line, [name.casefold() for name in header], lines)


def records(table: Table, problems: list[Problem], prefix: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Each line's place and its cells by column; a line with more cells than the first is a problem instead.

    `prefix` stands before the place, for formats of several files.
    """
    columns = table.columns
    for line, cells in table.lines:
        place = f"{prefix}line {line}"
        if any(cells[len(columns) :]):
            advice = "write decimals with a point, and " if table.delimiter == "," else ""
            advice += f"quote a cell with a {_DELIMITERS[table.delimiter]}"
            message = f"has more cells than the first line; {advice}"
            detail = f"{len(cells)}, the first line has {len(columns)}"
            problems.append(Problem(place, message, detail=detail))
        else:
            yield place, dict(zip(columns, cells, strict=False))


def _lines(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that hold anything: the number of each, and its cells without the space around them."""
    # Strict, because a quote that is never closed would otherwise swallow the rest of the file unseen.
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(
                f"{path} cannot be read from line {line} on: {error}; is a quote there not closed?"
            ) from error
        if any(cells):
            yield line, cells
