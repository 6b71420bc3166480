"""The paper's tables with our rows in them."""

from dataclasses import replace
from typing import Any

import pytest

from untrimmed.errors import InputError
from untrimmed.evaluation.thresholds import parse_tiou
from untrimmed.report.benchmark_table import benchmark_section
from untrimmed.report.published import BENCHMARKS, Benchmark
from untrimmed.report.seeds import by_seeds

THUMOS = BENCHMARKS[0]


def rows(section: str) -> list[list[str]]:
    """The cells of a section's table."""
    return [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.key)
def test_without_runs_every_recipe_is_said_not_to_have_been_run(benchmark: Benchmark):
    table = rows(benchmark_section(benchmark, [], {}))
    ours = {row[0]: row for row in table if row[0].startswith("**ours**")}
    assert ours.keys() == {f"**ours**, `{recipe}`" for recipe in benchmark.recipes}
    assert all(row[-1] == "not run" for row in ours.values())
    assert len(table) == 2 + len(benchmark.rows) + len(benchmark.recipes)
    assert {len(row) for row in table} == {len(benchmark.judged.shown) + 3}


def test_our_row_is_below_those_with_the_same_features_and_shows_mean_and_spread(evaluated):
    runs = [evaluated(), evaluated(seed=1, mAP=[0.84, 0.72, 0.6, 0.5, 0.39])]
    section = benchmark_section(THUMOS, by_seeds(runs), {})
    table = rows(section)
    place = next(place for place, row in enumerate(table) if row[0] == "**ours**, `thumos14-i3d`, 2 seeds")
    assert table[place - 1][:3] == ["CLTDR-GMG, the paper", "I3D", "84.1"]
    assert table[place + 1][1] == "VideoMAEv2"
    # 80 and 84: 82, and a deviation of 2.83. Averages 60 and 61: 60.5 and 0.71.
    assert table[place][1:] == [
        "I3D",
        "**82.0 ± 2.8**",
        "**71.0 ± 1.4**",
        "**60.0 ± 0.0**",
        "**50.0 ± 0.0**",
        "**39.5 ± 0.7**",
        "**60.5 ± 0.7**",
    ]
    assert (
        "\n- `thumos14-i3d`: judged on the subset test of `thumos14.json`; average mAP 60.00 (seed 0), "
        "61.00 (seed 1).\n"
    ) in section


def test_only_the_thresholds_that_the_paper_shows_have_columns(evaluated):
    run = evaluated(
        recipe="activitynet-tsp",
        protocol="activitynet13",
        subset="Validation",
        classifier="scores/cuhk.json",
        tiou_thresholds=parse_tiou("0.5:0.95:0.05").tolist(),
        mAP=[0.55, 0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.05],
    )
    section = benchmark_section(BENCHMARKS[4], by_seeds([run]), {})
    ours = next(row for row in rows(section) if "1 seed" in row[0])
    assert ours[2:] == ["**55.0**", "**30.0**", "**5.0**", "**32.0**"]
    assert "with the class scores of `cuhk.json`" in section


def test_a_variant_with_the_settings_of_the_release_has_a_row_of_its_own_if_it_was_run(evaluated):
    section = benchmark_section(THUMOS, by_seeds([evaluated(recipe="thumos14-i3d-release")]), {})
    names = [row[0] for row in rows(section)]
    place = names.index("**ours**, `thumos14-i3d-release`, 1 seed")
    assert names[place - 1] == "**ours**, `thumos14-i3d`"
    assert sum("release" in name for name in names) == 1


def test_runs_of_other_recipes_are_left_out(evaluated):
    groups = by_seeds([evaluated(recipe="hapt", protocol=None)])
    assert benchmark_section(THUMOS, groups, {}) == benchmark_section(THUMOS, [], {})


def test_a_note_stands_below_the_table(evaluated):
    section = benchmark_section(THUMOS, [], {"thumos14-i3d": "Its features are synthesised.\n", "hapt": "None."})
    assert section.endswith("\n\n`thumos14-i3d`: Its features are synthesised.\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"protocol": None},
        {"protocol": "multithumos"},
        {"subset": None},
        {"subset": "validation"},
        {"tiou_thresholds": [0.3, 0.4, 0.5, 0.6, 0.8]},
        {"tiou_thresholds": [0.5], "mAP": [0.5]},
    ],
)
def test_a_run_that_was_judged_in_another_way_has_no_place_in_the_table(evaluated, changes: dict[str, Any]):
    message = (
        r"0\.json is of thumos14-i3d, but not judged as Table 1 is: under the protocol thumos14, on the subset "
        r"test, at tIoU 0\.3:0\.7:0\.1"
    )
    with pytest.raises(InputError, match=message):
        benchmark_section(THUMOS, by_seeds([evaluated(**changes)]), {})


def test_verbs_have_no_place_among_nouns(evaluated):
    run = evaluated(
        recipe="epic-noun-slowfast",
        protocol="epic-kitchens-100",
        subset="validation",
        tiou_thresholds=[0.1, 0.2, 0.3, 0.4, 0.5],
        label="verb",
    )
    with pytest.raises(InputError, match="is of epic-noun-slowfast, but judged on verb labels; evaluate it anew"):
        benchmark_section(BENCHMARKS[3], by_seeds([run]), {})
    nouns = by_seeds([replace(run, label="noun")])
    assert "`epic-noun-slowfast`, 1 seed" in benchmark_section(BENCHMARKS[3], nouns, {})


def test_what_is_odd_about_published_rows_is_said():
    section = benchmark_section(BENCHMARKS[2], [], {})
    assert ["ActionFormer (Zhang et al. 2022)", "SlowFast", "–", "25.4"] in [row[:4] for row in rows(section)]
    assert "- ActionFormer (Zhang et al. 2022), SlowFast: the value at 0.1 could not be read.\n" in section
    assert section.count("<https://github.com/sming256/OpenTAD") == 1
