"""Writes results.md from the evaluations in benchmarks/results: python docs/results.py.

A file RECIPE.md there is put below the runs of that recipe; its links are relative to this folder. Below all that
come the tables that `untrimmed sweep` wrote, from benchmarks/results/tables.
"""

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
    """What is said of the sweeps as a whole, and the table of each."""
    if (TABLES / "about.md").is_file():
        yield "\n" + read_text(TABLES / "about.md")
    paths = [path for path in TABLES.glob("*.md") if path.stem != "about"]
    for path in sorted(paths, key=lambda path: (len(path.stem), path.stem)):
        yield f"\n##{read_text(path)}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
