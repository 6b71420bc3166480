"""What networks cost: counted against formulas, timed only as far as a time is there."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from untrimmed.config import ModelSection
from untrimmed.errors import InputError, UntrimmedError
from untrimmed.models.build import build_detector
from untrimmed.models.rows import RowConvolution
from untrimmed.sweeping import cost
from untrimmed.sweeping.cost import Input, count_flops, measure, sweep_costs
from untrimmed.sweeping.plan import Plan

SMALL = Input(steps=32, dimension=5, classes=3, rounds=2)


@pytest.fixture(autouse=True)
def small_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "MATRIX_SIZE", 64)


@pytest.mark.parametrize(("inputs", "outputs", "rows"), [(4, 6, 10), (300, 260, 7), (40, 2, 5)])
def test_a_convolution_counts_as_it_is_defined(inputs: int, outputs: int, rows: int) -> None:
    flops = count_flops(RowConvolution(inputs, outputs, 3), torch.randn(rows, inputs))
    # The first and the last row see two steps instead of three, unless all steps are multiplied at once.
    products = 3 * rows if 3 * outputs <= inputs else 3 * rows - 2
    assert flops == 2 * inputs * outputs * products


def test_layers_of_pytorch_count_too() -> None:
    assert count_flops(nn.Linear(3, 4), torch.randn(5, 3)) == 2 * 5 * 3 * 4
    assert count_flops(nn.Conv1d(3, 4, 3, padding=1), torch.randn(1, 3, 6)) == 2 * 6 * 3 * 3 * 4


def test_the_cost_of_a_network(planned: Callable[..., Plan]) -> None:
    (cell,) = planned("measure: cost\ngrid: {model.levels: [2]}").cells
    found = measure(cell.recipe, SMALL)
    network = build_detector(cell.recipe.model, input_dim=5, classes=3)
    assert found.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert found.flops == count_flops(network, torch.randn(1, 32, 5)) > 0
    assert found.seconds > 0
    assert found.products > 0


def test_twice_the_steps_are_twice_the_operations(planned: Callable[..., Plan]) -> None:
    (cell,) = planned("measure: cost\ngrid: {model.levels: [2]}").cells
    once, twice = (measure(cell.recipe, Input(steps, 5, 3, 1)).flops for steps in (64, 128))
    assert twice / once == pytest.approx(2, rel=0.05)


def test_all_cells_are_in_the_table_and_one_that_fails_does_not_stop_the_others(
    planned: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(model: ModelSection, **options: int) -> nn.Module:
        if model.levels == 2:
            raise RuntimeError("too deep")
        return build_detector(model, **options)

    monkeypatch.setattr(cost, "build_detector", build)
    said: list[str] = []
    plan = planned("measure: cost\ngrid: {model.levels: [1, 2, 3]}")
    outcome = sweep_costs(plan, SMALL, Path("out"), said.append)
    lines = outcome.page.splitlines()
    assert lines[2] == "| model.levels | parameters | GFLOPs | ms | matrix products |"
    assert [line.split(" | ")[0] for line in lines[4:7]] == ["| 1", "| 2", "| 3"]
    assert lines[5] == "| 2 | – | – | – | – |"
    assert "Fourier transforms" in outcome.page
    assert len(said) == 3
    with pytest.raises(UntrimmedError, match=r"1 of 3 runs failed; .*\n  2: RuntimeError: too deep"):
        outcome.require_all()


def test_the_length_of_a_feature_vector_must_be_known(planned: Callable[..., Plan]) -> None:
    plan = planned("measure: cost\ngrid: {model.levels: [1]}")
    with pytest.raises(InputError, match=r"does not say data.dimension: say with --input-dim"):
        sweep_costs(plan, Input(), Path("out"), print)
