"""The published rows are those of the paper, and its averages are the means of what it shows."""

import re
from pathlib import Path

import numpy as np
import pytest

from untrimmed.evaluation.thresholds import parse_tiou
from untrimmed.report.published import BENCHMARKS, Benchmark, PublishedRow

ALL = pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.key)

#: Averages that are not the mean of the row's values, which is the second number; so printed in the paper.
KNOWN = {
    ("thumos14", "CLTDR-GMG", "I3D"): 69.72,
    ("thumos14", "ActionFormer (Zhang et al. 2022)", "InternVideo2-6B"): 71.08,
}


def numbers(row: PublishedRow) -> list[float]:
    return [*(row.values[tiou] for tiou in sorted(row.values)), row.average]


@ALL
def test_rows_show_thresholds_of_the_table(benchmark: Benchmark) -> None:
    assert benchmark.rows
    for row in benchmark.rows:
        assert set(row.values) <= set(benchmark.judged.shown)
        assert len(row.values) >= 3


@ALL
def test_each_of_our_recipes_has_rows_with_its_features_in_the_paper(benchmark: Benchmark) -> None:
    assert set(benchmark.recipes.values()) <= {row.features for row in benchmark.rows if not row.source}
    assert any(row.is_own for row in benchmark.rows)


def test_a_recipe_is_of_one_benchmark() -> None:
    names = [recipe for benchmark in BENCHMARKS for recipe in benchmark.recipes]
    assert len(set(names)) == len(names) == 12
    for name in names:
        assert sum(benchmark.has_recipe(name) for benchmark in BENCHMARKS) == 1
        assert sum(benchmark.has_recipe(name + "-release") for benchmark in BENCHMARKS) == 1
        assert not any(benchmark.has_recipe(name + "-mine") for benchmark in BENCHMARKS)


@ALL
def test_map_falls_as_the_threshold_rises(benchmark: Benchmark) -> None:
    for row in benchmark.rows:
        values = numbers(row)[:-1]
        assert values == sorted(values, reverse=True), row
        assert values[-1] < row.average < values[0], row


@ALL
def test_an_average_is_the_mean_where_all_thresholds_are_shown(benchmark: Benchmark) -> None:
    for row in benchmark.rows:
        if len(row.values) == len(parse_tiou(benchmark.judged.tiou)):
            mean = float(np.mean(list(row.values.values())))
            known = KNOWN.get((benchmark.key, row.method, row.features))
            if known is None:
                # Half of the last digit of the average, and as much of the values.
                assert abs(mean - row.average) < 0.1, row
            else:
                assert mean == pytest.approx(known)
                assert row.note == f"the five values average {known:.1f}, not {row.average}"


def test_the_rows_are_those_of_the_paper(shared: Path) -> None:
    lines = (shared / "reference" / "paper.md").read_text(encoding="utf-8").split("Table 5:")[0].splitlines()
    lines = [line for line in lines if "\t" in line and re.search(r"\(.* \d{4}\w?\)|CLTDR-GMG", line)]
    printed = [(name(line), [float(number) for number in re.findall(r"\d+\.\d", line)]) for line in lines]
    ours = [
        (name(row.method), numbers(row)) for benchmark in BENCHMARKS for row in benchmark.rows if not row.source
    ]
    assert sorted(ours) == sorted(printed)


def name(text: str) -> str:
    """The system's, without its paper and what stands before it."""
    found = re.search(r"[A-Za-z]{3,}[-A-Za-z]*", text)
    assert found is not None
    return found[0]
