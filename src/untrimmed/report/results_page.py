"""A page with the paper's tables and our runs beside them, and the runs of other recipes below."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from untrimmed.errors import InputError
from untrimmed.report.benchmark_table import benchmark_section
from untrimmed.report.markdown import code, percent, table
from untrimmed.report.our_rows import cells, judged, number_of_seeds
from untrimmed.report.published import BENCHMARKS
from untrimmed.report.runs import RunEvaluation
from untrimmed.report.seeds import Seeds, by_seeds

HEAD = """\
# Results

mAP in percent at the tIoU above each column, and its average. Rows in bold are runs of this package: the mean
over seeds ± the standard deviation (n - 1), or a single run as it is. Their model is the last epoch's averaged
weights; nothing was chosen on the videos that are judged.

The other rows are those of *Temporal Action Localization with Cross Layer Task Decoupling and Refinement* (Li et
al., AAAI 2025), as it prints them; where a row stands elsewhere, a line below its table says so. The released
code of these systems keeps the epoch that is best on the test videos. Later systems that are trained end to end,
the video encoder with the rest, reach more.

This page is made from evaluations of runs by `{made_by}`.
"""
NO_NOTES: Mapping[str, str] = MappingProxyType({})


def results_page(
    runs: Sequence[RunEvaluation],
    notes: Mapping[str, str] = NO_NOTES,
    made_by: str = "untrimmed results",
) -> str:
    """The page in Markdown.

    Args:
        runs: in any order; those of one recipe and the same thresholds become one row.
        notes: Markdown to put below the table of a recipe, by its name.
        made_by: the command that makes the page again.

    Raises:
        InputError: runs of one recipe cannot be averaged, a run of a benchmark's recipe was not judged under its
            protocol, or a note is about a recipe that is not on the page.
    """
    groups = by_seeds(runs)
    _require_known(notes, groups)
    parts = [HEAD.format(made_by=made_by)]
    parts += [benchmark_section(benchmark, groups, notes) for benchmark in BENCHMARKS]
    others = sorted({group.recipe for group in groups if not _is_of_a_benchmark(group)})
    if others:
        parts.append("\n## Other recipes\n")
    for recipe in others:
        parts.append(_section([group for group in groups if group.recipe == recipe], notes.get(recipe)))
    return "".join(parts)


def read_notes(texts: Iterable[str]) -> dict[str, str]:
    """The notes of `RECIPE=TEXT`, by recipe, those of one recipe under each other; InputError for other text."""
    notes: dict[str, str] = {}
    for text in texts:
        recipe, _, note = (part.strip() for part in text.partition("="))
        if not recipe or not note:
            raise InputError(f"{text!r} is no note: write it as RECIPE=TEXT")
        notes[recipe] = f"{notes[recipe]}\n\n{note}" if recipe in notes else note
    return notes


def _require_known(notes: Mapping[str, str], groups: Sequence[Seeds]) -> None:
    known = {recipe for benchmark in BENCHMARKS for recipe in benchmark.recipes}
    known |= {group.recipe for group in groups}
    for recipe in notes:
        if recipe not in known:
            names = ", ".join(sorted(known))
            raise InputError(
                f"there is a note on {recipe}, but no run of it; the recipes on the page are {names}"
            )


def _is_of_a_benchmark(group: Seeds) -> bool:
    return any(benchmark.has_recipe(group.recipe) for benchmark in BENCHMARKS)


def _section(groups: Sequence[Seeds], note: str | None) -> str:
    """The runs of a recipe that the paper has no row for: a table for each set of thresholds."""
    parts = [f"\n### {code(groups[0].recipe)}\n", *map(_table, groups), f"\n{note.strip()}\n" if note else ""]
    return "".join(parts)


def _table(group: Seeds) -> str:
    head = ["seed", *(f"{tiou:.4g}" for tiou in group.first.tiou_thresholds), "average"]
    rows = [
        [str(run.seed), *(percent(value, decimals=2) for value in values)]
        for run, values in zip(group.runs, group.values, strict=True)
    ]
    if len(rows) > 1:
        means = cells(group, range(group.values.shape[1]), decimals=2)
        rows.append([f"**{number_of_seeds(group)}**", *(f"**{mean}**" for mean in means)])
    return f"\nJudged on {judged(group)}.\n\n{table(head, rows)}"
