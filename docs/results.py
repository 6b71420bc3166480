"""Writes results.md from the evaluations in benchmarks/results: python docs/results.py.

A file RECIPE.md there is put below the runs of that recipe; its links are relative to this folder. Below all that
come the tables that `untrimmed sweep` wrote, from benchmarks/results/tables.
"""

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from untrimmed.files import read_text
from untrimmed.report.results_page import results_page
from untrimmed.report.runs import read_run

PAGE = Path(__file__).with_name("results.md")
EVALUATIONS = PAGE.parent.parent / "benchmarks" / "results"
TABLES = EVALUATIONS / "tables"


def page() -> str:
    """The whole page."""
    runs = [read_run(path) for path in sorted(EVALUATIONS.glob("*.json"))]
    notes = {path.stem: read_text(path) for path in sorted(EVALUATIONS.glob("*.md"))}
    return results_page(runs, notes, made_by="python docs/results.py") + "".join(tables())


def tables() -> Iterator[str]:
    """What is said of the sweeps as a whole, how far chance goes in them, and the table of each."""
    if not TABLES.is_dir():
        return
    yield "\n" + read_text(TABLES / "about.md")
    yield f"\n{chance()}\n"
    paths = [path for path in TABLES.glob("*.md") if path.stem != "about"]
    for path in sorted(paths, key=lambda path: (len(path.stem), path.stem)):
        yield f"\n##{read_text(path)}"


def chance() -> str:
    """From what difference on two means of three seeds differ by more than chance, by the spread of all cells."""
    cells = {
        row["runs"]: row
        for path in sorted(TABLES.glob("*.csv"))
        for row in csv.DictReader(read_text(path).splitlines())
        if row["seeds"] == "3"
    }
    said = []
    for tiou in ("0.3:0.7:0.1", "0.5:0.95:0.05"):
        variances = [(100 * float(row[f"spread {tiou}"])) ** 2 for row in cells.values()]
        pooled = math.sqrt(sum(variances) / len(variances))
        means, runs = 2 * pooled * math.sqrt(2 / 3), 2 * pooled * math.sqrt(2)
        said.append(f"| {tiou} | {pooled:.2f} | {means:.1f} | {runs:.1f} |\n")
    return (
        f"How far chance goes, from the {len(cells)} different cells with three seeds (two standard errors of a "
        "difference):\n\n"
        "| tIoU | spread of one run | means of three seeds differ from | single runs differ from |\n"
        "| --- | ---: | ---: | ---: |\n" + "".join(said)
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
