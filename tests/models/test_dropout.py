from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from untrimmed.models.dropout import Dropout
from untrimmed.models.sequences import Padding

Padded = Callable[..., Tensor]


def dropped(
    x: Tensor, lengths: list[int] | None = None, drop: float = 0.3, share: tuple[int, int] = (0, 1)
) -> Tensor:
    layer = Dropout(drop).train()
    layer.share = share
    torch.manual_seed(5)
    return layer(x, Padding.of(x.mT, lengths))


def test_values_are_zero_or_divided_by_what_is_left() -> None:
    x = torch.randn(3, 400, 8)
    out = dropped(x)
    zero = out == 0
    # The standard deviation of this share is sqrt(0.3 * 0.7 / 9600) = 0.0047.
    assert abs(zero.float().mean() - 0.3) < 0.02
    assert_close(out[~zero], (x / 0.7)[~zero])
    assert not torch.equal(zero[0], zero[1])


def test_nothing_is_dropped_in_evaluation_or_without_a_probability() -> None:
    x = torch.randn(2, 5, 4)
    assert torch.equal(Dropout(0.5).eval()(x, Padding.of(x.mT, None)), x)
    assert torch.equal(dropped(x, drop=0.0), x)


def test_draws_do_not_depend_on_padding() -> None:
    x = torch.randn(2, 9, 4)
    longer = torch.cat([x, torch.ones(2, 6, 4)], dim=1)
    assert torch.equal(dropped(longer, [9, 7])[0, :9], dropped(x, [9, 7])[0])
    assert torch.equal(dropped(longer, [9, 7])[1, :7], dropped(x, [9, 7])[1, :7])


@pytest.mark.parametrize("processes", [2, 3])
def test_the_parts_of_several_processes_are_the_batch_of_one(processes: int) -> None:
    x = torch.randn(6, 8, 3)
    parts = [dropped(part, share=(rank, processes)) for rank, part in enumerate(x.chunk(processes))]
    assert torch.equal(torch.cat(parts), dropped(x))
