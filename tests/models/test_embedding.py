from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from untrimmed.models.embedding import Embedding
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
