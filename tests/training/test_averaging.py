from types import SimpleNamespace

import lightning.pytorch as pl
import pytest
import torch
from torch import nn

from untrimmed.training.averaging import WarmAverage


class OneNumber(pl.LightningModule):
    """A module with one weight and one buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([-1000.0]))
        self.register_buffer("count", torch.tensor(0))


def average_of(values: list[float], decay: float) -> tuple[float, OneNumber]:
    """The average after a training whose steps lead to these weights, and the module that holds it."""
    module, average = OneNumber(), WarmAverage(decay)
    average.setup(None, module, "fit")
    for step, value in enumerate(values, start=1):
        with torch.no_grad():
            module.weight.fill_(value)
        module.count.fill_(step)
        average.on_train_batch_end(SimpleNamespace(global_step=step), module, None, None, step - 1)
    averaged = average.averaged(module)
    return averaged.weight.item(), averaged


def test_the_first_step_replaces_the_random_start():
    assert average_of([3.0], decay=0.999)[0] == 3


def test_new_values_count_less_and_less():
    # 1, then 9/11 of the way to 2, then 9/12 to 5, then 9/13 to 5.
    second = 1 + 9 / 11 * (2 - 1)
    third = second + 9 / 12 * (5 - second)
    fourth = third + 9 / 13 * (5 - third)
    for count, expected in enumerate((1, second, third, fourth), start=1):
        assert average_of([1.0, 2.0, 5.0, 5.0][:count], decay=0.999)[0] == pytest.approx(expected)


def test_the_memory_grows_up_to_the_decay():
    # With decay 0.5 a new value counts half as soon as (1 + n) / (10 + n) reaches 0.5, at n = 8.
    at_limit = average_of([0.0] * 8 + [1.0], decay=0.5)[0]
    before = average_of([0.0] * 7 + [1.0], decay=0.5)[0]
    after = average_of([0.0] * 50 + [1.0], decay=0.5)[0]
    assert before == pytest.approx(9 / 17)
    assert at_limit == pytest.approx(1 / 2)
    assert after == pytest.approx(1 / 2)


def test_after_many_steps_it_is_the_usual_exponential_average():
    assert average_of([0.0] * 2000 + [1.0], decay=0.99)[0] == pytest.approx(0.01, rel=1e-4)
    # Ten thousand steps would be needed to reach a decay of 0.999.
    assert average_of([0.0] * 2000 + [1.0], decay=0.999)[0] == pytest.approx(9 / 2010, rel=1e-4)


def test_a_short_run_is_averaged_over_its_last_part():
    # 100 steps from 0 to 1: a usual average of decay 0.999 would stay below 0.1.
    assert 0.85 < average_of([step / 99 for step in range(100)], decay=0.999)[0] < 0.95


def test_a_decay_of_zero_keeps_the_last_weights():
    assert average_of([0.25, 0.7, 0.375], decay=0.0)[0] == 0.375


def test_what_is_not_learned_is_taken_from_the_last_step():
    assert average_of([0.0, 1.0, 2.0], decay=0.999)[1].count == 3


def test_a_step_is_averaged_once_however_many_batches_it_took():
    module, average = OneNumber(), WarmAverage(0.999)
    average.setup(None, module, "fit")
    for step, value in ((1, 0.0), (2, 1.0), (2, 1.0)):
        with torch.no_grad():
            module.weight.fill_(value)
        average.on_train_batch_end(SimpleNamespace(global_step=step), module, None, None, 0)
    assert average.averaged(module).weight.item() == pytest.approx(9 / 11)


def test_before_training_the_average_is_the_module_itself():
    module = OneNumber()
    assert WarmAverage(0.999).averaged(module) is module
