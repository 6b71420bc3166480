"""Self-attention of sequences, each step to a window around it or to all.

Shape letters: B sequences, C channels, T steps, N blocks of M steps, W = M + 2r steps that a block of them sees.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from untrimmed.models.sequences import Padding

#: Smaller blocks cost more in calls than they save in products that are masked.
LEAST_BLOCK = 32


def attend(
    query: Tensor, key: Tensor, value: Tensor, padding: Padding, *, heads: int, window: int | None
) -> Tensor:
    """What each step of a sequence finds in the steps of the same sequence.

    Of each head, the mean of the values weighted by softmax(q k / sqrt(C / heads)) over the steps at most half
    a window away. Memory grows with T, not with its square.

    Args:
        query, key, value: (B, T, C); heads are consecutive groups of channels.
        padding: of the sequences. No step behind an end is attended to, but they must hold finite numbers.
        heads: a divisor of C.
        window: odd number of steps; None: all.

    Returns:
        (B, T, C), which means nothing behind the sequences.
    """
    batch, steps, channels = query.shape
    reach = steps if window is None else window // 2
    if reach >= steps - 1:
        seen = None if padding.is_empty else padding.mask[:, None]
        return _attended(query, key, value, heads, seen)
    size = max(2 * reach, LEAST_BLOCK)
    blocks = -(-steps // size)
    spare = blocks * size - steps
    queries = F.pad(query, (0, 0, 0, spare)).reshape(batch * blocks, size, channels)
    keys, values = (
        # Windows overlap in memory; of one sequence alone they are not even copied.
        F.pad(x, (0, 0, reach, reach + spare)).unfold(1, size + 2 * reach, size).mT.flatten(0, 1)
        for x in (key, value)
    )
    found = _attended(queries, keys, values, heads, _seen(padding, reach, size, blocks).flatten(0, 1)[:, None])
    return found.reshape(batch, blocks * size, channels)[:, :steps]


def _seen(padding: Padding, reach: int, size: int, blocks: int) -> Tensor:
    """(B, N, M, W), which steps of its window each step of a block attends to."""
    width = size + 2 * reach
    offset = torch.arange(width, device=padding.device) - torch.arange(size, device=padding.device)[:, None]
    near = (offset >= 0) & (offset <= 2 * reach)
    spare = blocks * size - padding.steps
    known = F.pad(padding.mask[:, 0], (reach, reach + spare)).unfold(1, width, size)
    # Behind an end each step attends to itself: the mean over nothing would be no number.
    return near & known[:, :, None] | (offset == reach)


def _attended(query: Tensor, key: Tensor, value: Tensor, heads: int, seen: Tensor | None) -> Tensor:
    """(B, M, C) that attend to (B, W, C) where `seen` (B, 1, M or 1, W) is true, or everywhere, to (B, M, C)."""
    q, k, v = (x.view(*x.shape[:2], heads, -1).transpose(1, 2) for x in (query, key, value))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2).flatten(2)
