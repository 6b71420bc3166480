"""The whole page: the paper's tables, then other recipes, with notes on both."""

import pytest

from untrimmed.errors import InputError
from untrimmed.report.published import BENCHMARKS
from untrimmed.report.results_page import read_notes, results_page

OWN = {"recipe": "hapt", "protocol": None, "annotations": "hapt.json"}
HIGH = {"tiou_thresholds": [0.5, 0.75], "mAP": [0.4, 0.2]}


def headings(page: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith("#")]


def test_without_runs_the_page_has_the_paper_s_tables_alone():
    page = results_page([])
    assert headings(page) == ["# Results", *(f"## {benchmark.title}" for benchmark in BENCHMARKS)]
    assert page.count("not run") == 12
    assert "`untrimmed results`" in page


def test_a_recipe_that_the_paper_has_not_has_a_table_for_each_set_of_thresholds(evaluated):
    runs = [
        evaluated(**OWN),
        evaluated(**OWN, **HIGH),
        evaluated(**OWN, seed=1, mAP=[0.82, 0.7, 0.6, 0.5, 0.4]),
        evaluated(recipe="mine", subset=None),
    ]
    page = results_page(runs, {"hapt": "Signals of a smartphone.\n"}, made_by="me")
    assert headings(page)[-3:] == ["## Other recipes", "### `hapt`", "### `mine`"]
    part = page[page.index("\n### `hapt`") :]
    assert part == (
        "\n### `hapt`\n"
        "\nJudged on the subset test of `hapt.json`.\n\n"
        "| seed | 0.3 | 0.4 | 0.5 | 0.6 | 0.7 | average |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| 0 | 80.00 | 70.00 | 60.00 | 50.00 | 40.00 | 60.00 |\n"
        "| 1 | 82.00 | 70.00 | 60.00 | 50.00 | 40.00 | 60.40 |\n"
        "| **2 seeds** | **81.00 ± 1.41** | **70.00 ± 0.00** | **60.00 ± 0.00** | **50.00 ± 0.00** | "
        "**40.00 ± 0.00** | **60.20 ± 0.28** |\n"
        "\nJudged on the subset test of `hapt.json`.\n\n"
        "| seed | 0.5 | 0.75 | average |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| 0 | 40.00 | 20.00 | 30.00 |\n"
        "\nSignals of a smartphone.\n"
        "\n### `mine`\n"
        "\nJudged on all videos of `thumos14.json`.\n\n"
        "| seed | 0.3 | 0.4 | 0.5 | 0.6 | 0.7 | average |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| 0 | 80.00 | 70.00 | 60.00 | 50.00 | 40.00 | 60.00 |\n"
    )
    assert "`me`" in page


def test_the_order_of_the_runs_does_not_matter(evaluated):
    runs = [evaluated(seed=seed, recipe=recipe) for seed in range(3) for recipe in ("thumos14-i3d", "mine")]
    assert results_page(runs) == results_page(runs[::-1])


def test_a_note_on_a_recipe_that_is_not_there_is_not_dropped(evaluated):
    with pytest.raises(
        InputError, match="there is a note on demo, but no run of it; the recipes on the page are "
    ):
        results_page([evaluated()], {"demo": "Made here."})


def test_notes_are_read_and_joined():
    assert read_notes(["a=x = 1", "b = y", "a=z"]) == {"a": "x = 1\n\nz", "b": "y"}
    for wrong in ("a", "=x", "a="):
        with pytest.raises(InputError, match="is no note: write it as RECIPE=TEXT"):
            read_notes([wrong])


def test_the_videos_that_were_judged_are_told(evaluated):
    page = results_page([evaluated(recipe="a", subset=None, only_named_videos=True)])
    assert "\nJudged on the videos with detections of `thumos14.json`.\n" in page


def test_a_name_cannot_break_a_table(evaluated):
    page = results_page([evaluated(recipe="a`|\nb", annotations="c|d.json")])
    assert "\n### `a   b`\n" in page
    assert "of `c d.json`" in page
