"""The table's numbers, by hand."""

import csv
from pathlib import Path

import pytest

from untrimmed.recipes.loading import load_recipe
from untrimmed.sweeping.plan import Cell, Plan
from untrimmed.sweeping.result import Judged, Result
from untrimmed.sweeping.table import Line, accuracy_columns, duration, millions, write_table


def result(seconds: float, *values: float, tiou: str = "0.3,0.5") -> Result:
    thresholds = tuple(map(float, tiou.split(",")))
    return Result(1_234_567, seconds, (Judged("test", tiou, thresholds, values, sum(values) / len(values)),))


@pytest.fixture
def plan() -> Plan:
    recipe = load_recipe("demo")
    cells = (Cell(("a|b", "1"), recipe), Cell(("c", "2"), recipe), Cell(("d", "3"), recipe))
    return Plan("table", "demo", (), ("kind", "size"), "accuracy", cells)


LINES = (
    # Averages 0.5, 0.6 and 0.7: mean 0.6, spread sqrt((0.01 + 0 + 0.01) / 2) = 0.1.
    Line(
        (result(60, 0.6, 0.4), result(90, 0.7, 0.5), result(120, 0.8, 0.6)), "test", ("0.3,0.5",), ("x", "y", "z")
    ),
    Line((result(3700, 0.25, 0.125),), "test", ("0.3,0.5",), ("u", "v", "w")),
    Line((), "test", ("0.3,0.5",), ("r", "s", "t")),
)


def test_means_spreads_and_times_are_those_computed_by_hand(plan: Plan, tmp_path: Path) -> None:
    columns = accuracy_columns(plan, LINES, per_tiou=True)
    page = write_table(columns, 2, tmp_path / "out", "A table", ["A note."])
    assert page == (tmp_path / "out" / "table.md").read_text()
    assert page.splitlines() == [
        "# A table",
        "",
        "| kind | size | mAP 0.3,0.5 | ± | 0.3 | 0.5 | parameters | training | seeds |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| a\\|b | 1 | 60.0 | 10.0 | 70.0 | 50.0 | 1.2 M | 1:30 | 3 |",
        "| c | 2 | 18.8 | – | 25.0 | 12.5 | 1.2 M | 1:01:40 | 1 |",
        "| d | 3 | – | – | – | – | – | – | 0 |",
        "",
        "A note.",
    ]


def test_the_numbers_in_csv_are_not_rounded(plan: Plan, tmp_path: Path) -> None:
    write_table(accuracy_columns(plan, LINES), 2, tmp_path, "A table", [])
    first, second, third = csv.DictReader((tmp_path / "table.csv").read_text().splitlines())
    assert list(first) == [
        *("kind", "size"),
        *("average_map 0.3,0.5", "spread 0.3,0.5"),
        *("parameters", "training_seconds", "seeds", "runs"),
    ]
    assert float(first["average_map 0.3,0.5"]) == pytest.approx(0.6)
    assert float(first["spread 0.3,0.5"]) == pytest.approx(0.1)
    assert first["kind"] == "a|b"
    assert first["runs"] == "x y z"
    assert (second["average_map 0.3,0.5"], second["spread 0.3,0.5"]) == ("0.1875", "")
    assert (third["average_map 0.3,0.5"], third["parameters"], third["seeds"]) == ("", "", "0")


def test_every_list_of_thresholds_has_its_columns(plan: Plan) -> None:
    both = Result(10, 1.0, (*result(1, 0.5, 0.3).evaluations, *result(1, 0.5, tiou="0.7").evaluations))
    lines = [Line((both,), "test", ("0.3,0.5", "0.7"), ("x",))] * 3
    columns = {column.name: column.values[0] for column in accuracy_columns(plan, lines, per_tiou=True)}
    assert columns["average_map 0.3,0.5"] == pytest.approx(0.4)
    assert columns["average_map 0.7"] == 0.5
    assert columns["map@0.5 (0.3,0.5)"] == 0.3
    assert columns["map@0.7 (0.7)"] == 0.5


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0:00"), (59.6, "1:00"), (61, "1:01"), (3599, "59:59"), (36061, "10:01:01")]
)
def test_durations_are_written_as_on_a_clock(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (8569, "8569"), (17_640_000, "17.6 M")])
def test_large_numbers_of_parameters_are_written_in_millions(count: int, text: str) -> None:
    assert millions(count) == text
