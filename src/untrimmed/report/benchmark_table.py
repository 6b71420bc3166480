"""A table of the paper with our rows in it: mean and spread over seeds, "not run" where there is no run."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from untrimmed.errors import InputError
from untrimmed.evaluation.thresholds import parse_tiou
from untrimmed.report.markdown import ABSENT, code, percent, table
from untrimmed.report.our_rows import averages, cells, judged, number_of_seeds
from untrimmed.report.published import RELEASE, Benchmark, PublishedRow
from untrimmed.report.seeds import Seeds


def benchmark_section(benchmark: Benchmark, groups: Sequence[Seeds], notes: Mapping[str, str]) -> str:
    """A heading, how the figures are made, the table, and what a reader should know of its rows.

    Args:
        benchmark: whose section it is.
        groups: runs of any recipes; those of other benchmarks are left out.
        notes: Markdown to put below the table, by recipe.

    Raises InputError where a run of one of its recipes was not judged under its protocol.
    """
    ours = {group.recipe: group for group in groups if benchmark.has_recipe(group.recipe)}
    for group in groups:
        if benchmark.has_recipe(group.recipe):
            _require_protocol(group, benchmark)
    shown = [f"{tiou:g}" for tiou in benchmark.judged.shown]
    rows = table(["method", "features", *shown, "average"], _rows(benchmark, ours), left=2)
    remarks = [*_published_remarks(benchmark.rows), *map(_our_remark, ours.values())]
    texts = [f"{code(name)}: {notes[name].strip()}" for name in _names(benchmark) if name in notes]
    parts = [f"## {benchmark.title}", _how_judged(benchmark), rows.rstrip(), "\n".join(remarks), *texts]
    return "".join(f"\n{part}\n" for part in parts if part)


def _require_protocol(group: Seeds, benchmark: Benchmark) -> None:
    run, protocol = group.first, benchmark.judged
    thresholds = parse_tiou(protocol.tiou)
    same_tiou = len(run.tiou_thresholds) == len(thresholds) and np.allclose(run.tiou_thresholds, thresholds)
    same_subset = (run.subset or "").casefold() == protocol.subset.casefold()
    if run.label not in (None, benchmark.label):
        raise InputError(f"{run.path} is of {run.recipe}, but judged on {run.label} labels; evaluate it anew")
    if run.protocol != benchmark.protocol or not same_tiou or not same_subset:
        raise InputError(
            f"{run.path} is of {run.recipe}, but not judged as Table {benchmark.table} is: under the protocol "
            f"{benchmark.protocol}, on the subset {protocol.subset}, at tIoU {protocol.tiou}; evaluate it so"
        )


def _names(benchmark: Benchmark) -> Iterator[str]:
    """Its recipes, each with its variant behind it."""
    for recipe in benchmark.recipes:
        yield recipe
        yield recipe + RELEASE


def _how_judged(benchmark: Benchmark) -> str:
    protocol = benchmark.judged
    counting = " An instance that the annotations hold twice counts once." if protocol.repeats_count_once else ""
    return (
        f"Table {benchmark.table} of the paper. Judged on the subset {protocol.subset}; the average is over tIoU "
        f"{protocol.tiou}.{counting}"
    )


def _rows(benchmark: Benchmark, ours: Mapping[str, Seeds]) -> Iterator[list[str]]:
    """The paper's rows, ours below those with the same features, then rows from elsewhere."""
    shown = benchmark.judged.shown
    last = {row.features: place for place, row in enumerate(benchmark.rows) if not row.source}
    for place, row in enumerate(benchmark.rows):
        yield _published_row(row, shown)
        for recipe, features in benchmark.recipes.items():
            if last[features] == place:
                yield from _our_rows(recipe, features, shown, ours)


def _published_row(row: PublishedRow, shown: Sequence[float]) -> list[str]:
    values = [*(row.values.get(tiou) for tiou in shown), row.average]
    percents = [percent(None if value is None else value / 100) for value in values]
    return [f"{row.method}, the paper" if row.is_own else row.method, row.features, *percents]


def _our_rows(
    recipe: str, features: str, shown: Sequence[float], ours: Mapping[str, Seeds]
) -> Iterator[list[str]]:
    """A row for the recipe, run or not, and one for its variant with the release's settings if that was run."""
    if recipe not in ours:
        yield [f"**ours**, {code(recipe)}", features, *[ABSENT] * len(shown), "not run"]
    for name in (recipe, recipe + RELEASE):
        if name in ours:
            group = ours[name]
            columns = [int(np.abs(group.first.tiou_thresholds - tiou).argmin()) for tiou in shown]
            means = cells(group, [*columns, -1])
            yield [
                f"**ours**, {code(name)}, {number_of_seeds(group)}",
                features,
                *(f"**{mean}**" for mean in means),
            ]


def _published_remarks(rows: Sequence[PublishedRow]) -> list[str]:
    """What is odd about published rows, and where those stand that the paper does not print."""
    odd = [f"- {row.method}, {row.features}: {row.note}." for row in rows if row.note]
    return [*odd, *dict.fromkeys(f"- {row.method}: from {row.source}." for row in rows if row.source)]


def _our_remark(group: Seeds) -> str:
    return f"- {code(group.recipe)}: judged on {judged(group)}; average mAP {averages(group)}."
