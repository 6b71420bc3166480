from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from untrimmed.models.encoders.gmg import GMGEncoder
from untrimmed.models.encoders.gmg_release import GMGReleaseEncoder
from untrimmed.models.encoders.pooled import PooledEncoder
from untrimmed.models.encoders.sgp import SGPEncoder
from untrimmed.models.sequences import Padding


@pytest.mark.parametrize("make", [GMGEncoder, GMGReleaseEncoder, SGPEncoder])
def test_the_levels_are_the_blocks_one_after_another_with_pooling_between(
    make: Callable[..., PooledEncoder], randomised: Callable[..., nn.Module]
) -> None:
    encoder = randomised(make(16, 3, stem_blocks=3, hidden=8))
    x = level = torch.randn(1, 16, 11)
    assert (len(encoder.stem), len(encoder.branch)) == (3, 2)
    for block in encoder.stem:
        level = block(level, Padding.of(level, None))
    expected = [level]
    for block in encoder.branch:
        level = F.max_pool1d(level, 3, stride=2, padding=1)
        level = block(level, Padding.of(level, None))
        expected.append(level)
    for found, one in zip(encoder(x).levels, expected, strict=True):
        assert_close(found, one)
