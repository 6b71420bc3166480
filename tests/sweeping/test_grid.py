"""A grid as its file says it: axes multiply, and every mistake is told."""

from itertools import product
from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.errors import InputError
from untrimmed.runs import flat
from untrimmed.sweeping.grid import Axis, Grid, Row, joined, nested, read_grid

NAMES = st.text("abc", min_size=1, max_size=2)
VALUES = st.integers() | st.none() | st.booleans() | st.lists(st.integers(), max_size=2)
SECTIONS = st.recursive(
    st.dictionaries(NAMES, VALUES, min_size=1, max_size=3),
    lambda below: st.dictionaries(NAMES, below | VALUES, min_size=1, max_size=3),
    max_leaves=8,
)


def test_axes_multiply_and_the_last_varies_fastest() -> None:
    grid = read_grid(
        {
            "grid": {
                "model.levels": [3, None],
                "loss": {"focal": {"training.loss.classification": "focal"}, "own": None},
            }
        },
        "here",
    )
    assert list(grid.cells()) == [
        (("3", "focal"), {"model": {"levels": 3}, "training": {"loss": {"classification": "focal"}}}),
        (("3", "own"), {"model": {"levels": 3}}),
        (("null", "focal"), {"model": {"levels": None}, "training": {"loss": {"classification": "focal"}}}),
        (("null", "own"), {"model": {"levels": None}}),
    ]
    assert grid.measure == "accuracy"


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_there_is_a_cell_for_each_combination_in_order(sizes: list[int]) -> None:
    axes = tuple(
        Axis(f"{at}", tuple(Row(f"{row}", {f"{at}": row}) for row in range(size)))
        for at, size in enumerate(sizes)
    )
    cells = list(Grid(axes).cells())
    assert len(cells) == prod(sizes)
    expected = list(product(*map(range, sizes)))
    assert [tuple(map(int, labels)) for labels, _ in cells] == expected
    assert [tuple(changes.values()) for _, changes in cells] == expected


@given(SECTIONS)
def test_dotted_keys_say_the_same_as_nested_ones(values: dict[str, Any]) -> None:
    assert nested(flat(values)) == nested(values) == values


@given(SECTIONS, SECTIONS)
def test_two_sections_are_joined_unless_they_say_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = flat(one), flat(other)
    places = [(a, b) for a in first for b in second if f"{a}.".startswith(f"{b}.") or f"{b}.".startswith(f"{a}.")]
    if places:
        with pytest.raises(ValueError):
            joined(one, other)
    else:
        assert flat(joined(one, other)) == first | second


def test_a_row_may_mix_dotted_and_nested_keys() -> None:
    row = {"model.encoder.kind": "sgp", "model": {"encoder": {"hidden": 5}, "levels": 2}}
    assert nested(row) == {"model": {"encoder": {"kind": "sgp", "hidden": 5}, "levels": 2}}


def test_labels_that_are_no_text_are_written_as_in_the_file() -> None:
    grid = read_grid({"grid": {"gate": {True: {"model.encoder.gated": True}, 4: {}}}}, "here")
    assert [labels for labels, _ in grid.cells()] == [("true",), ("4",)]


def test_a_label_of_a_long_value_is_the_value() -> None:
    grid = read_grid({"grid": {"model.encoder.branches": [["instant"], ["instant", "local"]]}}, "here")
    assert [labels for labels, _ in grid.cells()] == [('["instant"]',), ('["instant", "local"]',)]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"grid": None}, "grid must name axes"),
        ({"grid": []}, "grid must name axes"),
        ({"grid": {"model.levels": []}}, "grid.model.levels must hold rows"),
        ({"grid": {"model.levels": 5}}, "grid.model.levels must hold rows"),
        ({"grid": {"model.levels": [2, 3, 2]}}, "grid.model.levels lists 2 twice"),
        ({"grid": {"model.level": [2]}}, "model.level is not a key of a recipe; did you mean model.levels"),
        ({"grid": {"size": [2]}}, "grid.size lists values, but size is not a key of a recipe"),
        ({"grid": {"size": {"small": 2}}}, "grid.size.small is 2, but must be a section of changes"),
        ({"grid": {"a": {"b": {"x.y": 1, "x": {"y": 2}}}}}, "grid.a.b sets x.y twice"),
        ({"grid": {"training.seed": [1]}}, "sets training.seed; how many seeds a cell has is said with --seeds"),
        ({"grid": {"training.workers": [1]}}, "sets training.workers, by which no result differs"),
        ({"grid": {"a": {"b": {"base": "hapt"}}}}, "grid.a.b sets base, which must be said outside the grid"),
        (
            {"grid": {"model.levels": [1], "a": {"b": {"model.levels": 2}}}},
            "grid.model.levels and grid.a both set",
        ),
        ({"grid": {"model.levels": [1]}, "measure": "costs"}, "accuracy, cost; did you mean cost?"),
    ],
)
def test_what_is_wrong_with_a_grid_is_said_with_its_key(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=r"^here: ") as error:
        read_grid(values, "here")
    assert sentence in str(error.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InputError, match="here has 3 mistakes"):
        read_grid({"grid": {"size": [1], "model.levels": 5}, "measure": 1}, "here")
