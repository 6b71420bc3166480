"""The table of a sweep, as numbers in CSV and as a page in Markdown."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from untrimmed.files import write_text
from untrimmed.report.markdown import ABSENT, percent, table
from untrimmed.sweeping.plan import Plan
from untrimmed.sweeping.result import Result

Value = float | int | str | None


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: in CSV.
        title: in Markdown; None: it is not shown there.
        values: one a row, None where there is none.
        shown: how a value is written in Markdown.
    """

    name: str
    title: str | None
    values: tuple[Value, ...]
    shown: Callable[[Any], str] = str


@dataclass(frozen=True)
class Line:
    """A cell's runs.

    Attributes:
        results: of the seeds whose run is done.
        subset: that is judged on.
        tiou: the lists of thresholds that are asked for.
        runs: names of the run folders.
    """

    results: tuple[Result, ...]
    subset: str
    tiou: tuple[str, ...]
    runs: tuple[str, ...]

    def averages(self, at: int) -> list[float]:
        """The average mAP of each seed, of the list of thresholds at a place."""
        found = [result.judged(self.subset, self.tiou[at]) for result in self.results]
        return [one.average_map for one in found if one is not None]

    def at_threshold(self, at: int, threshold: float) -> list[float]:
        """The mAP of each seed at one threshold of a list."""
        found = [result.judged(self.subset, self.tiou[at]) for result in self.results]
        return [
            value
            for one in found
            if one is not None
            for known, value in zip(one.tiou_thresholds, one.mean_average_precision, strict=True)
            if abs(known - threshold) < 1e-6
        ]


def accuracy_columns(plan: Plan, lines: Sequence[Line], *, per_tiou: bool = False) -> list[Column]:
    """Axes; for each list of thresholds mean and spread of the average mAP; parameters, time, seeds, runs.

    The spread is the standard deviation over the seeds, divided by their number less one.

    Args:
        plan: of the sweep.
        lines: one a cell.
        per_tiou: also mAP at each single threshold.
    """
    columns = axis_columns(plan)
    for at in range(len(lines[0].tiou)):
        lists = {line.tiou[at] for line in lines}
        name = lists.pop() if len(lists) == 1 else "of the cell"
        columns += _average_columns(name, [line.averages(at) for line in lines])
        if per_tiou:
            columns += _threshold_columns(lines, at, "" if len(lines[0].tiou) == 1 else f" ({name})")
    parameters = tuple(line.results[0].parameters if line.results else None for line in lines)
    seconds = tuple(_mean([one.training_seconds for one in line.results]) for line in lines)
    return [
        *columns,
        Column("parameters", "parameters", parameters, millions),
        Column("training_seconds", "training", seconds, duration),
        Column("seeds", "seeds", tuple(len(line.results) for line in lines)),
        Column("runs", None, tuple(" ".join(line.runs) for line in lines)),
    ]


def axis_columns(plan: Plan) -> list[Column]:
    """The labels of the cells."""
    return [
        Column(name, name, tuple(cell.labels[at] for cell in plan.cells)) for at, name in enumerate(plan.axes)
    ]


def write_table(columns: Sequence[Column], axes: int, out: Path, head: str, notes: Sequence[str]) -> str:
    """Write table.csv and table.md into a folder; the page.

    Args:
        columns: of the table.
        axes: how many of them say which cell it is.
        out: the folder.
        head: what the table is of.
        notes: sentences below it.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([column.name for column in columns])
    rows.writerows(zip(*(column.values for column in columns), strict=True))
    write_text(out / "table.csv", text.getvalue())
    shown = [column for column in columns if column.title is not None]
    cells = [
        [ABSENT if value is None else column.shown(value).replace("|", "\\|") for value in column.values]
        for column in shown
    ]
    titles = [str(column.title).replace("|", "\\|") for column in shown]
    below = "".join(f"\n{note}\n" for note in notes)
    page = f"# {head}\n\n{table(titles, zip(*cells, strict=True), left=axes)}{below}"
    write_text(out / "table.md", page)
    return page


def millions(count: int) -> str:
    """A number of parameters."""
    return f"{count / 1e6:.1f} M" if count >= 1e5 else f"{count}"


def duration(seconds: float) -> str:
    """As h:mm:ss or m:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _average_columns(name: str, averages: Sequence[Sequence[float]]) -> list[Column]:
    means = tuple(map(_mean, averages))
    spreads = tuple(float(np.std(one, ddof=1)) if len(one) > 1 else None for one in averages)
    return [
        Column(f"average_map {name}", f"mAP {name}", means, percent),
        Column(f"spread {name}", "±", spreads, percent),
    ]


def _threshold_columns(lines: Sequence[Line], at: int, of_list: str) -> list[Column]:
    thresholds = {
        round(threshold, 6)
        for line in lines
        for result in line.results
        if (one := result.judged(line.subset, line.tiou[at])) is not None
        for threshold in one.tiou_thresholds
    }
    return [
        Column(
            f"map@{threshold:.4g}{of_list}",
            f"{threshold:.4g}",
            tuple(_mean(line.at_threshold(at, threshold)) for line in lines),
            percent,
        )
        for threshold in sorted(thresholds)
    ]


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
