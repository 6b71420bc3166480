import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.embedding import Embedding, position_code
from untrimmed.models.sequences import Padding


def test_each_layer_is_convolution_then_norm_then_relu(randomised: Callable[..., nn.Module]) -> None:
    embedding = randomised(Embedding(5, 8, kernel_size=3, layers=2))
    x = torch.randn(2, 5, 7)
    expected = x
    for convolution, norm in zip(embedding.trunk.convolutions, embedding.trunk.norms, strict=True):
        expected = F.conv1d(expected, convolution.weight.permute(2, 1, 0), padding=1)
        expected = F.relu(norm(expected.mT).mT)
    assert_close(embedding(x.mT, Padding.of(x, None)), expected)


def test_each_sequence_is_embedded_as_if_alone(
    randomised: Callable[..., nn.Module], padded: Callable[..., Tensor]
) -> None:
    embedding = randomised(Embedding(5, 8, kernel_size=5, layers=3))
    sequences = [torch.randn(5, length) for length in (1, 4, 9)]
    batch = padded(sequences, 12)
    embedded = embedding(batch.mT, Padding.of(batch, [1, 4, 9]))
    for row, x in zip(embedded, sequences, strict=True):
        assert_close(row[:, : x.shape[1]], embedding(x.t()[None], Padding.of(x[None], None))[0])
        assert not row[:, x.shape[1] :].any()


# The code of positions

CPU = torch.device("cpu")


def test_the_code_of_positions_by_hand() -> None:
    # Two pairs of channels turn by 1 and by 1 / 10000^(2 / 4) = 1 / 100 a step; all is divided by sqrt(4).
    code = position_code(3, 4, CPU)
    expected = [[math.sin(t), math.cos(t), math.sin(t / 100), math.cos(t / 100)] for t in range(3)]
    assert_close(code, torch.tensor(expected) / 2)
    assert code.dtype == torch.float32


def test_an_odd_number_of_channels_ends_with_a_sine() -> None:
    assert_close(position_code(6, 3, CPU)[5, 2], torch.tensor(math.sin(5 * 10000 ** (-2 / 3)) / math.sqrt(3)))


def test_a_step_far_into_a_long_sequence_has_the_code_of_double_precision() -> None:
    t = 333_333
    code = position_code(t + 1, 2, CPU)[t]
    assert_close(code, torch.tensor([math.sin(t), math.cos(t)]) / math.sqrt(2), atol=1e-6, rtol=0)


@pytest.mark.parametrize("steps", [1, 4095, 4096, 4097])
def test_the_code_of_a_step_does_not_depend_on_how_long_its_sequence_is(steps: int) -> None:
    assert len(position_code(steps, 4, CPU)) == steps
    assert torch.equal(position_code(steps, 4, CPU), position_code(20_000, 4, CPU)[:steps])


def test_positions_are_added_from_the_start_of_each_sequence_and_not_behind_its_end(
    randomised: Callable[..., nn.Module], padded: Callable[..., Tensor]
) -> None:
    embedding = randomised(Embedding(5, 8, positions=True))
    batch = padded([torch.randn(5, length) for length in (6, 1, 9)], 11, 3.0).mT
    padding = Padding.of(batch.mT, [6, 1, 9])
    with_code = embedding(batch, padding)
    embedding.positions = False
    without = embedding(batch, padding)
    for row, length in enumerate(padding.lengths):
        added = (with_code - without)[row]
        assert_close(added[:, :length], position_code(length, 8, CPU).t())
        assert not with_code[row, :, length:].any()


def test_positions_change_neither_the_weights_that_are_kept_nor_their_gradient(
    randomised: Callable[..., nn.Module],
) -> None:
    embedding, x = randomised(Embedding(5, 8, positions=True)), torch.randn(1, 7, 5)
    factors = torch.randn(1, 8, 7)

    def gradients() -> list[Tensor]:
        embedding.zero_grad()
        (embedding(x, Padding.of(x.mT, None)) * factors).sum().backward()
        return [parameter.grad for parameter in embedding.parameters()]

    with_code, names = gradients(), set(embedding.state_dict())
    embedding.positions = False
    assert_close(gradients(), with_code)
    assert set(Embedding(5, 8).state_dict()) == names


def test_a_code_that_was_first_needed_in_validation_may_be_trained_with() -> None:
    embedding, x = Embedding(3, 6, positions=True), torch.randn(1, 5, 3)
    with torch.inference_mode():
        embedding(x, Padding.of(x.mT, None))
    assert not position_code(5, 6, CPU).is_inference()
    embedding(x, Padding.of(x.mT, None)).square().sum().backward()
